"""Secrets: accepted where nobody looks over the shoulder, and written nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import FILES, TWO_REPOSITORIES, Cli, Result, make_template

SECRET = 'hunter2"\\ä'  # what JSON writes in another way than it is
AS_JSON = json.dumps(SECRET, ensure_ascii=False)[1:-1]

WITH_SECRET = TWO_REPOSITORIES.replace(
    "        owner: {title: Owner, type: string}\n",
    "        owner: {title: Owner, type: string}\n"
    "        apiToken: {title: Token, type: string, ui:field: Secret, minLength: 4}\n",
).replace("required: [name, owner]", "required: [name, owner, apiToken]")
LOGGED = "    - {id: log, action: debug:log, input: {message: 'token=${{ secrets.apiToken }}'}}\n  output:\n"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """The two repositories, with a secret that one step prints."""
    return make_template(tmp_path / "secret", WITH_SECRET.replace("  output:\n", LOGGED))


def appears_in(secret: str, done: Result, *folders: Path) -> list[str]:
    """Return where a secret can be read after a run."""
    places = [name for name, text in (("stdout", done.out), ("stderr", done.err)) if secret in text]
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and secret.encode() in path.read_bytes():
                places.append(str(path))
    return places


@pytest.mark.parametrize("more", [["-v"], ["-v", "--dry-run"], ["-o", "json"], ["-o", "json", "--dry-run"]])
def test_a_secret_from_stdin_appears_in_no_output_and_no_file(
    cli: Cli, template: Path, home: Path, tmp_path: Path, more: list[str]
) -> None:
    done = cli(
        *("create", "my-chatbot", "-t", str(template), "--owner", "acme", "--values", "-"),
        *("--output-dir", str(tmp_path / "out"), *more),
        stdin=f"apiToken: '{SECRET}'\n",
    )

    assert done.code == 0
    assert ("token=***" in done.out) == ("--dry-run" in more or "json" in more)
    assert appears_in(SECRET, done, home, tmp_path) == []
    assert appears_in(AS_JSON, done, home, tmp_path) == []


def test_a_password_is_rendered_and_written_down_nowhere_else(cli: Cli, home: Path, tmp_path: Path) -> None:
    # A portal takes it for a parameter: what the template does with it is the template's business.
    asked = WITH_SECRET.replace("ui:field: Secret", "ui:widget: password")
    told = LOGGED.replace("secrets.apiToken", "parameters.apiToken")
    template = make_template(tmp_path / "password", asked.replace("  output:\n", told))

    done = cli(
        *("create", "my-chatbot", "-t", str(template), "--owner", "acme", "--values", "-", "-v", "--dry-run"),
        stdin=f"apiToken: '{SECRET}'\n",
    )
    made = cli(
        *("create", "my-chatbot", "-t", str(template), "--owner", "acme", "--values", "-"),
        *("--output-dir", str(tmp_path / "out"), "-o", "json"),
        stdin=f"apiToken: '{SECRET}'\n",
    )

    assert (done.code, made.code) == (0, 0), done.err + made.err
    assert "token=***" in done.out
    assert "apiToken" not in made.json["parameters"]
    for result in (done, made):
        assert appears_in(SECRET, result, home, tmp_path) == []


DEEP = """\
        databases:
          type: array
          items:
            type: object
            minProperties: 2
            properties:
              user: {type: string}
              key: {title: Key, type: string, ui:field: Secret}
              pin: {title: Pin, type: string, ui:widget: password}
