"""Folders on disk as entries of a tree."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kickstart.tree import EXECUTABLE, FILE, LINK, Entry, PathError, link_stays_inside, normal_path

try:
    import fcntl
except ImportError:  # Windows, where a day tells what is abandoned
    _CAN_LOCK = False
else:
    _CAN_LOCK = True

_ABANDONED = 24 * 60 * 60  # seconds


class Files(Mapping[str, Entry]):
    """Everything below a folder by its relative path, in order; links are not followed.

    An entry is read each time it is asked for, so that a large folder need not fit in memory. Leaves
    out `.git`. Raises PathError for special files at once, and for a link that leaves the folder when
    it is read.
    """

    def __init__(self, folder: Path) -> None:
        # As text: a Path keeps each of its parts for good, which thousands of files would pile up.
        self._folder = str(folder)
        self._links: dict[str, bool] = {}  # whether each path is one
        pending = [""]
        while pending:
            inside = pending.pop()
            with os.scandir(folder / inside) as found:
                for item in found:
                    path = f"{inside}{item.name}"
                    if not item.is_symlink() and item.is_dir():
                        if item.name != ".git":
                            pending.append(f"{path}/")
                    elif item.is_symlink() or item.is_file():
                        self._links[path] = item.is_symlink()
                    else:
                        raise PathError(f"{item.path} is neither a file, a folder nor a link")
        self._links = dict(sorted(self._links.items()))

    def __getitem__(self, path: str) -> Entry:
        place = f"{self._folder}/{path}"
        return _link(path, os.readlink(place), place) if self._links[path] else read_file(place)

    def __iter__(self) -> Iterator[str]:
        return iter(self._links)

    def __len__(self) -> int:
        return len(self._links)


def clear_abandoned(folder: Path, pattern: str) -> None:
    """Remove what killed runs left in `folder`: what is older than a day, and nobody works on any more."""
    for left in folder.glob(pattern):
        try:
            if left.lstat().st_mtime > time.time() - _ABANDONED:
                continue
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
        except OSError:  # another run was faster, or it is not ours to remove
            continue


@contextmanager
def staged(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder in `parent`, for as long as this run works on it; what is left of it goes then.

    What killed runs have left there goes first: what is called like it, and nobody holds. It is held by
    a lock of the folder itself, which ends with the process, however that ends.
    """
    for left in parent.glob(f"{prefix}*"):
        held = _hold(left)
        if held is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(held)
    if not _CAN_LOCK:
        clear_abandoned(parent, f"{prefix}*")
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    while (held := _hold(folder)) is None and not folder.is_dir():
        # Another run has just taken it for abandoned.
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if held is not None:
            os.close(held)


def _hold(folder: Path) -> int | None:
    """Lock a folder until the returned descriptor is closed; none where another run has it, or it is gone."""
    if not _CAN_LOCK:
        return None
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.stat().st_ino == os.fstat(opened).st_ino:
            return opened
    except OSError:  # held, gone meanwhile, or on a disk without locks
        pass
    os.close(opened)
    return None


def read_visible(folder: Path) -> tuple[dict[str, Entry], list[tuple[str, str]]]:
    """Return the files of a working copy, and what is left out with its reason, as a clause.

    Left out are links that lead out of it, and names that no tree holds.

    Folders that are hidden, or that a tool has filled, are passed over.
    """
    entries: dict[str, Entry] = {}
    left: list[tuple[str, str]] = []
    pending = [""]
    while pending:
        inside = pending.pop()
        with os.scandir(folder / inside) as found:
            for item in found:
                path = f"{inside}{item.name}"
                is_folder = item.is_dir() and not item.is_symlink()
                if is_folder and (item.name.startswith(".") or item.name in _FILLED):
                    continue
                if _is_impossible(path):
                    left.append((path, "has a name that no repository should hold"))
                elif is_folder:
                    pending.append(f"{path}/")
                elif item.is_symlink():
                    target = os.readlink(item.path)
                    if link_stays_inside(path, target):
                        entries[path] = Entry(os.fsencode(target), LINK)
                    else:
                        left.append((path, f"is a link out of {folder}"))
                elif item.is_file():
                    entries[path] = read_file(item.path)
    return dict(sorted(entries.items())), sorted(left)


def _is_impossible(path: str) -> bool:
    try:
        normal_path(path)
    except PathError:
        return True
    return False


_FILLED = frozenset({"node_modules", "__pycache__", "venv"})


def obstacle(folder: Path) -> Path | None:
    """Return what makes it impossible to have a folder here: a file, or a broken link, at it or above."""
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    return None if nearest.is_dir() else nearest


def read_file(file: str | Path) -> Entry:
    """Return one regular file with the mode that Git would give it."""
    with os.fdopen(os.open(file, os.O_RDONLY), "rb") as stream:
        executable = os.fstat(stream.fileno()).st_mode & stat.S_IXUSR
        return Entry(stream.read(), EXECUTABLE if executable else FILE)


def _link(path: str, target: str, shown: str) -> Entry:
    if not link_stays_inside(path, target):
        raise PathError(f"{shown} is a link to {target!r}, outside its folder")
    return Entry(os.fsencode(target), LINK)
