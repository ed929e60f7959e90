from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kickstart import actions
from kickstart.actions.base import InputError, Promise
from kickstart.actions.publish import Publish
from kickstart.wiring import names_of
from tests.unit.building import plan, promise, source, tree

ENTITIES = "kind: API\nmetadata:\n  name: x\n---\nkind: Component\nmetadata: {name: Shop}\n"
FILES = tree({"a/catalog-info.yaml": ENTITIES})


COMMON = {"repoUrl", "defaultBranch", "sourcePath", "gitCommitMessage", "signCommit"}
AUTHOR = {"gitAuthorName", "gitAuthorEmail"}
# What each module's schema has: inputs, those that it requires, and outputs besides those that all have.
MODULES: dict[str, tuple[set[str], set[str], set[str]]] = {
    "publish:gitlab": (
        {
            *(*COMMON, *AUTHOR, "repoVisibility", "topics", "token", "settings", "branches"),
            *("projectVariables", "skipExisting", "setUserAsOwner", "ownerUsername"),
        },
        {"repoUrl"},
        {"projectId", "created"},
    ),
    "publish:azure": ({*COMMON, *AUTHOR, "description", "token"}, {"repoUrl"}, {"repositoryId"}),
    "publish:bitbucketCloud": (
        {*COMMON, "description", "repoVisibility", "token"},
        {"repoUrl"},
        set(),
    ),
    "publish:bitbucketServer": (
        {*COMMON, *AUTHOR, "description", "repoVisibility", "enableLFS", "token"},
        {"repoUrl"},
        set(),
    ),
    "publish:bitbucket": (
        {*COMMON, *AUTHOR, "description", "repoVisibility", "enableLFS", "token"},
        {"repoUrl"},
        set(),
    ),
    "publish:gitea": (
        {*COMMON, *AUTHOR, "description", "repoVisibility"},
        {"repoUrl", "description"},
        set(),
    ),
    "publish:gerrit": ({*COMMON, *AUTHOR, "description"}, {"repoUrl"}, set()),
}
URLS = {
    "publish:gitlab": "gitlab.com?owner=web&repo=shop",
    "publish:azure": "dev.azure.com?organization=acme&project=web&repo=shop",
    "publish:bitbucketCloud": "bitbucket.org?workspace=acme&project=WEB&repo=shop",
    "publish:bitbucketServer": "bb.acme.com?project=WEB&repo=shop",
    "publish:bitbucket": "bitbucket.org?workspace=acme&project=WEB&repo=shop",
    "publish:gitea": "gitea.acme.com?owner=web&repo=shop",
    "publish:gerrit": "gerrit.acme.com?workspace=web&repo=shop",
}


def _promise(folder: Path, action: str, url: str = "", **input: Any) -> Promise:
    needed = {"description": "A shop"} if action == "publish:gitea" else {}
    return promise(action, folder, FILES, repoUrl=url or URLS[action], **{**needed, **input})


def _settings(made: Promise) -> dict[str, Any]:
    assert isinstance(made.effect, Publish)
    return dict(made.effect.settings)


@pytest.mark.parametrize("action", MODULES)
def test_inputs_and_outputs_are_those_of_the_module(action: str) -> None:
    inputs, required, outputs = MODULES[action]
    schema = actions.load(action).Input.model_json_schema()

    assert {*schema["properties"]} == inputs
    assert {*schema["required"]} == required
    assert {*names_of(actions.load(action).Output)} == {
        *("remoteUrl", "repoContentsUrl", "commitHash"),
        *outputs,
    }


@pytest.mark.parametrize("action", MODULES)
def test_every_output_that_is_described_is_given(tmp_path: Path, action: str) -> None:
    made = _promise(tmp_path, action)

    assert [*made.output] == names_of(actions.load(action).Output)


