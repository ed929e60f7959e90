"""Merges into the work tree of a clone: by the real Git, and with nothing of the team's lost."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstart import folders
from kickstart.errors import ConflictError
from kickstart.tools import clone
from kickstart.tools.merge import Merged, merge
from kickstart.tree import EXECUTABLE, LINK, Commit, Edit, Entry, Tree
from tests.cli.support import git, git_in
from tests.unit.building import AUTHOR
from tests.unit.test_working_copy import AT

KEPT = "refs/kickstart/rendered/new"
GITHUB = "github:https://github.com"


def _write(folder: Path, entries: Mapping[str, Entry]) -> None:
    for path, entry in entries.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.mode == LINK:
            target.symlink_to(entry.content.decode())
        else:
            target.write_bytes(entry.content)
            target.chmod(0o755 if entry.mode == EXECUTABLE else 0o644)


def _clone(folder: Path, team: Mapping[str, Entry]) -> Path:
    git("init", "--quiet", "--initial-branch=main", folder)
    _write(folder, team)
    git_in(folder, "add", "--all", "--force")
    git_in(folder, "commit", "--quiet", "--allow-empty", "--message", "team")
    return folder


def put(folder: Path, base: Mapping[str, Entry], template: Mapping[str, Entry]) -> Merged:
    """Merge into a clone's work tree, and return what the merge said."""
    with clone.borrowed(folder, "acme/demo") as copy:
        merged = merge(copy.git_dir, copy.objects, base, copy.head, template)
        beside = {KEPT: Commit(Tree(template), "made", AUTHOR, AT)} if template else {}
        copy.put(Edit(merged.changes), beside, merged.stages)
    return merged


def _files(folder: Path) -> dict[str, Entry]:
    return dict(folders.Files(folder))


def _entry(text: str | bytes, mode: int = 0o100644) -> Entry:
    return Entry(text if isinstance(text, bytes) else text.encode(), mode)


def test_every_kind_of_change_comes_to_the_work_tree(tmp_path: Path) -> None:
    lines = "".join(f"{number}\n" for number in range(9))
    base = {
        "both": _entry(lines),
        "gone": _entry("gone"),
        "old": _entry(lines * 2),
        "run": _entry("run"),
        "bytes": _entry(b"\0\1"),
        "link": _entry("both", LINK),
        "place": _entry("a file"),
    }
    team = {
        **base,
        "both": _entry("team\n" + lines),
        "old": _entry(lines * 2 + "team\n"),
        "own": _entry("own"),
    }
    template = {
        "both": _entry(lines + "template\n"),
        "new/old": _entry(lines * 2),
        "run": _entry("run", EXECUTABLE),
        "bytes": _entry(b"\0\2"),
        "link": _entry("run", LINK),
        "place/inside": _entry("in a folder"),
    }
    folder = _clone(tmp_path / "clone", team)

    merged = put(folder, base, template)

    assert merged.conflicts == {}
    assert _files(folder) == {
        **template,
        "both": _entry("team\n" + lines + "template\n"),
        "new/old": _entry(lines * 2 + "team\n"),
        "own": _entry("own"),
    }
    assert git_in(folder, "diff", "--name-only") == ""  # all of it stands in the index
    assert git_in(folder, "log", "--format=%s") == "team"
    assert git_in(folder, "for-each-ref", "--format=%(refname)") == f"refs/heads/main\n{KEPT}"
    assert git_in(folder, "log", "-1", "--format=%s", KEPT) == "made"


def test_all_versions_of_what_is_in_conflict_are_in_the_index(tmp_path: Path) -> None:
    base = {"f": _entry("1\n"), "b": _entry(b"\0\1"), "d e": _entry("1\n")}
    folder = _clone(tmp_path / "clone", {"f": _entry("2\n"), "b": _entry(b"\0\2")})

    put(folder, base, {"f": _entry("3\n"), "b": _entry(b"\0\3"), "d e": _entry("3\n")})

    git_in(folder, "gc", "--quiet", "--prune=now")
    assert [git_in(folder, "show", f":{stage}:f") for stage in (1, 2, 3)] == ["1", "2", "3"]
    assert git_in(folder, "show", ":3:d e") == "3"
    assert (folder / "b").read_bytes() == b"\0\2"
    assert git_in(folder, "status", "--short").splitlines() == ["UU b", 'DU "d e"', "UU f"]


