"""Three versions of a repository made into one: by the real Git, and with nothing lost."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kickstart.errors import PreflightError
from kickstart.tools import plumbing
from kickstart.tools.merge import Merged, merge
from kickstart.tools.objects import Objects
from kickstart.tree import EXECUTABLE, LINK, Entry
from tests.cli.support import wrap_git

Side = Mapping[str, str | bytes | Entry]


def _entries(side: Side) -> dict[str, Entry]:
    return {
        path: content
        if isinstance(content, Entry)
        else Entry(content if isinstance(content, bytes) else content.encode())
        for path, content in side.items()
    }


def merged(folder: Path, base: Side, team: Side, template: Side) -> tuple[dict[str, Entry], Merged]:
    """Return what the team has after the merge, and what the merge said."""
    git_dir = folder / "merge.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(git_dir)], check=True)
    stream = b"commit refs/heads/main\ncommitter a <a@b> 0 +0000\ndata 0\n"
    stream += b"".join(plumbing.file_command(path, entry) for path, entry in _entries(team).items())
    plumbing.git(f"--git-dir={git_dir}", "fast-import", "--quiet", input=stream)
    with Objects(git_dir) as objects:
        result = merge(git_dir, objects, _entries(base), "refs/heads/main", _entries(template))
    after: dict[str, Entry | None] = {**_entries(team), **result.changes}
    return {path: entry for path, entry in after.items() if entry}, result


MARKED = "<<<<<<< kickstart/team\n2\n=======\n3\n>>>>>>> kickstart/template\n"
LINES = "".join(f"line {number}\n" for number in range(8))


@pytest.mark.parametrize(
    ("base", "team", "template", "expected"),
    [
        pytest.param({}, {"t": "T"}, {"n": "N"}, {"t": "T", "n": "N"}, id="added on both sides"),
        pytest.param({"f": "1"}, {"f": "1"}, {"f": "2"}, {"f": "2"}, id="changed by the template"),
        pytest.param({"f": "1"}, {"f": "2"}, {"f": "1"}, {"f": "2"}, id="changed by the team"),
        pytest.param({"f": "1"}, {"f": "2"}, {"f": "2"}, {"f": "2"}, id="changed to the same"),
        pytest.param(
            {"f": LINES},
            {"f": "team\n" + LINES},
            {"f": LINES + "template\n"},
            {"f": "team\n" + LINES + "template\n"},
            id="changed in different lines",
        ),
        pytest.param(
            {"f": "1", "g": ""}, {"g": ""}, {"f": "1", "g": ""}, {"g": ""}, id="deleted by the team"
        ),
        pytest.param(
            {"f": "1", "g": ""}, {"f": "1", "g": ""}, {"g": ""}, {"g": ""}, id="deleted by the template"
        ),
        pytest.param(
            {"old": LINES}, {"old": LINES + "team\n"}, {"new": LINES}, {"new": LINES + "team\n"}, id="renamed"
        ),
        pytest.param(
            {"old/f": LINES, "old/g": LINES * 2},
            {"old/f": LINES, "old/g": LINES * 2, "old/own": "team"},
            {"new/f": LINES, "new/g": LINES * 2},
            {"new/f": LINES, "new/g": LINES * 2, "old/own": "team"},
            id="a folder renamed, and a file of the team's in it",
        ),
        pytest.param(
            {"f": "1"}, {"f": "2"}, {"f": Entry(b"1", EXECUTABLE)}, {"f": Entry(b"2", EXECUTABLE)}, id="mode"
        ),
        pytest.param({"b": b"\0\1"}, {"b": b"\0\1"}, {"b": b"\0\2"}, {"b": b"\0\2"}, id="binary"),
        pytest.param(
            {"l": Entry(b"a", LINK)},
            {"l": Entry(b"a", LINK)},
            {"l": Entry(b"b", LINK)},
            {"l": Entry(b"b", LINK)},
            id="link",
        ),
        pytest.param(
            {"f": ""}, {"f": ""}, {"f/inside": "1"}, {"f/inside": "1"}, id="a file becomes a folder"
        ),
        pytest.param({"f": "1\r\n"}, {"f": "1\r\n"}, {"f": "2\r\n"}, {"f": "2\r\n"}, id="line ends"),
        pytest.param(
            {"*": "1", 'a"b\\': "1"},
            {"*": "1", 'a"b\\': "1"},
            {"*": "2", 'a"b\\': "2"},
            {"*": "2", 'a"b\\': "2"},
            id="names",
        ),
        pytest.param(
            {".kickstart.yaml": "1"},
            {".kickstart.yaml": "2"},
            {".kickstart.yaml": "3"},
            {".kickstart.yaml": "2"},
            id="markers",
        ),
    ],
)
def test_what_does_not_contradict_is_merged(
    base: Side, team: Side, template: Side, expected: Side, tmp_path: Path
) -> None:
    after, result = merged(tmp_path, base, team, template)

    assert after == _entries(expected)
    assert result.conflicts == {}


@pytest.mark.parametrize(
    ("base", "team", "template", "path", "kept", "words"),
    [
        pytest.param("1\n", "2\n", "3\n", "f", MARKED, "are marked", id="lines"),
        pytest.param(b"\0\1", b"\0\2", b"\0\3", "f", "\0\2", "kept as the team's", id="binary"),
        pytest.param("1\n", None, "2\n", "f", "2\n", "was deleted by one side", id="deleted by the team"),
        pytest.param("1\n", "2\n", None, "f", "2\n", "was deleted by one side", id="deleted by the template"),
        pytest.param(None, "2\n", "3\n", "f", "<<<<<<< kickstart/team\n2\n", "are marked", id="added twice"),
        pytest.param(
            Entry(b"a", LINK), Entry(b"b", LINK), Entry(b"c", LINK), "f", "b", "kept as the", id="links"
        ),
    ],
)
def test_what_contradicts_is_named_and_kept(
    base: str | bytes | Entry | None,
    team: str | bytes | Entry | None,
    template: str | bytes | Entry | None,
    path: str,
    kept: str,
    words: str,
    tmp_path: Path,
) -> None:
    sides = [
        {path: side, "other": ""} if side is not None else {"other": ""} for side in (base, team, template)
    ]

    after, result = merged(tmp_path, *sides)

    assert list(result.conflicts) == [path]
    assert words in result.conflicts[path]
    assert after[path].content.decode().startswith(kept)


@pytest.mark.parametrize(
    ("base", "team", "template", "conflicts", "kept"),
    [
        pytest.param(
            {"a": LINES},
            {"b": LINES},
            {},
            {"b": "was deleted by one side and renamed by the other, and is kept as renamed"},
            {"b": LINES},
            id="renamed and deleted",
        ),
        pytest.param(
            {"a": LINES},
            {"b": LINES},
            {"c": LINES},
            dict.fromkeys("abc", "was renamed by both sides, each in its own way, and has both names"),
            {"b": LINES, "c": LINES},
            id="renamed twice",
        ),
        pytest.param(
            {},
            {"d": "mine"},
            {"d/e": "theirs"},
            {
                "d~kickstart_team": (
                    "is a file on one side and a folder on the other; the file is kept by this name"
                )
            },
            {"d/e": "theirs", "d~kickstart_team": "mine"},
            id="file and folder",
        ),
        pytest.param(
            {"l": "1\n"},
            {"l": "1\n2\n"},
            {"l": Entry(b"a", LINK)},
            dict.fromkeys(
                ("l", "l~kickstart_team"),
                "is a file on one side and a link on the other; the file is kept by the name with ~",
            ),
            {"l": Entry(b"a", LINK), "l~kickstart_team": "1\n2\n"},
            id="file and link",
        ),
        pytest.param(
            {"b": "\0\n"},
            {"b": "\0\n<<<<<<< mine\n"},
            {"b": "\0\n\0\n"},
            {"b": "was changed by the team and by the template, and is kept as the team's"},
            {"b": "\0\n<<<<<<< mine\n"},
            id="a binary file with a marker of its own",
        ),
    ],
)
def test_what_stands_in_the_way_of_each_other_says_where_it_is_kept(
    base: Side, team: Side, template: Side, conflicts: dict[str, str], kept: Side, tmp_path: Path
) -> None:
    after, result = merged(tmp_path, base, team, template)

    assert result.conflicts == conflicts
    assert after == _entries(kept)


TEXTS = st.lists(st.sampled_from("abcdefgh"), max_size=8)
TREES = st.dictionaries(st.sampled_from(["f", "g", "d/f", "d/g", "h"]), TEXTS, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES, TREES, TREES, st.data())
def test_no_line_of_the_teams_vanishes(
    base: dict[str, list[str]],
    team: dict[str, list[str]],
    template: dict[str, list[str]],
    data: st.DataObject,
) -> None:
    for number, lines in enumerate(team.values()):
        for place in range(data.draw(st.integers(0, 2))):
            lines.insert(data.draw(st.integers(0, len(lines))), f"team {number} {place}")
    sides = [
        {path: "".join(f"{line}\n" for line in lines) for path, lines in side.items()}
        for side in (base, team, template)
    ]
    folder = Path(tempfile.mkdtemp())
    try:
        after, _ = merged(folder, *sides)
    finally:
        shutil.rmtree(folder)

    whole = b"".join(entry.content for entry in after.values())
    assert [
        line for lines in team.values() for line in lines if "team" in line and line.encode() not in whole
    ] == []


@settings(max_examples=20, deadline=None)
@given(TREES, TREES)
def test_an_untouched_repository_becomes_what_the_template_makes(
    base: dict[str, list[str]], template: dict[str, list[str]]
) -> None:
    before, after = ({path: "\n".join(lines) for path, lines in side.items()} for side in (base, template))
    folder = Path(tempfile.mkdtemp())
    try:
        updated, first = merged(folder, before, before, after)
        shutil.rmtree(folder / "merge.git")
        unchanged, second = merged(folder, before, after, before)
    finally:
        shutil.rmtree(folder)

    assert (updated, first.conflicts) == (_entries(after), {})
    assert (unchanged, dict(second.changes)) == (_entries(after), {})


def test_an_old_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = """
case "$*" in
  version) echo "git version 2.34.1";;
  *merge-tree*) echo "usage: git merge-tree <base-tree> <branch1> <branch2>" >&2; exit 129;;
  *) exec "$real" "$@";;
esac
"""
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", script)["PATH"])

    with pytest.raises(PreflightError, match=r"needs Git 2.38 or newer, and this is Git 2.34.1; nothing"):
        merged(tmp_path, {}, {"f": ""}, {})
