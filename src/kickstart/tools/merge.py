"""Three versions of a repository made into one, by Git's own merge."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from kickstart import marker
from kickstart.errors import PreflightError
from kickstart.tools import plumbing
from kickstart.tools.objects import SUBMODULE, Objects
from kickstart.tree import LINK, Entry

BASE, TEAM, TEMPLATE = (f"refs/kickstart/{name}" for name in ("base", "team", "template"))
_TAKEN = "was changed by the template, and is in a submodule of the team's, which stays as it is"
_KEPT = "was changed by the team and by the template, and is kept as the team's"
_WORDS = {
    "contents": _KEPT,
    "binary": _KEPT,
    "modify/delete": "was deleted by one side and changed by the other, and is kept as changed",
    "rename/delete": "was deleted by one side and renamed by the other, and is kept as renamed",
    "rename/rename": "was renamed by both sides, each in its own way, and has both names",
    "file/directory": "is a file on one side and a folder on the other; the file is kept by this name",
    "distinct modes": "is a file on one side and a link on the other; the file is kept by the name with ~",
}
OLDEST = (2, 38)  # of Git, with `merge-tree --write-tree`


class Merged(Struct, frozen=True):
    """What a merge changes in the team's version; None removes a file.

    conflicts: by path, Git's words about it. What can be marked is marked in the file. stages: of the
    same, the rows of an index.
    """

    changes: Mapping[str, Entry | None]
    conflicts: Mapping[str, str]
    stages: Sequence[bytes] = ()


def merge(
    git_dir: Path, objects: Objects, base: Mapping[str, Entry], team: str, template: Mapping[str, Entry]
) -> Merged:
    """Merge what a template makes now into the commit `team` of a repository, whose objects are `objects`.

    base: what the template made before. Markers take no part, and submodules stay as they are. Raises
    PreflightError for an old Git.
    """
    there = objects.listing(team)
    inside = _inside([path for path, row in there.items() if row[0] == SUBMODULE], {*base, *template})
    left_out = {path: _TAKEN for path in sorted(inside) if base.get(path) != template.get(path)}
    base, template = (
        {path: entry for path, entry in side.items() if path not in inside} for side in (base, template)
    )
    _store(git_dir, objects.tree(team), base, template)
    objects.complete(TEAM)
    # A template that moves a folder does not move what the team has put there.
    output = _merge_tree(git_dir, "-c", "merge.directoryRenames=false", "-c", "merge.conflictStyle=merge")
    head, _, messages = output.partition(b"\0\0")
    tree, *stages = head.split(b"\0")
    names = {_path(stage.partition(b"\t")[2]) for stage in stages}
    # Of a binary file Git says twice that it is in conflict, and once why.
    kinds = dict(sorted(_kinds(messages), key=lambda pair: pair[1] == "binary"))
    changes = _changes(objects, tree.decode())
    left = objects.entries(tree.decode(), sorted(names)) if names else {}
    conflicts = {path: _words(kinds.get(path, ""), left.get(path)) for path in sorted(names)}
    return Merged(changes, dict(sorted({**conflicts, **left_out}.items())), stages)


def _inside(submodules: Sequence[str], paths: Collection[str]) -> set[str]:
    """Return what would stand in the place of a submodule, or inside of it."""
    return {path for path in paths if any(f"{path}/".startswith(f"{each}/") for each in submodules)}


def _words(kind: str, left: Entry | None) -> str:
    is_text = left is not None and left.mode != LINK and kind != "binary"
    if left and is_text and re.search(rb"^<<<<<<< ", left.content, re.M):
        return "the same lines were changed by the team and by the template, and are marked"
    return _WORDS.get(kind, f"cannot be merged ({kind or 'with another file'})")


def _store(git_dir: Path, team: str, base: Mapping[str, Entry], template: Mapping[str, Entry]) -> None:
    """Make one history of the three: their common ancestor is `base`, whatever was rewritten since."""
    stream = [b"feature done\n", _commit(BASE, b"mark :1\n"), *_files(base)]
    stream += [_commit(TEAM, b"", b"from :1\n"), f'M 040000 {team} ""\n'.encode()]
    stream += [b"D %s\n" % marker.FILE_NAME.encode()]
    stream += [_commit(TEMPLATE, b"", b"from :1\n"), b"deleteall\n", *_files(template)]
    plumbing.fast_import(git_dir, stream)


def _commit(name: str, mark: bytes, parent: bytes = b"") -> bytes:
    return f"commit {name}\n".encode() + mark + b"committer kickstart <> 0 +0000\ndata 0\n" + parent


def _files(entries: Mapping[str, Entry]) -> Iterator[bytes]:
    for path, entry in entries.items():
        if path != marker.FILE_NAME:
            yield plumbing.file_command(path, entry)


def _merge_tree(git_dir: Path, *settings: str) -> bytes:
    # A merge with conflicts ends with 1, and its output is as good.
    try:
        return plumbing.git(
            f"--git-dir={git_dir}",
            *settings,
            *("merge-tree", "--write-tree", "-z", "--messages"),
            *(each.removeprefix("refs/") for each in (TEAM, TEMPLATE)),  # as conflicts call them
            accepted=(0, 1),
        )
    except plumbing.GitError:
        refuse_old_git()
        raise


def _kinds(messages: bytes) -> Iterator[tuple[str, str]]:
    """Yield path and kind of each conflict in `COUNT, PATH..., KIND, MESSAGE`, each ended by NUL."""
    fields = iter(messages.split(b"\0"))
    for count in fields:
        if not count:
            return
        paths = [_path(next(fields)) for _ in range(int(count))]
        kind, _ = next(fields).decode(), next(fields)
        if kind.startswith("CONFLICT"):
            yield from ((path, kind[len("CONFLICT (") : -1]) for path in paths)


def _path(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _changes(objects: Objects, tree: str) -> dict[str, Entry | None]:
    before, after = objects.listing(TEAM), objects.listing(tree)
    paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    there = objects.entries(tree, paths) if paths else {}
    return {path: there.get(path) for path in paths}


def refuse_old_git() -> None:
    """Raise PreflightError where Git is too old to merge: asked after a failure, and so never in vain."""
    said = plumbing.git("version").decode().split()[2]
    found = re.match(r"(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise PreflightError(
            f"an update needs Git {oldest} or newer, and this is Git {said}; nothing was changed",
            hint=f"install Git {oldest} or newer, or run it where there is one, and run this again",
        )
