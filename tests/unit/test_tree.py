from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kickstart.tree import EXECUTABLE, FILE, LINK, Commit, Entry, PathError, Tree, normal_path

AUTHOR = "Ada Lovelace <ada@example.com>"
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\\n\0"), min_size=1, max_size=8).filter(
    lambda name: name not in {".", ".."} and name.lower() != ".git" and name[1:2] != ":"
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ENTRIES = st.builds(Entry, st.binary(max_size=20), st.sampled_from([FILE, EXECUTABLE])) | st.builds(
    lambda target: Entry(target.encode(), LINK), NAMES
)


def _tree(entries: dict[str, Entry]) -> Tree:
    """Leave out what is inside a file; such a tree is refused, which has a test of its own."""
    return Tree(
        {
            path: entry
            for path, entry in entries.items()
            if not any(path.startswith(f"{other}/") for other in entries)
        }
    )


TREES = st.dictionaries(PATHS, ENTRIES, max_size=8).map(_tree)


def _git(folder: Path, *arguments: str, input: bytes = b"") -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, input=input, capture_output=True, check=True)
    return done.stdout.decode().strip()


def _commit_with_git(folder: Path, commit: Commit) -> str:
    """Store a commit with Git's own plumbing, and return the id that Git gives it."""
    _git(folder, "init", "--quiet", "--object-format=sha1")
    rows = []
    for path, entry in commit.tree.items():
        blob = _git(folder, "hash-object", "-w", "--stdin", input=entry.content)
        rows.append(f"{entry.mode:o} {blob}\t{path}".encode() + b"\0")
    _git(folder, "read-tree", "--empty")
    _git(folder, "update-index", "-z", "--index-info", input=b"".join(rows))
    tree = _git(folder, "write-tree")
    body = f"tree {tree}\nauthor {commit.stamp}\ncommitter {commit.stamp}\n\n{commit.text}"
    return _git(folder, "hash-object", "-w", "-t", "commit", "--stdin", input=body.encode())


def test_paths_are_ordered_and_relative() -> None:
    tree = Tree({"b": Entry(b""), "a/z": Entry(b""), "a-b": Entry(b"")})

    assert list(tree) == ["a-b", "a/z", "b"]


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("", ""),
        (".", ""),
        ("./", ""),
        ("a//b/./c/", "a/b/c"),
        (".gitignore", ".gitignore"),
        ("..a", "..a"),
        ("1:2", "1:2"),
    ],
)
def test_a_path_loses_what_says_nothing(path: str, normal: str) -> None:
    assert normal_path(path) == normal


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc/passwd", "is absolute"),
        ("C:/x", "is absolute"),
        ("../x", "leaves the workspace"),
        ("a/../../x", "leaves the workspace"),
        ("a/..", "leaves the workspace"),
        (".git/hooks/post-checkout", "is inside a .git folder"),
        ("sub/.GIT/config", "is inside a .git folder"),
        ("a\\b", "character that is not allowed"),
        ("a\0b", "character that is not allowed"),
        ("a\nb", "character that is not allowed"),
        (os.fsdecode(b"caf\xe9"), "character that is not allowed"),
    ],
)
def test_a_path_that_could_do_harm_is_refused(path: str, said: str) -> None:
    with pytest.raises(PathError, match=said):
        normal_path(path)
    with pytest.raises(PathError, match=said):
        Tree({path: Entry(b"")})


def test_a_file_is_no_folder() -> None:
    with pytest.raises(PathError, match="'a' is a file, so 'a/b/c' cannot be inside it"):
        Tree({"a": Entry(b""), "a/b/c": Entry(b"")})


@pytest.mark.parametrize(
    ("path", "target"),
    [("l", "a"), ("l", "./a/b"), ("d/l", "../a"), ("d/e/l", "../../a"), ("d/l", ".."), ("l", "...")],
)
def test_a_link_may_point_anywhere_inside(path: str, target: str) -> None:
    tree = Tree({path: Entry(target.encode(), LINK)})

    assert tree[path].is_link


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("l", "/etc/passwd"),
        ("l", ".."),
        ("l", "../a"),
        ("d/l", "../../a"),
        ("d/l", "./../../a"),
        ("l", ""),
        ("l", "a/../../b"),
        ("a/b/l", "up/../x"),  # `up` may itself be a link to the top
    ],
)
def test_a_link_that_leaves_the_tree_is_refused(path: str, target: str) -> None:
    with pytest.raises(PathError, match="outside the tree"):
        Tree({path: Entry(target.encode(), LINK)})


def test_a_changed_tree_is_a_new_one() -> None:
    old = Tree({"a": Entry(b"1"), "b": Entry(b"2")})

    new = old.adding({"b": Entry(b"3"), "c/d": Entry(b"4")}).without(["a", "nothing"])

    assert dict(new) == {"b": Entry(b"3"), "c/d": Entry(b"4")}
    assert dict(old) == {"a": Entry(b"1"), "b": Entry(b"2")}
    assert new.under("c") == {"d": Entry(b"4")}
    assert new.under("") == dict(new)
    assert Tree({"cc/d": Entry(b"")}).under("c") == {}


@given(TREES, TREES)
@settings(max_examples=60)
def test_two_trees_have_one_digest_only_if_they_are_equal(one: Tree, two: Tree) -> None:
    assert (one == two) == (one.digest() == two.digest())
    assert one == Tree(dict(sorted(one.items(), reverse=True)))


@pytest.mark.parametrize(
    "entry", [Entry(b"y"), Entry(b"x", EXECUTABLE), Entry(b"x", LINK)], ids=["content", "mode", "link"]
)
def test_content_mode_and_path_all_count_in_a_digest(entry: Entry) -> None:
    digest = Tree({"a": Entry(b"x")}).digest()

    assert Tree({"a": entry}).digest() != digest
    assert Tree({"b": Entry(b"x")}).digest() != digest


@given(TREES, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_commit_knows_the_id_that_git_will_give_it(
    tmp_path_factory: pytest.TempPathFactory, tree: Tree, message: str
) -> None:
    commit = Commit(tree, message, AUTHOR, datetime(2026, 11, 24, 8, 30, tzinfo=UTC))

    stored = _commit_with_git(tmp_path_factory.mktemp("git"), commit)

    assert commit.id == stored


def test_git_sorts_a_folder_as_if_its_name_ended_with_a_slash(tmp_path: Path) -> None:
    names = ["a", "a-b", "a.b", "a/x", "a0", "é/ü", "z/.hidden"]
    tree = Tree({name: Entry(name.encode()) for name in names if name != "a"})
    commit = Commit(tree, "sorted", AUTHOR, datetime(2026, 1, 1, tzinfo=UTC))

    assert commit.id == _commit_with_git(tmp_path, commit)


@pytest.mark.parametrize(
    ("minutes", "zone"), [(0, "+0000"), (330, "+0530"), (-210, "-0330"), (-720, "-1200"), (845, "+1405")]
)
def test_a_commit_keeps_the_time_zone_of_its_author(minutes: int, zone: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(minutes=minutes)))

    stamp = Commit(Tree(), "m", AUTHOR, at).stamp

    assert stamp == f"{AUTHOR} {int(at.timestamp())} {zone}"


def test_a_message_ends_with_one_newline() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    assert [Commit(Tree(), text, AUTHOR, at).text for text in ("a", "a\n", "a\n\n")] == ["a\n"] * 3
