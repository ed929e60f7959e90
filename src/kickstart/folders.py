"""Folders on disk as entries of a tree."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kickstart.tree import EXECUTABLE, FILE, LINK, Entry, PathError, link_stays_inside


def read(folder: Path) -> dict[str, Entry]:
    """Return everything below `folder` by its relative path; links are not followed.

    Leaves out `.git`. Raises PathError for links that leave the folder and for special files.
    """
    entries: dict[str, Entry] = {}
    pending = [""]
    while pending:
        inside = pending.pop()
        with os.scandir(folder / inside) as found:
            for item in found:
                path = f"{inside}{item.name}"
                if item.is_symlink():
                    entries[path] = _link(path, os.readlink(item.path), item.path)
                elif item.is_dir():
                    if item.name != ".git":
                        pending.append(f"{path}/")
                elif item.is_file():
                    entries[path] = read_file(Path(item.path))
                else:
                    raise PathError(f"{item.path} is neither a file, a folder nor a link")
    return dict(sorted(entries.items()))


def obstacle(folder: Path) -> Path | None:
    """Return what makes it impossible to have a folder here: a file, or a broken link, at it or above."""
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    return None if nearest.is_dir() else nearest


def read_file(file: Path) -> Entry:
    """Return one regular file with the mode that Git would give it."""
    executable = file.stat().st_mode & stat.S_IXUSR
    return Entry(file.read_bytes(), EXECUTABLE if executable else FILE)


def _link(path: str, target: str, shown: str) -> Entry:
    if not link_stays_inside(path, target):
        raise PathError(f"{shown} is a link to {target!r}, outside its folder")
    return Entry(os.fsencode(target), LINK)
