"""`$yaml`, `$json` and `$text` with addresses of a forge, which a real Git finds on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli, Files, commit_all, git_in, publish, write_files, write_template

FORGE = "https://github.com"
PARTS = f"{FORGE}/acme/parts/blob"
METADATA = {"name": "small", "title": "A small one"}
PAGE = b'{"properties": {"name": {"type": "string"}, "owner": {"type": "string"}}}'
STEP = b"id: hello\naction: debug:log\ninput:\n  message: ${{ parameters.name }} of the forge\n"


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that Git finds at github.com/acme/parts; nothing else is there."""
    folder = tmp_path / "github/acme/parts.git"
    write_files(folder, {"steps/hello.yaml": STEP, "page.json": PAGE, "note.txt": b"a note\n"})
    commit_all(folder)
    git_in(folder, "tag", "v1")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{tmp_path}/github/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"{FORGE}/")
    return folder


def _template(folder: Path, *steps: Any, parameters: Any = None, files: Files | None = None) -> Path:
    page = parameters or {"properties": {"name": {"type": "string"}, "owner": {"type": "string"}}}
    spec = {"type": "service", "parameters": page, "steps": [*steps, publish()]}
    return write_template(folder, metadata=METADATA, spec=spec, files=files)


def _clone(folder: Path, origin: str) -> Path:
    """A work tree that was cloned from `origin`, with a step of its own."""
    write_files(folder, {"steps/hello.yaml": STEP.replace(b"the forge", b"the work tree")})
    git_in(folder, "init", "--quiet")
    git_in(folder, "remote", "add", "origin", origin)
    return folder


def test_a_template_is_made_of_files_of_another_repository(cli: Cli, tmp_path: Path, parts: Path) -> None:
    note = {"action": "debug:log", "input": {"message": {"$text": f"{PARTS}/main/note.txt"}}}
    step = {"$yaml": f"{PARTS}/v1/steps/hello.yaml"}
    template = _template(tmp_path / "t", step, note, parameters={"$json": f"{PARTS}/main/page.json"})

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--dry-run")

    assert result.code == 0, result.err
    assert "demo of the forge" in result.out
    assert "a note" in result.out


def test_the_raw_address_of_a_file_is_read_as_the_file_in_its_repository(
    cli: Cli, tmp_path: Path, parts: Path
) -> None:
    raw = "https://raw.githubusercontent.com/acme/parts"
    template = _template(
        tmp_path / "t",
        {"$yaml": f"{raw}/v1/steps/hello.yaml"},
        {
            "action": "fetch:plain:file",
            "input": {"url": f"{raw}/refs/heads/main/note.txt", "targetPath": "n"},
        },
    )
    command = ("render", "demo", "-t", template, "--owner", "acme", "-d", tmp_path / "out", "-o", "json")
    folder = _template(tmp_path / "f", {"action": "fetch:plain", "input": {"url": f"{raw}/main/steps"}})

    result, refused = cli(*command), cli("render", "demo", "-t", folder, "-d", tmp_path / "no")

    assert "demo of the forge" in result.out, result.err
    assert (tmp_path / "out/demo/n").read_text() == "a note\n"
    assert (refused.code, f"{raw}/main/steps is the address of a file" in refused.err) == (3, True)


@pytest.mark.parametrize(
    "origin",
    [f"{FORGE}/Acme/Parts", "git@github.com:acme/parts.git", "ssh://git@github.com:22/acme/parts.git"],
)
def test_a_work_tree_is_tried_as_it_is(cli: Cli, tmp_path: Path, parts: Path, origin: str) -> None:
    step = {"$yaml": f"{PARTS}/main/steps/hello.yaml"}
    template = _template(_clone(tmp_path / "clone", origin) / "templates/t", step)

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--dry-run")

    assert result.code == 0, result.err
    assert "demo of the work tree" in result.out


def test_a_commit_is_fetched_even_of_the_own_repository(cli: Cli, tmp_path: Path, parts: Path) -> None:
    step = {"$yaml": f"{PARTS}/{git_in(parts, 'rev-parse', 'HEAD')}/steps/hello.yaml"}
    template = _template(_clone(tmp_path / "clone", f"{FORGE}/acme/parts") / "t", step)

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--dry-run")

    assert "demo of the forge" in result.out, result.err


