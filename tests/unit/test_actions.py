"""The actions that need no skeleton; `fetch:*` and `publish:*` have files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kickstart import actions, document
from kickstart.actions.base import InputError
from kickstart.tree import Entry, PathError, Tree
from kickstart.wiring import names_of
from tests.unit.building import promise, texts, tree

FILES = tree({"a.txt": "a", "d/.hidden": "h", "d/e/deep.md": "d", "d/x.md": "x", "da": "n", "s[1]/f": "s"})


@pytest.mark.parametrize("name", actions.ACTIONS)
def test_every_action_in_the_table_is_there_and_described(name: str) -> None:
    action = actions.load(name)

    assert action.name == name
    assert action.__doc__
    fields = {**action.Input.model_fields, **action.Output.model_fields}
    assert {key: field.description for key, field in fields.items() if not field.description} == {}
    assert [key for key in (*names_of(action.Input), *names_of(action.Output)) if "_" in key] == []


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (["a.txt"], ["d/.hidden", "d/e/deep.md", "d/x.md", "da", "s[1]/f"]),
        (["./a.txt", "d/x.md"], ["d/.hidden", "d/e/deep.md", "da", "s[1]/f"]),
        (["d"], ["a.txt", "da", "s[1]/f"]),
        (["d/"], ["a.txt", "da", "s[1]/f"]),
        (["**/*.md"], ["a.txt", "d/.hidden", "da", "s[1]/f"]),
        (["d/*"], ["a.txt", "da", "s[1]/f"]),
        (["{a.txt,da}"], ["d/.hidden", "d/e/deep.md", "d/x.md", "s[1]/f"]),
        (["s[1]"], ["a.txt", "d/.hidden", "d/e/deep.md", "d/x.md", "da"]),
        (["."], []),
        (["nothing", "no/*.thing"], list(FILES)),
        ([], list(FILES)),
    ],
)
def test_deleting_takes_names_folders_and_globs(tmp_path: Path, files: list[str], left: list[str]) -> None:
    made = promise("fs:delete", tmp_path, FILES, files=files)

    assert list(made.tree or {}) == left


@pytest.mark.parametrize(
    ("moves", "result"),
    [
        ([("a", "b")], {"b": "1", "d/x": "2", "d/y": "3"}),
        ([("a", "n/m/b")], {"d/x": "2", "d/y": "3", "n/m/b": "1"}),
        ([("d", "e/f")], {"a": "1", "e/f/x": "2", "e/f/y": "3"}),
        ([("d", "d/in")], {"a": "1", "d/in/x": "2", "d/in/y": "3"}),
        ([("d", ".")], {"a": "1", "x": "2", "y": "3"}),
        ([("a", "t"), ("d/x", "a"), ("t", "d/x")], {"a": "2", "d/x": "1", "d/y": "3"}),
        ([("a", "a")], {"a": "1", "d/x": "2", "d/y": "3"}),
    ],
)
def test_renaming_moves_files_and_folders_in_order(
    tmp_path: Path, moves: list[tuple[str, str]], result: dict[str, str]
) -> None:
    workspace = tree({"a": "1", "d/x": "2", "d/y": "3"})

    made = promise("fs:rename", tmp_path, workspace, files=[{"from": old, "to": new} for old, new in moves])

    assert texts(made.tree) == result


@pytest.mark.parametrize(
    ("move", "said"),
    [
        ({"from": "no", "to": "b"}, "no does not exist"),
        ({"from": ".", "to": "b"}, "does not exist"),
        ({"from": "a", "to": "d/x"}, "d/x already exists in the workspace; set overwrite: true"),
        ({"from": "a", "to": "d"}, "d already exists"),
    ],
)
def test_renaming_neither_invents_nor_replaces(tmp_path: Path, move: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        promise("fs:rename", tmp_path, tree({"a": "1", "d/x": "2"}), files=[move])


def test_renaming_replaces_when_it_is_told_to(tmp_path: Path) -> None:
    workspace = tree({"a": "1", "d/x": "2", "d/y": "3"})

    made = promise("fs:rename", tmp_path, workspace, files=[{"from": "a", "to": "d", "overwrite": True}])

    assert texts(made.tree) == {"d": "1"}


def test_a_link_and_a_mode_move_along(tmp_path: Path) -> None:
    workspace = Tree({"d/l": Entry(b"x", 0o120000), "d/x": Entry(b"", 0o100755)})

    made = promise("fs:rename", tmp_path, workspace, files=[{"from": "d", "to": "e"}])

    assert made.tree == Tree({"e/l": Entry(b"x", 0o120000), "e/x": Entry(b"", 0o100755)})


@pytest.mark.parametrize(
    ("action", "input"),
    [
        ("fs:delete", {"files": ["../x"]}),
        ("fs:delete", {"files": ["/etc/*"]}),
        ("fs:rename", {"files": [{"from": "../x", "to": "y"}]}),
        ("fs:rename", {"files": [{"from": "a.txt", "to": "/etc/y"}]}),
        ("fs:rename", {"files": [{"from": "a.txt", "to": "da/y"}]}),
        ("fs:readdir", {"paths": [".."]}),
        ("catalog:write", {"filePath": "../x", "entity": {}}),
    ],
)
def test_no_action_leaves_the_workspace(tmp_path: Path, action: str, input: dict[str, Any]) -> None:
    with pytest.raises(PathError):
        promise(action, tmp_path, FILES, **input)


def test_a_glob_that_stands_for_too_many_is_a_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the globs \{1\.\.2000\}.* stand for too many patterns"):
        promise("fs:delete", tmp_path, FILES, files=["{1..2000}"])


def _item(name: str, path: str) -> dict[str, str]:
    return {"name": name, "path": path, "fullPath": path}


def test_reading_a_folder_lists_what_is_in_it(tmp_path: Path) -> None:
    flat = promise("fs:readdir", tmp_path, FILES, paths=["d"])
    deep = promise("fs:readdir", tmp_path, FILES, paths=["d", "s[1]"], recursive=True)
    top = promise("fs:readdir", tmp_path, FILES, paths=["."])

    assert flat.output == {
        "files": [_item(".hidden", "d/.hidden"), _item("x.md", "d/x.md")],
        "folders": [_item("e", "d/e")],
    }
    assert deep.output == {
        "files": [
            _item(".hidden", "d/.hidden"),
            _item("deep.md", "d/e/deep.md"),
            _item("x.md", "d/x.md"),
            _item("f", "s[1]/f"),
        ],
        "folders": [_item("e", "d/e")],
    }
    assert [each["path"] for each in top.output["files"]] == ["a.txt", "da"]
    assert [each["path"] for each in top.output["folders"]] == ["d", "s[1]"]


def test_reading_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.txt is not a folder"):
        promise("fs:readdir", tmp_path, FILES, paths=["a.txt"])


def test_a_catalog_entity_is_written_with_the_template_that_made_it(tmp_path: Path) -> None:
    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "metadata": {"name": "demo", "annotations": {"a/b": "yes"}},
        "spec": {"owner": "team", "number": "0o17"},
    }

    made = promise("catalog:write", tmp_path, tree({"x": "y"}), entity=entity)

    assert list(made.tree or {}) == ["catalog-info.yaml", "x"]
    assert document.load(texts(made.tree)["catalog-info.yaml"]) == {
        **entity,
        "metadata": {
            "name": "demo",
            "annotations": {"a/b": "yes", "backstage.io/source-template": "template:default/shop"},
        },
    }


def test_a_catalog_entity_replaces_what_is_there(tmp_path: Path) -> None:
    made = promise(
        "catalog:write", tmp_path, tree({"c.yaml": "old"}), filePath="c.yaml", entity={"kind": "API"}
    )

    assert texts(made.tree)["c.yaml"].startswith("kind: API\nmetadata:\n  annotations:\n")


@pytest.mark.parametrize("entity", [{"metadata": "x"}, {"metadata": {"annotations": ["x"]}}])
def test_an_entity_of_another_shape_is_refused(tmp_path: Path, entity: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be a mapping"):
        promise("catalog:write", tmp_path, Tree(), entity=entity)


@pytest.mark.parametrize(
    ("input", "messages"),
    [
        ({}, ()),
        ({"message": "hello"}, ("hello",)),
        ({"listWorkspace": True}, ("a", "b")),
        ({"message": "hi", "listWorkspace": "with-contents"}, ("hi", "a", "1", "b", "2")),
        ({"extra": {"n": 1}}, ("{'n': 1}",)),
    ],
)
def test_logging_prints_what_it_is_given(
    tmp_path: Path, input: dict[str, Any], messages: tuple[str, ...]
) -> None:
    made = promise("debug:log", tmp_path, tree({"a": "1", "b": "2"}), **input)

    assert (made.messages, made.tree, made.effect) == (messages, None, None)


def test_waiting_takes_no_time_and_changes_nothing(tmp_path: Path) -> None:
    made = promise("debug:wait", tmp_path, FILES, seconds=500, minutes="1")

    assert (made.tree, made.effect, made.messages) == (None, None, ())