@pytest.mark.parametrize(
    ("action", "url", "repository"),
    [
        ("publish:gitlab", "gitlab.com?owner=group%2Fsub&repo=shop", "group-sub/shop"),
        ("publish:gitlab", "gitlab.com?owner=group/sub/team&repo=shop", "group-sub-team/shop"),
        ("publish:gitlab", "gitlab.acme.com?owner=web&repo=shop", "web/shop"),
        ("publish:gitea", "gitea.acme.com?owner=web&repo=shop", "web/shop"),
        ("publish:gitea", "gitea.acme.com?repo=shop", "local/shop"),
        ("publish:gerrit", "gerrit.acme.com?workspace=web&owner=me&repo=shop", "web-me/shop"),
        ("publish:gerrit", "ge.com?workspace=home&repo=shop", "home/shop"),
        ("publish:azure", "dev.azure.com?organization=acme&project=web&repo=shop", "acme-web/shop"),
        ("publish:azure", "dev.azure.com?organization=web&project=web&repo=/shop/", "web/shop"),
        ("publish:bitbucketCloud", "bitbucket.org?workspace=acme&project=WEB&repo=shop", "acme-WEB/shop"),
        ("publish:bitbucketServer", "bb.acme.com?project=WEB&repo=shop", "WEB/shop"),
        ("publish:bitbucket", "bitbucket.org?workspace=acme&project=WEB&repo=shop", "acme-WEB/shop"),
    ],
)
def test_a_repository_of_any_forge_goes_to_the_one_that_the_user_chose(
    tmp_path: Path, action: str, url: str, repository: str
) -> None:
    made = _promise(tmp_path, action, url, unheardOf={"x": 1})

    assert made.effect and str(made.effect.published) == repository
    assert actions.repository(action, url) == made.effect.published
    assert repository in str(made.output["remoteUrl"])
    assert made.output["commitHash"]


@pytest.mark.parametrize(
    ("action", "url", "problem"),
    [
        ("publish:gitlab", "gitlab.com?owner=g", "names no repo"),
        ("publish:gitlab", "gitlab.com?project=g&repo=x", "names no owner"),
        ("publish:gitlab", "gitlab.com?owner=g&repo=x y", "the repo 'x y' is not a repository name"),
        ("publish:azure", "dev.azure.com?owner=p&project=p&repo=x", "names no organization"),
        ("publish:azure", "dev.azure.com?organization=o&owner=p&repo=x", "names no project"),
        ("publish:bitbucketCloud", "bitbucket.org?project=p&repo=x", "names no workspace"),
        ("publish:bitbucketServer", "bb.acme.com?owner=p&repo=x", "names no project"),
        ("publish:gerrit", "ge.com?owner=p&repo=x", "names no workspace"),
        ("publish:gitea", "gitea.acme.com", "not of the form HOST?repo=REPO"),
        ("publish:azure", "https://dev.azure.com/o/p", "HOST?organization=ORGANIZATION&project=PROJECT&repo"),
    ],
)
def test_an_address_without_what_the_forge_needs_is_refused(
    tmp_path: Path, action: str, url: str, problem: str
) -> None:
    with pytest.raises(InputError, match=re.escape(problem)):
        _promise(tmp_path, action, url)


@pytest.mark.parametrize("action", MODULES)
def test_the_branch_is_the_one_that_the_module_takes(tmp_path: Path, action: str) -> None:
    branch = "main" if action == "publish:gitea" else "master"

    made, asked = _promise(tmp_path, action), _promise(tmp_path, action, defaultBranch="trunk")

    assert str(made.output["repoContentsUrl"]).endswith(f"/{branch}")
    assert str(asked.output["repoContentsUrl"]).endswith("/trunk")
    assert "defaultBranch" not in _settings(made)
    assert _settings(asked)["defaultBranch"] == "trunk"


def test_a_forges_id_is_the_path(tmp_path: Path) -> None:
    gitlab, azure = _promise(tmp_path, "publish:gitlab"), _promise(tmp_path, "publish:azure")

    assert (gitlab.output["projectId"], gitlab.output["created"]) == ("web/shop", True)
    assert azure.output["repositoryId"] == "acme-web/shop"


def test_the_settings_of_a_gitlab_project_win_over_the_inputs_beside_them(tmp_path: Path) -> None:
    beside: dict[str, Any] = {"repoVisibility": "internal", "topics": ["a"]}
    settings = {"visibility": "public", "description": "A shop", "topics": ["b", "c"], "path": "shop-2"}

    made = _promise(tmp_path, "publish:gitlab", settings=settings, **beside)
    plain = _promise(tmp_path, "publish:gitlab", settings={}, **beside)

    assert _settings(made) == {
        "protectDefaultBranch": True,
        "repoVisibility": "public",
        "topics": ["b", "c"],
        "description": "A shop",
    }
    assert made.effect and made.effect.publication and made.effect.publication.visibility == "public"
    assert made.output["projectId"] == "web/shop-2"
    assert _settings(plain) == {"protectDefaultBranch": True, **beside}
    assert (made.notes, plain.notes) == ((), ())


