"""Repositories as values: an immutable tree of files, executables and symbolic links."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

# Git's own modes, since publishing is what trees are for.
FILE = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000


_DRIVE = re.compile("[A-Za-z]:")  # where Windows starts a path of its own


class PathError(ValueError):
    """A path that may not stand in a tree; the text says which and why."""


class Entry(Struct, frozen=True):
    """A file's bytes, or a link's target, with its Git mode."""

    content: bytes
    mode: int = FILE

    @property
    def is_link(self) -> bool:
        return self.mode == LINK


def normal_path(path: str) -> str:
    """Return `path` relative to the tree, without `.` parts; "" is the tree itself.

    Raises PathError for absolute paths, `..`, `.git` and characters that no repository should hold.
    """
    if "\0" in path or "\n" in path or "\\" in path or not (path.isascii() or _is_utf8(path)):
        raise PathError(f"{path!r} holds a character that is not allowed in a path")
    if path.startswith("/") or _DRIVE.match(path):
        raise PathError(f"{path!r} is absolute; paths are relative to the workspace")
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise PathError(f"{path!r} leaves the workspace")
    if any(part.lower() == ".git" for part in parts):
        raise PathError(f"{path!r} is inside a .git folder")
    return "/".join(parts)


def _is_utf8(path: str) -> bool:
    """Tell whether `path` has a name everywhere; a file of this machine may be called any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def link_stays_inside(path: str, target: str) -> bool:
    """Tell whether a link at `path` pointing to `target` stays in the tree that holds it.

    `..` may only stand at its start: behind a name, that name could be a link to elsewhere.
    """
    if not target or target.startswith("/") or "\0" in target:
        return False
    parts = [part for part in target.split("/") if part not in {"", "."}]
    ups = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return ups <= path.count("/") and ".." not in parts[ups:]


class Tree(Mapping[str, Entry]):
    """Path -> Entry, ordered by path. No file is also a folder, and no link leaves the tree."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, Entry] | None = None) -> None:
        self._entries = dict(sorted((entries or {}).items()))
        self._check()

    def _check(self) -> None:
        checked: set[str] = set()
        for path, entry in self._entries.items():
            if normal_path(path) != path or not path:
                raise PathError(f"{path!r} is not a normal path")
            folder = posixpath.dirname(path)
            while folder and folder not in checked:
                if folder in self._entries:
                    raise PathError(f"{folder!r} is a file, so {path!r} cannot be inside it")
                checked.add(folder)
                folder = posixpath.dirname(folder)
            if entry.is_link and not link_stays_inside(path, entry.content.decode("utf-8", "replace")):
                raise PathError(
                    f"{path!r} is a link to {entry.content.decode('utf-8', 'replace')!r}, outside the tree"
                )

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(self.digest())

    def __repr__(self) -> str:
        return f"Tree({len(self)} entries, {self.size} bytes)"

    @property
    def size(self) -> int:
        """Bytes of all contents."""
        return sum(len(entry.content) for entry in self._entries.values())

    def adding(self, entries: Mapping[str, Entry]) -> Tree:
        """Return a tree with `entries` added or replaced."""
        return Tree({**self._entries, **entries}) if entries else self

    def without(self, paths: Iterable[str]) -> Tree:
        """Return a tree without the entries at `paths`."""
        gone = set(paths)
        return Tree({path: entry for path, entry in self._entries.items() if path not in gone})

    def under(self, folder: str) -> dict[str, Entry]:
        """Return what lies in `folder` (a normal path), by its path relative to that folder."""
        if not folder:
            return dict(self._entries)
        start = folder + "/"
        return {path[len(start) :]: entry for path, entry in self._entries.items() if path.startswith(start)}

    def digest(self) -> str:
        """Return `sha256:...` over all paths, modes and contents."""
        total = hashlib.sha256()
        for path, entry in self._entries.items():
            content = hashlib.sha256(entry.content).hexdigest()
            total.update(f"{entry.mode:o} {content} {path}\n".encode())
        return f"sha256:{total.hexdigest()}"


class Edit(Struct, frozen=True):
    """What one commit changes in a repository that is there already.

    changes: what stands at a path afterwards; None removes it. name: what the edit is about, as part
    of a branch's name. intent: tells one edit of that name from another, whenever it is made.
    """

    changes: Mapping[str, Entry | None]
    subject: str = ""
    text: str = ""
    name: str = ""
    intent: str = ""

    @property
    def message(self) -> str:
        """The commit's message as stored."""
        return "\n\n".join(filter(None, (self.subject, self.text))).rstrip("\n") + "\n"


class Commit(Struct, frozen=True):
    """A root commit that is fully known before it is made, its id included."""

    tree: Tree
    message: str
    author: str  # as Git writes it: "Ada Lovelace <ada@example.com>"
    at: datetime

    @property
    def stamp(self) -> str:
        """Author or committer line without its keyword, as Git stores it."""
        offset = self.at.utcoffset()
        minutes = int(offset.total_seconds() // 60) if offset else 0
        sign = "-" if minutes < 0 else "+"
        zone = f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
        return f"{self.author} {int(self.at.timestamp())} {zone}"

    @property
    def text(self) -> str:
        """The message as stored: one newline at its end."""
        return self.message.rstrip("\n") + "\n"

    @property
    def id(self) -> str:
        """The commit's object id (SHA-1), as Git would compute it."""
        tree = _tree_id(dict(self.tree))
        body = f"tree {tree}\nauthor {self.stamp}\ncommitter {self.stamp}\n\n{self.text}"
        return _object_id("commit", body.encode())


def _object_id(kind: str, body: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body, usedforsecurity=False).hexdigest()


def _tree_id(entries: Mapping[str, Entry]) -> str:
    folders: dict[str, dict[str, Entry]] = {}
    rows: list[tuple[bytes, bytes]] = []
    for path, entry in entries.items():
        head, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(head, {})[rest] = entry
        else:
            blob = bytes.fromhex(_object_id("blob", entry.content))
            rows.append((head.encode(), f"{entry.mode:o} {head}\0".encode() + blob))
    for name, inside in folders.items():
        # Git sorts a folder as if its name ended with a slash.
        rows.append((f"{name}/".encode(), f"40000 {name}\0".encode() + bytes.fromhex(_tree_id(inside))))
    return _object_id("tree", b"".join(row for _, row in sorted(rows)))