def test_a_template_of_a_commit_is_made_of_files_of_that_commit(
    cli: Cli, tmp_path: Path, parts: Path
) -> None:
    _template(parts / "t", {"$yaml": f"{PARTS}/main/steps/hello.yaml"})
    commit = commit_all(parts)
    write_files(parts, {"steps/hello.yaml": STEP.replace(b"forge", b"newest")})
    commit_all(parts)
    template = f"{FORGE}/acme/parts//t@{commit}"

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--dry-run")

    assert "demo of the forge" in result.out, result.err


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        (
            f"{PARTS}/gone/page.json",
            3,
            "https://github.com/acme/parts.git has no branch, tag or commit 'gone'",
        ),
        (
            "https://me:hunter2@github.com/acme/gone/blob/main/x.yaml",
            6,
            "'main' of https://github.com/acme/gone.git cannot be",
        ),
        (f"{PARTS}/main/gone.yaml", 3, "there is no gone.yaml in https://github.com/acme/parts.git"),
        (f"{PARTS}/main/..%2F..%2Fx.yaml", 3, "leaves its repository"),
        (f"{PARTS}/main/steps", 3, "cannot be read"),
        ("file:///etc/hostname", 3, "come by https, http, ssh only"),
    ],
)
@pytest.mark.parametrize("how", [(), ("--dry-run",)], ids=["create", "dry-run"])
def test_what_cannot_be_had_is_named_with_its_line(
    cli: Cli, tmp_path: Path, parts: Path, url: str, code: int, said: str, how: tuple[str, ...]
) -> None:
    template = _template(tmp_path / "t", {"$yaml": url})
    line = (template / "template.yaml").read_text().partition("$yaml")[0].count("\n")

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--forge", f"local:{tmp_path}/f", *how)

    assert (result.code, said in result.err) == (code, True), result.err
    assert f"  template.yaml:{line}: spec.steps.0: $yaml: {url.replace('me:hunter2@', '')}\n" in result.err
    assert "hunter2" not in result.err
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("path", ["../secret.yaml", ".git/config", "link"])
def test_an_address_leads_nowhere_else_in_a_work_tree(
    cli: Cli, tmp_path: Path, parts: Path, path: str
) -> None:
    write_files(tmp_path, {"secret.yaml": b"hunter2"})
    clone = _clone(tmp_path / "clone", f"{FORGE}/acme/parts")
    (clone / "link").symlink_to("../secret.yaml")
    address = f"{PARTS}/main/{path.replace('/', '%2F')}"
    step = {"action": "debug:log", "input": {"message": {"$text": address}}}

    result = cli("create", "demo", "-t", _template(clone / "t", step), "--owner", "acme", "--dry-run")

    assert result.code == 3
    assert "is outside the template's repository" in result.err
    assert "hunter2" not in result.out + result.err


def test_what_is_not_fetched_is_told_and_the_rest_is_looked_at(cli: Cli, tmp_path: Path, parts: Path) -> None:
    """Neither lint nor validate asks another repository, and neither blames what that may have."""
    away = f"{FORGE}/acme/gone/blob/main"
    template = _template(
        tmp_path / "t",
        {"$yaml": f"{away}/step.yaml"},
        {"action": "fetch:template", "input": {"url": "./skeleton", "values": {"$json": f"{away}/v.json"}}},
        {"action": "debug:log", "input": {"message": "${{ parameters.more }} ${{ steps.step.output.x }}"}},
        {"action": "debug:log", "input": {"mesage": "${{ nobody }}"}},
        {"action": "fetch:plain", "input": {"$yaml": f"{away}/input.yaml"}},
        parameters=[{"required": ["more"], "properties": {"$yaml": f"{away}/properties.yaml"}}],
        files={"a.txt": b"${{ values.anything }}\n"},
    )

    linted = cli("template", "lint", template, "--output", "json")
    validated = cli("template", "validate", template)

    assert linted.code == 8
    assert [(each["rule"], each["message"].partition(": ")[2]) for each in linted.json["findings"]] == [
        ("reference", "nobody: nothing is called 'nobody'"),
        ("unknown-input", "debug:log has no input 'mesage' (did you mean 'message'?); kickstart ignores it"),
    ]
    assert validated.code == 0, validated.err
    assert "needs the input" not in validated.out
    for result in (linted, validated):
        assert result.err.count("is not fetched, and what depends on it is not looked at") == 4
        assert f"spec.steps.0: $yaml: {away}/step.yaml is not fetched" in result.err


def test_a_template_that_is_mostly_elsewhere_says_what_it_lacks(
    cli: Cli, tmp_path: Path, parts: Path
) -> None:
    template = write_template(tmp_path / "t", metadata={"$yaml": f"{PARTS}/main/page.json"})

    result = cli("template", "lint", template)

    assert result.code == 3
    assert "metadata: is required" in result.err
    assert f"not fetched here, and perhaps missing: $yaml: {PARTS}/main/page.json" in result.err


def test_a_repository_is_fetched_once_however_many_files_it_brings(
    cli: Cli, tmp_path: Path, parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = {"$yaml": f"{PARTS}/main/steps/hello.yaml"}
    skeleton = {"action": "fetch:plain", "input": {"url": f"{FORGE}/acme/parts/tree/main/steps"}}
    template = _template(tmp_path / "t", step, step, skeleton)
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--dry-run")

    assert result.code == 0, result.err
    assert result.out.count("demo of the forge") == 2
    assert (tmp_path / "trace").read_text().count(" fetch --quiet") == 1


def test_a_form_is_shown_with_what_another_repository_brings(cli: Cli, tmp_path: Path, parts: Path) -> None:
    template = _template(tmp_path / "t", parameters={"$json": f"{PARTS}/main/page.json"})

    result = cli("template", "schema", template)

    assert json.loads(result.out)["properties"].keys() == {"name", "owner"}
