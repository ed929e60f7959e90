"""Plain folders: read as trees, and written all at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from kickstart import folders
from kickstart.errors import ConflictError
from kickstart.tree import EXECUTABLE, Tree


class LocalFolders:
    """Folders on this machine."""

    def read(self, folder: Path) -> Tree | None:
        if not os.path.lexists(folder):
            return None
        if folder.is_symlink() or not folder.is_dir():
            raise ConflictError(f"{folder} is not a folder", hint="choose another --output-dir")
        return Tree(folders.read(folder))

    def write(self, folder: Path, tree: Tree) -> None:
        """Write beside `folder` and change places, so that nobody ever sees half of it."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".kickstart-{folder.name}."
        for left in folder.parent.glob(f"{prefix}*"):  # of a run that was killed here
            shutil.rmtree(left, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=prefix))
        try:
            new = staging / "new"
            new.mkdir()
            _fill(new, tree)
            if os.path.lexists(folder):
                folder.rename(staging / "old")
            new.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _fill(folder: Path, tree: Tree) -> None:
    made = {""}
    for path, entry in tree.items():
        parent = path.rpartition("/")[0]
        if parent not in made:
            (folder / parent).mkdir(parents=True, exist_ok=True)
            made.add(parent)
        target = folder / path
        if entry.is_link:
            target.symlink_to(os.fsdecode(entry.content))
        else:
            mode = 0o777 if entry.mode == EXECUTABLE else 0o666  # less the user's umask
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                stream.write(entry.content)