def test_what_git_does_not_know_is_in_the_way(tmp_path: Path) -> None:
    folder = _clone(tmp_path / "clone", {"f": _entry("1\n")})
    (folder / "new").write_text("mine\n")

    with pytest.raises(ConflictError) as raised:
        put(folder, {"f": _entry("1\n")}, {"f": _entry("2\n"), "new": _entry("theirs\n")})

    assert [fault.where for fault in raised.value.faults] == ["new"]
    assert _files(folder) == {"f": _entry("1\n"), "new": _entry("mine\n")}
    assert git_in(folder, "status", "--short") == "?? new"


def test_the_work_tree_of_another_branch_is_a_clone_as_well(tmp_path: Path) -> None:
    main = _clone(tmp_path / "clone", {"f": _entry("1\n")})
    git_in(main, "worktree", "add", "--quiet", "-b", "update", str(tmp_path / "other"))

    put(tmp_path / "other", {"f": _entry("1\n")}, {"f": _entry("2\n")})

    assert (_files(main)["f"], (tmp_path / "other" / "f").read_text()) == (_entry("1\n"), "2\n")
    assert git_in(main, "status", "--short") == ""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/demo.git", GITHUB),
        ("https://user@github.com/acme/demo", GITHUB),
        ("git@github.com:acme/demo.git", GITHUB),
        ("ssh://git@github.com/acme/demo.git", GITHUB),
        ("https://github.com.example.com/acme/demo.git", None),
        ("https://git.example.com/acme/demo.git", None),
        ("file:///srv/the%20forge/acme/demo.git", "local:/srv/the forge"),
        ("/srv/forge/acme/demo.git", "local:/srv/forge"),
        ("/srv/forge/demo.git", None),
        ("", None),
    ],
)
def test_a_url_tells_the_forge(url: str, expected: str | None) -> None:
    assert clone.forge_of(url, "acme/demo") == expected


LINES = st.lists(st.sampled_from("abcdefgh"), max_size=8)
TREES = st.dictionaries(st.sampled_from(["f", "g", "d/f", "d/g", "h"]), LINES, max_size=4)


@settings(max_examples=25, deadline=None)
@given(TREES, TREES, TREES, st.data())
def test_no_line_of_the_teams_vanishes_from_the_work_tree(
    base: dict[str, list[str]],
    team: dict[str, list[str]],
    template: dict[str, list[str]],
    data: st.DataObject,
) -> None:
    for number, lines in enumerate(team.values()):
        for place in range(data.draw(st.integers(0, 2))):
            lines.insert(data.draw(st.integers(0, len(lines))), f"team {number} {place}")
    before, theirs, new = (_entries(side) for side in (base, team, template))
    with tempfile.TemporaryDirectory() as name:
        folder = _clone(Path(name) / "clone", theirs)
        merged = put(folder, before, new)
        after = _files(folder)
        unmerged = {line[3:] for line in _porcelain(folder) if "U" in line[:2] or line[:2] in {"AA", "DD"}}

    whole = b"".join(entry.content for entry in after.values())
    assert [
        line for lines in team.values() for line in lines if "team" in line and line.encode() not in whole
    ] == []
    assert after == {path: entry for path, entry in {**theirs, **merged.changes}.items() if entry}
    assert unmerged == set(merged.conflicts)


def _entries(side: Mapping[str, Sequence[str]]) -> dict[str, Entry]:
    return {path: _entry("".join(f"{line}\n" for line in lines)) for path, lines in side.items()}


def _porcelain(folder: Path) -> list[str]:
    done = subprocess.run(
        ["git", "-C", str(folder), "status", "--porcelain", "--no-renames"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
