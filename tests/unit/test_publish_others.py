from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kickstart.actions.base import InputError
from kickstart.actions.publish import Publish
from tests.unit.building import plan, promise, source, tree

ENTITIES = "kind: API\nmetadata:\n  name: x\n---\nkind: Component\nmetadata: {name: Shop}\n"
FILES = tree({"a/catalog-info.yaml": ENTITIES})


@pytest.mark.parametrize(
    ("action", "url", "repository"),
    [
        ("publish:gitlab", "gitlab.com?owner=group%2Fsub&repo=shop", "group-sub/shop"),
        ("publish:gitlab", "gitlab.acme.com?owner=web&repo=shop", "web/shop"),
        ("publish:gitea", "gitea.acme.com?owner=web&repo=shop", "web/shop"),
        ("publish:gerrit", "gerrit.acme.com?workspace=web&owner=me&repo=shop", "web-me/shop"),
        ("publish:azure", "dev.azure.com?organization=acme&project=web&repo=shop", "acme-web/shop"),
        ("publish:bitbucketCloud", "bitbucket.org?workspace=acme&project=WEB&repo=shop", "acme-WEB/shop"),
        ("publish:bitbucketServer", "bb.acme.com?project=WEB&repo=shop", "WEB/shop"),
        ("publish:bitbucket", "bitbucket.org?workspace=acme&project=WEB&repo=shop", "acme-WEB/shop"),
        ("publish:gitea", "gitea.acme.com?repo=shop", "local/shop"),
    ],
)
def test_a_repository_of_any_forge_goes_to_the_one_that_the_user_chose(
    tmp_path: Path, action: str, url: str, repository: str
) -> None:
    made = promise(action, tmp_path, FILES, repoUrl=url, repoVisibility="whatever", settings={"x": 1})

    assert made.effect and str(made.effect.published) == repository
    assert repository in str(made.output["remoteUrl"])
    assert made.output["commitHash"]


def test_a_gitlab_project_has_its_path_for_an_id(tmp_path: Path) -> None:
    made = promise("publish:gitlab", tmp_path, FILES, repoUrl="gitlab.com?owner=g&repo=shop")

    assert (made.output["projectId"], made.output["created"]) == ("g/shop", True)


def test_a_repository_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no repo"):
        promise("publish:gitlab", tmp_path, FILES, repoUrl="gitlab.com?owner=g")


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
    links = [
        {"entityRef": f"${{{{ steps['register-{name}'].output.entityRef }}}}"}
        for name in ("gitops", "source-code")
    ]

    made = plan(source(tmp_path, steps, output={"links": links}, files=files))

    assert [link["entityRef"] for link in made.links] == [
        "resource:default/gitops",
        "component:default/source-code",
    ]


def test_registering_needs_a_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="catalogInfoUrl or repoContentsUrl is required"):
        promise("catalog:register", tmp_path, FILES)


def test_what_a_template_does_not_mention_is_left_to_the_team(tmp_path: Path) -> None:
    bare = promise("publish:gitlab", tmp_path, FILES, repoUrl="gitlab.com?owner=g&repo=shop")
    said = promise(
        *("publish:gitlab", tmp_path, FILES), repoUrl="gitlab.com?owner=g&repo=shop", description="A shop"
    )

    assert isinstance(bare.effect, Publish)
    assert isinstance(said.effect, Publish)
    assert set(bare.effect.settings) == {"protectDefaultBranch"}
    assert said.effect.settings["description"] == "A shop"
