"""Reading a repository's objects, as many as there are, through one process of Git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from kickstart.tools import plumbing
from kickstart.tree import Entry, Tree

# So many names are asked for before the first answer is read: they fit into any pipe, so that neither
# side waits for the other.
BATCH = 100

_FOLDER = 0o040000
SUBMODULE = 0o160000


class Objects:
    """Commits, trees and files of one repository. What is added to it meanwhile is found as well.

    bring: brings objects here that the repository lacks, by their ids, as far as it can. Raises GitError
    where the repository cannot be read, PreflightError without Git.
    """

    def __init__(self, git_dir: Path, bring: Callable[[Sequence[str]], None] | None = None) -> None:
        self._git_dir = git_dir
        self._bring = bring
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Objects:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, if there is one; the next question starts another."""
        if self._process:
            self._process.communicate()
            self._process = None

    def commit(self, revision: str) -> str | None:
        """Return the id of the commit that a revision names, or None where there is none."""
        return self._id(f"{revision}^{{commit}}")

    def tree(self, revision: str) -> str:
        """Return the id of a revision's tree. Raises GitError where there is no such revision."""
        found = self._id(f"{revision}^{{tree}}")
        if found is None and self._bring and (commit := self.commit(revision)):
            # Git takes a commit for none whose tree is not here.
            found = self.contents([commit])[0].split(maxsplit=2)[1].decode()
        if found is None:
            raise plumbing.GitError(f"there is no {revision}")
        return found

    def entries(self, revision: str, paths: Sequence[str] = ()) -> dict[str, Entry]:
        """Return the files of a revision at or below `paths`, or all of them, whatever their names are.

        Submodules are left out.
        """
        listed = self.listing(revision, paths)
        rows = [(path, *row) for path, row in listed.items() if row[0] != SUBMODULE]
        contents = self.contents([id_ for _, _, id_ in rows])
        return {path: Entry(content, mode) for (path, mode, _), content in zip(rows, contents, strict=True)}

    def listing(self, revision: str, paths: Sequence[str] = ()) -> dict[str, tuple[int, str]]:
        """Return mode and id of what stands at or below `paths`, or everywhere, in the order of the paths."""
        root = self.tree(revision)
        found: dict[str, tuple[int, str]] = {}
        folders = {"": root}
        while folders:
            inside: dict[str, str] = {}
            for folder, content in zip(folders, self.contents(list(folders.values())), strict=True):
                for mode, name, id_ in _rows(content, len(root) // 2):
                    path = folder + name
                    if mode == _FOLDER and _on_the_way(path, paths):
                        inside[path + "/"] = id_
                    elif mode != _FOLDER and _below(path, paths):
                        found[path] = (mode, id_)
            folders = inside
        return dict(sorted(found.items()))

    def contents(self, ids: Sequence[str]) -> list[bytes]:
        """Return what objects hold, by their ids."""
        found = self._found(ids)
        missing = [id_ for id_, content in zip(ids, found, strict=True) if content is None]
        if missing and self._bring:
            self._bring(list(dict.fromkeys(missing)))  # all at once: each time is a talk with a server
            found = self._found(ids)
        for id_, content in zip(ids, found, strict=True):
            if content is None:
                raise plumbing.GitError(f"the repository lacks the object {id_}")
        return [content for content in found if content is not None]

    def complete(self, revision: str) -> None:
        """Bring here what files of a revision hold, for a command of Git's that reads them by itself."""
        if self._bring is None:
            return
        ids = [id_ for mode, id_ in self.listing(revision).values() if mode != SUBMODULE]
        said = plumbing.git(
            *(f"--git-dir={self._git_dir}", "cat-file", "--batch-check", "--buffer"),
            input="".join(f"{id_}\n" for id_ in ids).encode(),
        )
        missing = [line.split()[0].decode() for line in said.splitlines() if line.endswith(b" missing")]
        if missing:
            self._bring(missing)

    def _found(self, ids: Sequence[str]) -> list[bytes | None]:
        found: list[bytes | None] = []
        for start in range(0, len(ids), BATCH):
            answers = self._ask(ids[start : start + BATCH])
            found += [None if id_ is None else content for id_, content in answers]
        return found

    def _id(self, name: str) -> str | None:
        ((found, _),) = self._ask([name])
        return found

    def _ask(self, names: Sequence[str]) -> list[tuple[str | None, bytes]]:
        """Return id and content of each named object; no id where there is none."""
        if self._process is None:
            self._process = plumbing.start(f"--git-dir={self._git_dir}", "cat-file", "--batch")
        asked, said = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        try:
            asked.write("".join(f"{name}\n" for name in names).encode())
            asked.flush()
            return [_answer(said) for _ in names]
        except (BrokenPipeError, EOFError):
            _, why = self._process.communicate()
            self._process = None
            said_ = why.decode("utf-8", "replace")
            raise plumbing.GitError(plumbing.reason(said_) or "git cat-file failed", said_) from None


def read_tree(git_dir: Path, revision: str) -> Tree:
    """Return all files of a revision, byte for byte; submodules are left out."""
    with Objects(git_dir) as objects:
        return Tree(objects.entries(revision))


def _answer(said: IO[bytes]) -> tuple[str | None, bytes]:
    head = said.readline()
    if not head:
        raise EOFError
    if head.endswith((b" missing\n", b" ambiguous\n")):
        return None, b""
    id_, _, size = head.split()
    content = said.read(int(size) + 1)
    return id_.decode(), content[:-1]


def _rows(tree: bytes, length: int) -> Iterator[tuple[int, str, str]]:
    """Yield mode, name and id of each row of a tree's content; `length` is of an id in bytes."""
    position = 0
    while position < len(tree):
        end = tree.index(b"\0", position)
        mode, _, name = tree[position:end].partition(b" ")
        position = end + 1 + length
        yield int(mode, 8), os.fsdecode(name), tree[end + 1 : position].hex()


def _below(path: str, paths: Sequence[str]) -> bool:
    return not paths or any(path == each or path.startswith(f"{each}/") for each in paths)


def _on_the_way(folder: str, paths: Sequence[str]) -> bool:
    return _below(folder, paths) or any(each.startswith(f"{folder}/") for each in paths)
