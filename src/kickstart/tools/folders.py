"""Plain folders: read as trees, and written all at once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kickstart import folders
from kickstart.errors import ConflictError
from kickstart.tree import EXECUTABLE, PathError, Tree


class LocalFolders:
    """Folders on this machine."""

    def read(self, folder: Path) -> Tree | None:
        obstacle = folder if folder.is_symlink() else folders.obstacle(folder)
        if obstacle is not None:
            raise ConflictError(f"{obstacle} is not a folder", hint="choose another --output-dir")
        if not folder.exists():
            return None
        try:
            return Tree(folders.Files(folder))
        except PathError as error:
            raise ConflictError(
                f"{folder} holds other files: {error}", hint="choose another --output-dir"
            ) from error

    def write(self, folder: Path, tree: Tree) -> None:
        """Write beside `folder` and change places, so that nobody ever sees half of it.

        The last rename is the last act: whenever a run is killed, the next one finds either the work
        undone or nothing left to clear away.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".kickstart-{folder.name}."
        with folders.staged(folder.parent, prefix) as new, folders.staged(folder.parent, prefix) as old:
            _fill(new, tree)
            new.chmod(0o777 & ~umask())
            if folder.exists():
                folder.rename(old)
            shutil.rmtree(old)
            new.rename(folder)

    def keep(self, folder: Path, tree: Tree) -> None:
        """Write a folder that is always the same; of several runs that do, one has written it."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folders.staged(folder.parent, f".kickstart-{folder.name}.") as new:
            _fill(new, tree)
            new.chmod(0o777 & ~umask())
            try:
                new.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise


def umask() -> int:
    """Return the user's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _fill(folder: Path, tree: Tree) -> None:
    made = {""}
    for path, entry in tree.items():
        parent = path.rpartition("/")[0]
        if parent not in made:
            (folder / parent).mkdir(parents=True, exist_ok=True)
            made.add(parent)
        target = f"{folder}/{path}"
        if entry.is_link:
            Path(target).symlink_to(os.fsdecode(entry.content))
        else:
            mode = 0o777 if entry.mode == EXECUTABLE else 0o666  # less the user's umask
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                stream.write(entry.content)
