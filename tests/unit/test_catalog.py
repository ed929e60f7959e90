from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kickstart.errors import ParameterError, TemplateError
from kickstart.template import catalog, elsewhere
from tests.unit.building import source, write

TEMPLATE = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: shop
  annotations: {kickstart/version: 1.2.3}
spec:
  type: service
  steps: []
"""


def _no_checkout(url: str, ref: str) -> tuple[Path, str]:
    raise AssertionError(f"{url}@{ref} was fetched")


def _find(reference: str | Path) -> catalog.Source:
    return catalog.find(str(reference), _no_checkout)


@pytest.mark.parametrize("name", ["template.yaml", "template.yml"])
def test_a_folder_is_a_template_by_the_file_in_it(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: TEMPLATE})

    found = [_find(tmp_path), _find(tmp_path / name)]

    assert [(each.name, each.file, each.folder, each.version) for each in found] == [
        ("shop", tmp_path / name, tmp_path, "1.2.3")
    ] * 2


def test_a_template_may_have_any_name_when_it_is_given(tmp_path: Path) -> None:
    write(tmp_path, {"Template.dev.yaml": TEMPLATE, "all.yml": TEMPLATE, "readme.md": "x"})

    found = _find(tmp_path / "Template.dev.yaml")

    assert (found.file, found.name) == (tmp_path / "Template.dev.yaml", "shop")
    with pytest.raises(ParameterError, match=r"there is no template\.yaml in") as raised:
        _find(tmp_path)
    assert raised.value.hint == "in it are Template.dev.yaml, all.yml: name the file itself"
    with pytest.raises(ParameterError, match=r"there is no other\.yaml in"):
        _find(tmp_path / "other.yaml")


def test_a_git_reference_may_name_the_file(tmp_path: Path) -> None:
    write(tmp_path, {"a/dev.yaml": TEMPLATE})

    found = catalog.find(
        "https://forge.test/acme/shop.git//a/dev.yaml", lambda url, ref: (tmp_path, "c0ffee")
    )

    assert (found.file, found.folder) == (tmp_path / "a/dev.yaml", tmp_path / "a")


def test_a_template_is_found_among_the_entities_of_its_file(tmp_path: Path) -> None:
    location = "kind: Location\nspec: {targets: [./x.yaml]}\n---\n"
    write(tmp_path, {"template.yaml": f"# both\n{location}{TEMPLATE}---\nkind: Group\n"})

    found = _find(tmp_path)

    assert found.name == "shop"
    assert found.fault(("spec", "type"), "x").where == "template.yaml:11"


def test_one_of_several_templates_in_a_file_is_named_after_a_sign(tmp_path: Path) -> None:
    write(tmp_path, {"template.yaml": f"{TEMPLATE}---\n{TEMPLATE.replace('shop', 'store')}"})
    file = tmp_path / "template.yaml"

    with pytest.raises(TemplateError, match="holds 2 templates: shop, store") as raised:
        _find(tmp_path)
    with pytest.raises(ParameterError, match=r"has no template 'stor' \(did you mean 'store'\?\)") as unknown:
        catalog.find(f"{file}#stor", elsewhere.stay_here)

    assert raised.value.hint == f"name one of them after a '#': '{file}#shop'"
    assert unknown.value.hint == "it has shop, store"
    for place in (str(tmp_path), str(file)):
        found = catalog.find(f"{place}#store", elsewhere.stay_here)
        assert (found.name, found.reference) == ("store", f"{file}#store")
        assert found.fault(("spec", "type"), "x").where == "template.yaml:16"
    url = "https://forge.test/acme/shop.git//a@v1#store"
    write(tmp_path / "a", {"template.yaml": file.read_text()})
    brought = {("https://forge.test/acme/shop.git", "v1"): (tmp_path, "c0ffee")}
    found = catalog.find(url, lambda *place: brought[place])
    assert (found.name, found.reference) == ("store", url)


def test_a_folder_may_have_that_sign_in_its_name(tmp_path: Path) -> None:
    write(tmp_path / "c#", {"template.yaml": TEMPLATE})

    assert catalog.find(f"{tmp_path}/c#", elsewhere.stay_here).name == "shop"


@pytest.mark.parametrize("version", ["backstage.io/v1alpha1", "backstage.io/v1beta2"])
def test_a_template_of_an_older_kind_is_called_so_and_nothing_else(tmp_path: Path, version: str) -> None:
    old = TEMPLATE.replace("scaffolder.backstage.io/v1beta3", version).replace("  steps: []\n", "")
    write(tmp_path, {"template.yaml": old})

    with pytest.raises(TemplateError, match="is a template of an older kind") as raised:
        _find(tmp_path)

    said = f"template.yaml:1: apiVersion: {version} is an older kind, which portals of today refuse too"
    assert [str(fault) for fault in raised.value.faults] == [said]


def test_a_template_may_use_all_of_the_git_repository_that_it_lies_in(tmp_path: Path) -> None:
    write(tmp_path, {".git/HEAD": "x", "templates/shop/template.yaml": TEMPLATE, "shared/a": "x"})

    found = _find(tmp_path / "templates/shop")

    assert found.root == tmp_path
    assert found.path("../../shared") == tmp_path / "shared"
    with pytest.raises(TemplateError, match="leaves the template's repository"):
        found.path("../../../x")


def test_the_templates_that_come_along_are_found_by_their_names() -> None:
    assert "rag-chatbot" in catalog.builtin_names()
    assert _find("rag-chatbot").origin == "rag-chatbot"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("rag-chatbto", r"no template is called 'rag-chatbto' \(did you mean 'rag-chatbot'\?\)"),
        ("./nowhere", r"there is no template.yaml in nowhere"),
        ("", "no template is called ''"),
    ],
)
def test_a_template_that_is_not_there_is_a_wrong_parameter(reference: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        _find(reference)


GIT_REFERENCES = [
    ("https://github.com/acme/shop", ("https://github.com/acme/shop", "", "")),
    ("https://github.com/acme/shop@v1.2", ("https://github.com/acme/shop", "v1.2", "")),
    ("https://github.com/acme/shop//a/b@main", ("https://github.com/acme/shop", "main", "a/b")),
    ("https://github.com/acme/shop@feature/x", ("https://github.com/acme/shop", "feature/x", "")),
    ("https://me:token@host/acme/shop.git@v1", ("https://me:token@host/acme/shop.git", "v1", "")),
    ("git+https://host/shop", ("https://host/shop", "", "")),
    ("git@github.com:acme/shop.git", ("git@github.com:acme/shop.git", "", "")),
    ("git@github.com:acme/shop.git//t@v1", ("git@github.com:acme/shop.git", "v1", "t")),
    ("ssh://git@host:22/acme/shop//t/", ("ssh://git@host:22/acme/shop", "", "t")),
    ("file:///srv/shop.git@v1", ("file:///srv/shop.git", "v1", "")),
]


@pytest.mark.parametrize(("reference", "parts"), GIT_REFERENCES)
def test_a_git_reference_has_a_url_a_ref_and_a_folder(reference: str, parts: tuple[str, str, str]) -> None:
    fetched: list[tuple[str, str]] = []

    def checkout(url: str, ref: str) -> tuple[Path, str]:
        fetched.append((url, ref))
        return Path("/nowhere"), "c0ffee"

    assert elsewhere.split_git_reference(reference) == parts
    with pytest.raises(ParameterError, match=r"there is no template\.yaml"):
        catalog.find(reference, checkout)
    assert fetched == [parts[:2]]


def test_a_template_of_a_git_repository_is_pinned_and_carries_no_credentials(tmp_path: Path) -> None:
    write(tmp_path, {"t/template.yaml": TEMPLATE.replace("  annotations: {kickstart/version: 1.2.3}\n", "")})
    reference = "https://me:p@ss@host/acme/shop//t@main"

    found = catalog.find(reference, lambda url, ref: (tmp_path, "0123456789abcdef"))

    assert found.origin == "https://host/acme/shop//t@main"
    assert (found.root, found.commit, found.version) == (tmp_path, "0123456789abcdef", "0123456789ab")


@pytest.mark.parametrize("inside", ["..", "missing"])
def test_a_folder_that_a_git_repository_has_not_is_refused_without_credentials(
    tmp_path: Path, inside: str
) -> None:
    with pytest.raises(ParameterError) as raised:
        catalog.find(f"https://me:hunter2@host/shop//{inside}", lambda url, ref: (tmp_path, "c0ffee"))

    assert "hunter2" not in str(raised.value)


def _spec(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "shop"},
        "spec": {"type": "service", "steps": [], **spec},
    }


def _load(tmp_path: Path, files: dict[str, str]) -> catalog.Source:
    write(tmp_path, files)
    return catalog.load(tmp_path / "template.yaml", tmp_path, "./shop", "")


def test_placeholders_bring_other_files_once(tmp_path: Path) -> None:
    body = _spec(
        parameters=[{"$yaml": "page.yaml"}, {"$json": "./page.json"}],
        steps=[
            {
                "action": "debug:log",
                "input": {
                    "message": {"$text": "message.txt"},
                    "kept": [{"$unknown": "x"}, {"$text": "message.txt", "two": "keys"}, {"$text": 5}],
                },
            }
        ],
    )
    files = {
        "template.yaml": json.dumps(body),
        "page.yaml": "title: One\nproperties: {a: {$text: message.txt}}\n",
        "page.json": '{"title": "Two"}',
        "message.txt": "hello\r\n{$text: x}\n",
    }

    template = _load(tmp_path, files).template

    assert template.spec.parameters == [
        {"title": "One", "properties": {"a": {"$text": "message.txt"}}},
        {"title": "Two"},
    ]
    assert template.spec.steps[0].input == {
        "message": "hello\r\n{$text: x}\n",
        "kept": [{"$unknown": "x"}, {"$text": "message.txt", "two": "keys"}, {"$text": 5}],
    }


@pytest.mark.parametrize(
    ("placeholder", "said"),
    [
        ({"$yaml": "../outside.yaml"}, "is outside the template's repository"),
        ({"$text": "/etc/passwd"}, "is outside the template's repository"),
        ({"$text": "link"}, "is outside the template's repository"),
        ({"$text": ".git/config"}, "is outside the template's repository"),
        ({"$json": "file:///etc/hostname"}, "come by https, http, ssh only"),
        ({"$yaml": "missing.yaml"}, "cannot be read: "),
        ({"$yaml": "broken"}, "cannot be read: while parsing"),
        ({"$json": "broken"}, "cannot be read: "),
        ({"$json": "deep"}, "cannot be read: "),
        ({"$text": "latin"}, "cannot be read: "),
        ({"$text": "a\0b"}, "cannot be read: "),
    ],
)
def test_a_placeholder_that_cannot_be_filled_is_refused(
    tmp_path: Path, placeholder: dict[str, str], said: str
) -> None:
    write(tmp_path, {"outside.yaml": "a: 1"})
    write(
        tmp_path / "t", {".git/config": "token", "broken": "{a: [", "deep": "[" * 200_000, "latin": b"\xe9"}
    )
    (tmp_path / "t/link").symlink_to("../outside.yaml")

    with pytest.raises(TemplateError) as raised:
        _load(tmp_path / "t", {"template.yaml": json.dumps(_spec(parameters=placeholder))})

    assert said in raised.value.message
    ((kind, name),) = placeholder.items()
    assert [str(each) for each in raised.value.faults] == [
        f"template.yaml:1: spec.parameters: {kind}: {name}"
    ]


def test_a_placeholder_may_leave_the_folder_but_not_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {"shared/page.yaml": "title: Shared"})
    body = json.dumps(_spec(parameters={"$yaml": "../../shared/page.yaml"}))
    file = write(tmp_path / "templates/shop", {"template.yaml": body}) / "template.yaml"

    found = catalog.load(file, tmp_path, "./shop", "")

    assert found.template.spec.parameters == [{"title": "Shared"}]


@pytest.mark.parametrize(
    ("old", "new", "faults"),
    [
        ("v1beta3", "v1beta2", ["template.yaml:1: apiVersion: must be 'scaffolder.backstage.io/v1beta3'"]),
        (
            "scaffolder.backstage.io/v1beta3",
            "[]",
            ["template.yaml:1: apiVersion: must be 'scaffolder.backstage.io/v1beta3'"],
        ),
        ("kind: Template", "kind: API", ["template.yaml:2: kind: must be 'Template'"]),
        ("  name: shop\n", "", ["template.yaml:3: metadata.name: is required"]),
        ("  type: service\n", "", ["template.yaml:6: spec.type: is required"]),
        ("steps: []", "steps: [{id: a}]", ["template.yaml:8: spec.steps.0.action: is required"]),
        ("steps: []", "steps: {}", ["template.yaml:8: spec.steps: must be a list, and is a mapping"]),
        (
            "steps: []",
            "steps:\n    - action: 5\n    - action: x\n      each: {}\n      input: no",
            [
                "template.yaml:9: spec.steps.0.action: must be text, and is a number",
                "template.yaml:12: spec.steps.1.input: must be a mapping, and is text",
            ],
        ),
        (
            "  type: service",
            "  type: a\n  type: b",
            ["template.yaml:8: the key 'type' stands twice, here and in line 7"],
        ),
    ],
)
def test_every_fault_of_a_template_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, faults: list[str]
) -> None:
    with pytest.raises(TemplateError) as raised:
        _load(tmp_path, {"template.yaml": TEMPLATE.replace(old, new)})

    assert [str(fault) for fault in raised.value.faults] == faults


@pytest.mark.parametrize("text", ["", "- a", "text", "{", "\x01"])
def test_a_file_that_is_no_template_is_a_template_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(TemplateError) as raised:
        _load(tmp_path, {"template.yaml": text})

    assert raised.value.faults


def test_a_file_that_is_not_utf_8_is_a_template_error(tmp_path: Path) -> None:
    write(tmp_path, {"template.yaml": b"\xff\xfe"})

    with pytest.raises(TemplateError, match="cannot be read"):
        catalog.load(tmp_path / "template.yaml", tmp_path, "./shop", "")


def test_what_a_portal_adds_is_left_to_it(tmp_path: Path) -> None:
    body = _spec(
        steps=[{"action": "debug:log", "backstage:permissions": {}, "EXPERIMENTAL_recovery": {}}],
        EXPERIMENTAL_formDecorators=[],
        presentation={},
    )
    body["metadata"]["labels"] = {"a": "b"}
    body["relations"] = []

    found = _load(tmp_path, {"template.yaml": json.dumps(body)})

    assert [step.action for step in found.template.spec.steps] == ["debug:log"]


def test_steps_without_an_id_are_numbered_from_one(tmp_path: Path) -> None:
    found = source(tmp_path, [{"action": "a"}, {"id": "own", "action": "b"}, {"action": "c"}])

    assert [found.template.step_id(index) for index in range(3)] == ["step-1", "own", "step-3"]


@pytest.mark.parametrize("reference", ["~no-such-user/x", "a/b", ".", "\0/x", "a\0b", "x" * 300 + "/y"])
def test_a_reference_that_no_file_can_have_is_a_wrong_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ParameterError):
        _find(reference)
