"""`kickstart template test`: cases beside a template."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli, fetch, page, publish, write_files, write_template

STEPS = [
    fetch({"name": "${{ parameters.name }}"}, templateFileExtension=False),
    publish(),
    {"id": "tell", "action": "acme:tell", "input": {"url": "${{ steps.publish.output.remoteUrl }}"}},
]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    files = {"README.md": b"# ${{ values.name }}\n", "run.sh": b"#!/bin/sh\n"}
    parameters = page(name={"type": "string", "maxLength": 8}, owner={"type": "string", "default": "acme"})
    metadata = {"name": "portal", "title": "x"}
    folder = write_template(tmp_path / "t", STEPS, parameters, files, metadata=metadata)
    (folder / "skeleton/run.sh").chmod(0o755)
    write_files(folder, {"template-tests/web/values.yaml": b"name: web\n"})
    return folder


def test_a_new_case_is_written_with_update_and_passes_then(cli: Cli, template: Path) -> None:
    first = cli("template", "test", template)
    written = cli("template", "test", template, "--update")
    second = cli("template", "test", template)

    expected = template / "template-tests/web/expected"
    assert first.code == 8
    assert "web: has no expected files yet" in first.err
    assert f"where the new files are right: kickstart template test {template} --update\n" in first.err
    assert written.code == second.code == 0
    assert second.out == "passed  web\n"
    assert (expected / "web/README.md").read_text() == "# web\n"
    assert (expected / "web/run.sh").stat().st_mode & 0o111
    assert "action: acme:tell" in (expected / "steps.yaml").read_text()
    assert "url: file:///forge/acme/web.git" in (expected / "steps.yaml").read_text()


def test_every_difference_is_named_with_its_line(cli: Cli, template: Path) -> None:
    cli("template", "test", template, "--update")
    (template / "skeleton/README.md").write_text("# ${{ values.name }}\nmore\n")
    (template / "skeleton/run.sh").chmod(0o644)
    (template / "skeleton/new").write_text("x")

    result = cli("template", "test", template, "--output", "json")

    assert result.code == 8
    assert result.json["cases"][0]["problems"] == [
        {"where": "web/web/README.md", "message": "line 2 is 'more', expected was ''"},
        {"where": "web/web/new", "message": "is not expected"},
        {"where": "web/web/run.sh", "message": "has the mode 100644, expected was 100755"},
    ]


def test_an_error_can_be_what_is_expected(cli: Cli, template: Path) -> None:
    write_files(
        template / "template-tests",
        {"long/values.yaml": b"name: much-too-long\n", "long/error.txt": b"name (values.yaml)"},
    )

    assert cli("template", "test", template, "--case", "long").out == "passed  long\n"
    (template / "template-tests/long/values.yaml").write_text("name: short\n")
    result = cli("template", "test", template, "--case", "long")
    assert result.code == 8
    assert "long: does not fail; expected was: name (values.yaml)" in result.err


@pytest.mark.parametrize(("content", "said"), [(b"\xe4", "cannot be read"), (b"\n", "is empty")])
def test_an_expected_error_that_says_nothing_is_refused(
    cli: Cli, template: Path, content: bytes, said: str
) -> None:
    write_files(template / "template-tests", {"web/error.txt": content})

    result = cli("template", "test", template)

    assert result.code == 2
    assert f"web/error.txt {said}" in result.err


def test_a_case_that_fails_says_why(cli: Cli, template: Path) -> None:
    (template / "template-tests/web/values.yaml").write_text("nmae: x\n")

    result = cli("template", "test", template)

    assert result.code == 8
    assert "the template has no such parameter (did you mean 'name'?)" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--case", "wbe"], "there is no case 'wbe' (did you mean 'web'?)")],
)
def test_an_unknown_case_is_refused(cli: Cli, template: Path, arguments: list[str], message: str) -> None:
    result = cli("template", "test", template, *arguments)

    assert result.code == 2
    assert message in result.err
    assert "Hint: known are web; for a new one write " in result.err


def test_a_template_without_cases_says_where_they_belong(cli: Cli, tmp_path: Path) -> None:
    result = cli("template", "test", write_template(tmp_path / "t"))

    assert result.code == 2
    assert "template-tests/NAME/values.yaml" in result.err
