from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kickstart import marker
from kickstart.actions.base import Change, Effect, InputError
from kickstart.tree import PathError
from tests.fakes import fake_tools
from tests.unit.building import promise, texts, tree

FILES = {"app/main.py": "print()", "ops/app.yaml": "kind: X"}
URL = "github.com?owner=acme&repo=shop"


def _publish(
    folder: Path, files: Mapping[str, str] = FILES, /, **input: Any
) -> tuple[dict[str, Any], Effect]:
    made = promise("publish:github", folder, tree(files), **{"repoUrl": URL, **input})
    assert made.effect is not None
    return dict(made.output), made.effect


def test_an_absent_repository_is_created_with_what_was_promised(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    output, effect = _publish(tmp_path, sourcePath="app", defaultBranch="trunk", topics=["a"])

    found = effect.inspect(tools)
    facts = effect.apply(tools)

    assert (effect.target, found.change, found.detail) == (
        "repository acme/shop",
        Change.CREATE,
        "on the fake forge",
    )
    assert output == {
        "remoteUrl": "https://forge.test/acme/shop.git",
        "repoContentsUrl": "https://forge.test/acme/shop/blob/trunk",
        "commitHash": forge.commits["acme/shop"].id,
    }
    assert facts == {"commit": output["commitHash"], "branch": "trunk"}
    assert texts(marker.without(forge.repositories["acme/shop"])) == {"main.py": "print()"}
    assert forge.settings["acme/shop"]["topics"] == ["a"]


def test_a_published_repository_says_what_made_it(tmp_path: Path) -> None:
    _, effect = _publish(tmp_path)

    mark = marker.read(effect.tree[marker.FILE_NAME].content)

    assert mark is not None
    assert (mark.project, mark.repository, dict(mark.parameters)) == ("demo", "acme/shop", {"name": "demo"})
    assert mark.template == {"name": "shop", "version": "", "origin": "./shop", "commit": ""}
    assert mark.digest == marker.without(effect.tree).digest()


def test_a_second_time_it_is_unchanged(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    _publish(tmp_path)[1].apply(tools)

    found = _publish(tmp_path)[1].inspect(tools)

    assert (found.change, forge.writes) == (Change.NONE, 1)


def test_settings_that_differ_are_an_update_and_the_files_stay(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    _publish(tmp_path, topics=["a"])[1].apply(tools)
    forge.settings["acme/shop"] = {**forge.settings["acme/shop"], "topics": ["b"]}

    found = _publish(tmp_path, topics=["a"])[1].inspect(tools)

    assert (found.change, found.detail) == (Change.UPDATE, "settings: topics")


def test_what_the_template_does_not_mention_is_no_setting(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()

    _publish(tmp_path, topics=["a"])[1].apply(tools)

    assert forge.settings["acme/shop"] == {"topics": ["a"], "protectDefaultBranch": True}


def test_one_that_an_interrupted_run_has_begun_is_created(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    forge.begun["acme/shop"] = "demo"
    forge.begun["acme/other"] = "another"

    found = _publish(tmp_path)[1].inspect(tools)
    other = _publish(tmp_path, repoUrl="github.com?owner=acme&repo=other")[1].inspect(tools)

    assert (found.change, "an interrupted run" in found.detail) == (Change.CREATE, True)
    assert (other.change, other.detail) == (Change.CONFLICT, "belongs to the project another")


def test_what_a_team_added_since_is_theirs(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    _publish(tmp_path)[1].apply(tools)
    forge.repositories["acme/shop"] = forge.repositories["acme/shop"].adding(dict(tree({"new.py": "x"})))

    assert _publish(tmp_path)[1].inspect(tools).change is Change.NONE


def test_a_foreign_repository_is_a_conflict(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    forge.repositories["acme/shop"] = tree({"README.md": "somebody else's"})

    found = _publish(tmp_path)[1].inspect(tools)

    assert (found.change, found.detail) == (Change.CONFLICT, "was not made by kickstart")


def test_a_repository_of_another_project_is_a_conflict(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    _publish(tmp_path)[1].apply(tools)
    mark = marker.Marker("other", "acme/shop", {}, "sha256:0")
    forge.repositories["acme/shop"] = tree(FILES).adding({marker.FILE_NAME: mark.entry()})

    found = _publish(tmp_path)[1].inspect(tools)

    assert (found.change, found.detail) == (Change.CONFLICT, "belongs to the project other")


def test_a_changed_plan_is_a_conflict_that_shows_what_stands_there(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    _publish(tmp_path)[1].apply(tools)

    found = _publish(tmp_path, {**FILES, "ops/app.yaml": "kind: Y"})[1].inspect(tools)

    assert found.change is Change.CONFLICT
    assert found.detail == "was made with other parameters or another template"
    assert found.existing == forge.repositories["acme/shop"]


def test_the_author_and_the_message_can_be_given(tmp_path: Path) -> None:
    tools, forge, _ = fake_tools()
    _publish(tmp_path, gitAuthorName="Bot", gitCommitMessage="start")[1].apply(tools)

    commit = forge.commits["acme/shop"]

    assert (commit.author, commit.message) == ("Bot <ada@example.com>", "start")


@pytest.mark.parametrize(
    ("input", "said"),
    [
        ({"repoUrl": "github.com"}, "is not of the form github.com"),
        ({"repoUrl": "?owner=a&repo=b"}, "is not of the form github.com"),
        ({"repoUrl": "github.com?owner=acme"}, "names no repo"),
        ({"repoUrl": "github.com?repo=shop&owner="}, "names no owner"),
        ({"repoUrl": "github.com?owner=..&repo=shop"}, "the owner '..' is not a user"),
        ({"repoUrl": "github.com?owner=acme&repo=..%2Fx"}, "the repo '../x' is not a repository name"),
        ({"sourcePath": "nothing"}, "there is nothing to publish in nothing"),
        ({"gitAuthorName": "A <b>"}, "may not hold"),
        ({"gitAuthorEmail": "a\nb"}, "may not hold"),
    ],
)
def test_a_repository_that_cannot_be_made_is_refused_while_planning(
    tmp_path: Path, input: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as raised:
        _publish(tmp_path, **input)

    assert said in raised.value.message


def test_a_path_outside_the_workspace_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(PathError):
        _publish(tmp_path, sourcePath="../x")


def test_a_template_may_not_write_the_marker_itself(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kickstart's own file"):
        _publish(tmp_path, {marker.FILE_NAME: "x"})


def test_a_secret_for_workflows_is_in_no_text_of_the_effect(tmp_path: Path) -> None:
    _, effect = _publish(tmp_path, secrets={"KEY": "hunter2"}, token="hunter2")

    assert "hunter2" not in repr(effect)
    assert all(b"hunter2" not in entry.content for entry in effect.tree.values())