def test_what_is_not_taken_over_is_said_and_no_value_of_it(tmp_path: Path) -> None:
    variable = {"key": "TOKEN", "value": "s3cret", "masked": True}

    made = _promise(
        tmp_path,
        "publish:gitlab",
        projectVariables=[variable],
        signCommit=True,
        skipExisting=False,
        settings={"merge_method": "ff", "topics": []},
    )
    server = _promise(tmp_path, "publish:bitbucketServer", enableLFS=True)

    [note] = made.notes
    assert note.startswith("publish:gitlab is not carried out in full here; left out: ")
    assert {*note.partition("left out: ")[2].split(", ")} == {
        *("projectVariables", "signCommit", "settings.merge_method")
    }
    assert [each.partition("left out: ")[2] for each in server.notes] == ["enableLFS"]
    assert "s3cret" not in f"{made}"


def test_gitlab_takes_all_files_a_folder_or_none(tmp_path: Path) -> None:
    found = [
        _promise(tmp_path, "publish:gitlab", sourcePath=folder).effect for folder in (True, "./a", False)
    ]

    assert [[*each.tree] for each in found if each] == [
        [".kickstart.yaml", "a/catalog-info.yaml"],
        [".kickstart.yaml", "catalog-info.yaml"],
        [".kickstart.yaml"],
    ]


@pytest.mark.parametrize(
    ("action", "visibility"),
    [("publish:gitlab", "whatever"), ("publish:gitea", "internal"), ("publish:bitbucketCloud", "internal")],
)
def test_who_cannot_be_a_reader_on_a_forge_is_refused(tmp_path: Path, action: str, visibility: str) -> None:
    with pytest.raises(ValidationError, match="repoVisibility"):
        _promise(tmp_path, action, repoVisibility=visibility)


@pytest.mark.parametrize("action", MODULES)
def test_nothing_is_public_that_a_template_does_not_call_so(tmp_path: Path, action: str) -> None:
    made = _promise(tmp_path, action)

    assert made.effect and made.effect.publication and made.effect.publication.visibility == "private"


@pytest.mark.parametrize(
    ("input", "output"),
    [
        (
            {"repoContentsUrl": "https://x/blob/main"},
            {
                "catalogInfoUrl": "https://x/blob/main/catalog-info.yaml",
                "entityRef": "component:default/shop",
            },
        ),
        (
            {"repoContentsUrl": "https://x/", "catalogInfoPath": "./b/c.yaml"},
            {"catalogInfoUrl": "https://x/b/c.yaml"},
        ),
        (
            {"catalogInfoUrl": "https://x/c.yaml"},
            {"catalogInfoUrl": "https://x/c.yaml", "entityRef": "component:default/shop"},
        ),
    ],
)
def test_what_a_portal_would_register_is_said(
    tmp_path: Path, input: dict[str, Any], output: dict[str, Any]
) -> None:
    made = promise("catalog:register", tmp_path, FILES, **input)

    assert made.output == output
    assert made.notes == (f"not registered, since no portal is configured: {output['catalogInfoUrl']}",)
    assert made.effect is None


def test_the_entity_is_that_of_the_repository_which_is_registered(tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "fetch", "action": "fetch:plain", "input": {"url": "./skeleton", "targetPath": "."}}
    ]
    for name in ("gitops", "source-code"):
        publish = {"repoUrl": f"github.com?owner=acme&repo={name}", "sourcePath": f"./{name}"}
        register = {"repoContentsUrl": f"${{{{ steps['{name}'].output.repoContentsUrl }}}}"}
        steps += [
            {"id": name, "action": "publish:github", "input": publish},
            {"id": f"register-{name}", "action": "catalog:register", "input": register},
        ]
    files = {
        f"skeleton/{name}/catalog-info.yaml": f"kind: {kind}\nmetadata: {{name: {name}}}\n"
        for name, kind in (("gitops", "Resource"), ("source-code", "Component"))
    }
    texts = [
        {"content": f"${{{{ steps['register-{name}'].output.entityRef }}}}"}
        for name in ("gitops", "source-code")
    ]

    made = plan(source(tmp_path, steps, output={"text": texts}, files=files))

    assert [text["content"] for text in made.texts] == [
        "resource:default/gitops",
        "component:default/source-code",
    ]


def test_registering_needs_a_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="catalogInfoUrl or repoContentsUrl is required"):
        promise("catalog:register", tmp_path, FILES)


def test_what_a_template_does_not_mention_is_left_to_the_team(tmp_path: Path) -> None:
    bare = _promise(tmp_path, "publish:azure")
    said = _promise(tmp_path, "publish:azure", description="A shop")

    assert _settings(bare) == {"protectDefaultBranch": True}
    assert _settings(said) == {"protectDefaultBranch": True, "description": "A shop"}