"""


@pytest.mark.parametrize("more", [["-v"], ["-v", "--dry-run"], ["-o", "json"]])
def test_a_secret_inside_of_a_parameter_is_one_too(
    cli: Cli, home: Path, tmp_path: Path, more: list[str]
) -> None:
    owner = "        owner: {title: Owner, type: string}\n"
    logged = LOGGED.replace("secrets.apiToken", "secrets.key }} ${{ parameters.databases[0].key")
    text = TWO_REPOSITORIES.replace(owner, owner + DEEP).replace("  output:\n", logged)
    template = make_template(tmp_path / "deep", text)
    command = ["create", "my-chatbot", "-t", str(template), "--owner", "acme", "--values", "-"]

    done = cli(*command, *more, stdin="databases: [{user: ada, key: swordfish, pin: hunter77}]\n")
    wrong = cli(*command, *more, stdin="databases: [{key: swordfish}, {pin: hunter77}]\n")

    assert (done.code, wrong.code) == (0, 2), done.err
    assert ("token=*** *********" in done.out) == ("--dry-run" in more or "json" in more)
    for result in (done, wrong):
        for secret in ("swordfish", "hunter77"):
            assert appears_in(secret, result, home) == []


PEM = '-----BEGIN KEY-----\nAAAASECRETLINE\nit\'s "quoted" too\n-----END KEY-----\n'


@pytest.mark.parametrize(
    "input_",
    [
        {"action": "debug:log", "input": {"message": "${{ secrets.apiToken }}"}},
        {"action": "acme:left-to-a-portal", "input": {"of": {"key": "${{ secrets.apiToken }}"}}},
        {"action": "debug:log", "each": "${{ secrets.apiToken }}"},
    ],
)
def test_a_secret_of_several_lines_is_masked_in_each(
    cli: Cli, home: Path, tmp_path: Path, input_: dict[str, Any]
) -> None:
    step = f"    - {json.dumps(input_)}\n  output:\n"
    template = make_template(tmp_path / "lines", WITH_SECRET.replace("  output:\n", step))

    done = cli(
        *("create", "my-chatbot", "-t", template, "--owner", "acme", "--values", "-", "--dry-run", "-v"),
        stdin=json.dumps({"apiToken": PEM}),
    )

    assert appears_in("SECRETLINE", done, home) == []
    assert appears_in("quoted", done, home) == []


def test_a_secret_from_the_environment_is_accepted(
    cli: Cli, template: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KICKSTART_PARAMETER_APITOKEN", SECRET)

    done = cli("create", "my-chatbot", "-t", template, "--owner", "acme", "-v")

    assert done.code == 0
    assert '  apiToken    "**********"  KICKSTART_PARAMETER_APITOKEN' in done.err
    assert appears_in(SECRET, done, home) == []


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(
    cli: Cli, template: Path, home: Path
) -> None:
    done = cli("create", "my-chatbot", "-t", template, "--owner", "acme", "--set", f"apiToken={SECRET}")

    assert done.code == 2
    assert "--set apiToken: is a secret, which other users would see in the list of processes" in done.err
    assert "apiToken: is required" not in done.err  # it was given, if in the wrong way
    assert "use --values -, or KICKSTART_PARAMETER_APITOKEN" in done.err
    assert appears_in(SECRET, done, home) == []


def test_a_wrong_secret_is_refused_without_showing_it(
    cli: Cli, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KICKSTART_PARAMETER_APITOKEN", "xyz")

    done = cli("create", "my-chatbot", "-t", template, "--owner", "acme", "-o", "json")

    assert done.code == 2
    assert [fault["where"] for fault in done.json["error"]["faults"]] == [
        "apiToken (KICKSTART_PARAMETER_APITOKEN)"
    ]
    assert appears_in("xyz", done) == []


def test_a_secret_that_nobody_gave_is_reported_as_missing(cli: Cli, template: Path) -> None:
    done = cli("create", "my-chatbot", "-t", template, "--owner", "acme")

    assert done.code == 2
    assert "  apiToken: is required" in done.err


@pytest.mark.parametrize(
    ("input_", "leaking", "file"),
    [
        ("greeting: ${{ parameters.greeting }}", "greeting: ${{ secrets.apiToken }}", "README.md"),
        (
            "repository: ${{ parameters.owner }}/${{ parameters.name }}",
            "repository: ${{ secrets.apiToken }}",
            "application.yaml",
        ),
    ],
)
def test_a_template_that_would_publish_a_secret_is_refused(
    cli: Cli, home: Path, tmp_path: Path, input_: str, leaking: str, file: str
) -> None:
    text = WITH_SECRET.replace(input_, leaking)
    template = make_template(tmp_path / "leaking", text, FILES)

    done = cli(
        *("create", "my-chatbot", "-t", template, "--owner", "acme", "--values", "-"),
        stdin="apiToken: swordfish\n",
    )

    assert done.code == 3
    assert f"would write the secret 'apiToken' into {file}" in done.err
    assert "Hint: pass it to an action's 'secrets' instead" in done.err
    assert appears_in("swordfish", done, home) == []


def test_resume_asks_for_the_secret_again(cli: Cli, template: Path) -> None:
    command = ("create", "my-chatbot", "-t", template, "--owner", "acme")
    cli(*command, "--values", "-", stdin="apiToken: swordfish\n")

    without = cli("create", "my-chatbot", "--resume")
    with_it = cli("create", "my-chatbot", "--resume", "--values", "-", stdin="apiToken: swordfish\n")

    assert (without.code, with_it.code) == (2, 0)
    assert "  apiToken: is required" in without.err
