"""Trees on disk, the marker, and the effect that writes a folder."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstart import folders, marker
from kickstart.actions.base import Change
from kickstart.actions.folder import WriteFolder
from kickstart.tools import Tools
from kickstart.tools.folders import LocalFolders
from kickstart.tree import EXECUTABLE, LINK, Entry, Tree
from tests.fakes import FakeForge
from tests.unit.building import texts, tree, write

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
EVERYTHING = Tree(
    {
        ".hidden/.file": Entry(b""),
        "binary": Entry(bytes(range(256))),
        "bin/run": Entry(b"#!/bin/sh\n", EXECUTABLE),
        "bin/start": Entry(b"../bin/run", LINK),
        "dangling": Entry(b"nowhere", LINK),
        "crlf.txt": Entry(b"a\r\nb\r"),
        "Größe/x y": Entry(b"z"),
    }
)


@pytest.fixture
def tools() -> Tools:
    return Tools(FakeForge(), LocalFolders())


def test_a_tree_is_written_and_read_back_byte_for_byte(tmp_path: Path, tools: Tools) -> None:
    tools.folders.write(tmp_path / "deep/er", EVERYTHING)

    assert tools.folders.read(tmp_path / "deep/er") == EVERYTHING
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["er"]


def test_reading_leaves_out_git_and_follows_no_link(tmp_path: Path) -> None:
    write(tmp_path, {".git/config": "x", "sub/.git": "x", "a/b": "x", ".gitignore": "x"})
    (tmp_path / "link").symlink_to("a")

    read = folders.Files(tmp_path)

    assert list(read) == [".gitignore", "a/b", "link", "sub/.git"]
    assert read["link"] == Entry(b"a", LINK)


def test_a_folder_that_is_written_holds_exactly_the_tree(tmp_path: Path, tools: Tools) -> None:
    write(tmp_path / "out", {"old": "x", "a": "x"})

    tools.folders.write(tmp_path / "out", tree({"a": "1"}))

    assert texts(tools.folders.read(tmp_path / "out")) == {"a": "1"}


def _marked(files: dict[str, str]) -> Tree:
    plain = tree(files)
    mark = marker.Marker("demo", "", {"name": "shop"}, plain.digest())
    return plain.adding({marker.FILE_NAME: mark.entry()})


def test_writing_a_folder_creates_then_is_unchanged_then_updates(tmp_path: Path, tools: Tools) -> None:
    first, second = (WriteFolder(tmp_path / "out", _marked({"a": text})) for text in "12")
    changes = []

    for effect in (first, first, second):
        changes.append(effect.inspect(tools).change)
        effect.apply(tools)

    assert changes == [Change.CREATE, Change.NONE, Change.UPDATE]
    assert tools.folders.read(tmp_path / "out") == second.tree


@pytest.mark.parametrize(
    ("before", "detail"),
    [
        (tree({"mine": "x"}), "holds other files"),
        (_marked({"a": "1"}).adding({"a": Entry(b"changed")}), "was changed since it was written"),
        (_marked({"a": "1"}).adding({"mine": Entry(b"x")}), "was changed since it was written"),
        (_marked({"a": "1"}).without(["a"]), "was changed since it was written"),
        (tree({marker.FILE_NAME: "not ours"}), "holds other files"),
    ],
)
def test_a_folder_with_somebodys_work_is_a_conflict(
    tmp_path: Path, tools: Tools, before: Tree, detail: str
) -> None:
    tools.folders.write(tmp_path / "out", before)

    found = WriteFolder(tmp_path / "out", _marked({"a": "2"})).inspect(tools)

    assert (found.change, found.detail, found.existing) == (Change.CONFLICT, detail, before)


def test_a_working_copy_is_a_conflict(tmp_path: Path, tools: Tools) -> None:
    tools.folders.write(tmp_path / "out", _marked({"a": "1"}))
    write(tmp_path / "out", {".git/HEAD": "x"})

    found = WriteFolder(tmp_path / "out", _marked({"a": "2"})).inspect(tools)

    assert (found.change, found.detail) == (Change.CONFLICT, "is a Git working copy")


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path, tools: Tools) -> None:
    (tmp_path / "out").mkdir()

    assert WriteFolder(tmp_path / "out", tree({"a": "1"})).inspect(tools).change is Change.CREATE


@given(
    st.text(max_size=10),
    st.dictionaries(st.text(max_size=5), st.text(max_size=10), max_size=3),
    st.dictionaries(st.text(max_size=5), VALUES, max_size=4),
)
@settings(max_examples=80)
def test_a_marker_is_read_back_as_it_was_written(
    project: str, template: dict[str, str], parameters: dict[str, object]
) -> None:
    mark = marker.Marker(project, "acme/shop", template, "sha256:0", parameters)

    assert marker.read(mark.entry().content) == mark


WHOLE = b"""\
apiVersion: kickstart/v1
kind: Marker
project: p
repository: r
template: {}
digest: d
parameters: {}
"""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"text",
        b"- a",
        b"a: [",
        b"apiVersion: kickstart/v1\nkind: Marker\n",
        WHOLE.replace(b"kickstart/v1", b"kickstart/v2"),
        WHOLE.replace(b"Marker", b"Other"),
        WHOLE.replace(b"template: {}", b"template: x"),
        WHOLE.replace(b"parameters: {}", b"parameters: 5"),
        WHOLE.replace(b"digest: d\n", b""),
        b"[" * 100_000,
    ],
)
def test_a_file_that_kickstart_did_not_write_is_no_marker(content: bytes) -> None:
    assert marker.read(WHOLE) == marker.Marker("p", "r", {}, "d", {})
    assert marker.read(content) is None


def test_a_marker_is_about_every_other_file(tmp_path: Path) -> None:
    marked = _marked({"a": "1"})

    assert marker.without(marked) == tree({"a": "1"})
    assert marker.without(marked).digest() == tree({"a": "1"}).digest()


def test_a_file_is_executable_when_its_owner_can_run_it(tmp_path: Path) -> None:
    write(tmp_path, {"a": "x", "b": "x"})
    (tmp_path / "a").chmod(0o744)
    (tmp_path / "b").chmod(0o655)

    assert [entry.mode for entry in folders.Files(tmp_path).values()] == [EXECUTABLE, 0o100644]


def test_a_folder_with_a_name_that_is_not_utf_8_is_refused_as_a_tree(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")

    with pytest.raises(ValueError, match="a character that is not allowed"):
        Tree(folders.Files(tmp_path))


def test_what_a_killed_run_left_is_cleared_when_nobody_works_on_it_any_more(tmp_path: Path) -> None:
    write(tmp_path, {".fetch-old/objects/pack": "x", ".pack-old": "x", ".fetch-new/pack": "x", "kept": "x"})
    long_ago = time.time() - 25 * 60 * 60
    for name in (".fetch-old", ".pack-old", "kept"):
        os.utime(tmp_path / name, (long_ago, long_ago))

    for pattern in (".fetch-*", ".pack-*"):
        folders.clear_abandoned(tmp_path, pattern)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".fetch-new", "kept"]


def test_an_entry_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {"a": "before"})
    files = folders.Files(tmp_path)
    write(tmp_path, {"a": "after"})

    assert files["a"] == Entry(b"after")
    assert "missing" not in files


def test_what_another_run_works_on_stays_and_what_a_killed_one_left_goes(tmp_path: Path) -> None:
    left = tmp_path / ".kickstart-x.left"
    (left / "deep").mkdir(parents=True)

    with folders.staged(tmp_path, ".kickstart-x.") as mine:
        (mine / "file").write_text("mine")
        with folders.staged(tmp_path, ".kickstart-x.") as other:
            assert other != mine
            assert not left.exists()
        assert (mine / "file").read_text() == "mine"
        assert not other.exists()

    assert list(tmp_path.iterdir()) == []


def test_of_many_that_write_the_same_each_finds_it_whole(tmp_path: Path) -> None:
    tree = Tree({f"{number}/file": Entry(b"x" * number) for number in range(200)})

    def keep(_: int) -> bool:
        LocalFolders().keep(tmp_path / "kept", tree)
        return LocalFolders().read(tmp_path / "kept") == tree

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(keep, range(12)))

    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
