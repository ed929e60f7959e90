"""Three versions of a repository made into one, by Git's own merge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kickstart import marker
from kickstart.errors import PreflightError
from kickstart.tools import plumbing
from kickstart.tools.objects import Objects
from kickstart.tree import LINK, Entry

OLDEST = (2, 38)  # of Git, with `merge-tree --write-tree`


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge changes in the team's version; None removes a file.

    conflicts: by path, Git's words about it. What can be marked is marked in the file.
    """

    changes: Mapping[str, Entry | None]
    conflicts: Mapping[str, str]


def merge(
    git_dir: Path, objects: Objects, base: Mapping[str, Entry], team: str, template: Mapping[str, Entry]
) -> Merged:
    """Merge what a template makes now into the commit `team` of a repository, whose objects are `objects`.

    base: what the template made before. Markers take no part. Raises PreflightError for an old Git.
    """
    _store(git_dir, objects.tree(team), base, template)
    # A template that moves a folder does not move what the team has put there.
    output = _merge_tree(git_dir, "-c", "merge.directoryRenames=false", "-c", "merge.conflictStyle=merge")
    head, _, messages = output.partition(b"\0\0")
    tree, *stages = head.split(b"\0")
    names = {_path(stage.partition(b"\t")[2]) for stage in stages}
    kinds = dict(_kinds(messages))
    changes = _changes(objects, tree.decode())
    left = objects.entries(tree.decode(), sorted(names)) if names else {}
    conflicts = {path: _words(kinds.get(path, ""), left.get(path)) for path in sorted(names)}
    return Merged(changes, conflicts)


def _words(kind: str, left: Entry | None) -> str:
    if left and left.mode != LINK and re.search(rb"^<<<<<<< ", left.content, re.M):
        return "the same lines were changed by the team and by the template, and are marked"
    if kind == "modify/delete":
        return "was deleted by one side and changed by the other, and is kept as changed"
    if kind in {"contents", "binary"}:
        return "was changed by the team and by the template, and is kept as the team's"
    return f"cannot be merged ({kind or 'with another file'})"


def _store(git_dir: Path, team: str, base: Mapping[str, Entry], template: Mapping[str, Entry]) -> None:
    """Make one history of the three: their common ancestor is `base`, whatever was rewritten since."""
    stream = [b"feature done\n", _commit("base", b"mark :1\n"), *_files(base)]
    stream += [_commit("team", b"", b"from :1\n"), f'M 040000 {team} ""\n'.encode()]
    stream += [b"D %s\n" % marker.FILE_NAME.encode()]
    stream += [_commit("template", b"", b"from :1\n"), b"deleteall\n", *_files(template), b"done\n"]
    plumbing.fast_import(git_dir, stream)


def _commit(name: str, mark: bytes, parent: bytes = b"") -> bytes:
    reference = f"commit refs/kickstart/{name}\n".encode()
    return reference + mark + b"committer kickstart <> 0 +0000\ndata 0\n" + parent


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
            *("kickstart/team", "kickstart/template"),
            accepted=(0, 1),
        )
    except plumbing.GitError:
        _refuse_old_git()
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
    before, after = objects.listing("refs/kickstart/team"), objects.listing(tree)
    paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    there = objects.entries(tree, paths) if paths else {}
    return {path: there.get(path) for path in paths}


def _refuse_old_git() -> None:
    said = plumbing.git("version").decode()
    found = re.search(r"(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        raise PreflightError(
            f"an update needs Git {'.'.join(map(str, OLDEST))} or newer, and this is {found[0]}",
            hint="install a newer Git, and run this again",
        )
