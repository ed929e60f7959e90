"""What a shell completes: the script for it, and the words that it is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.cli.support import NAME, Cli, page, start, write_template

FIRST_LINES = {
    "bash": "_kickstart_completion() {",
    "zsh": "#compdef kickstart",  # what a folder of completions is read by
    "fish": "complete --command kickstart ",
    "powershell": "Import-Module PSReadLine",
}
KUBECONFIG = "contexts:\n- {name: kind-dev, context: {cluster: kind, user: kind}}\n- {name: prod}\n"


def found(folder: Path) -> str:
    """Return a PATH on which this kickstart is."""
    program = folder / "bin/kickstart"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m kickstart "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def completed(*words: str, folder: Path) -> list[str]:
    """Return what a real bash offers for the last of `words`."""
    script = (
        'source <(kickstart completion bash)\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n'
        '_kickstart_completion kickstart\nprintf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", "kickstart", *words],
        env={**os.environ, "PATH": found(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(("shell", "line"), FIRST_LINES.items())
def test_each_shell_has_a_script_of_its_own(cli: Cli, shell: str, line: str) -> None:
    done = cli("completion", shell)

    assert done.code == 0
    assert done.out.startswith(line)
    assert "_KICKSTART_COMPLETE" in done.out


def test_a_script_needs_no_shell_to_be_running() -> None:
    done = start("completion", "fish", start_new_session=True, env={"PATH": "/nonexistent"})

    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_shell_is_named_with_those_that_are_known(cli: Cli) -> None:
    refused = cli("completion", "bsh")

    assert refused.code == 2
    assert "there is no script for 'bsh' (did you mean 'bash'?)" in refused.err
    assert "known are bash, zsh, fish, powershell" in refused.err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (("cr",), ["create"]),
        (("template", "s"), ["show", "schema"]),
        (("preview", "create", "--image"), ["--image-digest"]),
        (("create", "--template", "rag"), ["rag-chatbot"]),
        (("create", "--visibility", "p"), ["private", "public"]),
        (("validate", "--output", ""), ["text", "json", "sarif"]),
        (("status", "--output", ""), ["text", "json"]),
        (("create", "--dialect", "b"), ["backstage"]),
        (("completion", "f"), ["fish"]),
        (
            ("create", "--set", "exp"),
            [f"exposure={each}" for each in ("gateway", "istio", "ingress", "none")],
        ),
        (("create", "--set", "monitoring"), ["monitoring=true", "monitoring=false"]),
        (("create", "--set", "dom"), ["domain="]),
    ],
)
def test_bash_offers_commands_options_and_values(
    tmp_path: Path, typed: tuple[str, ...], offered: list[str]
) -> None:
    assert completed(*typed, folder=tmp_path) == offered


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("create x --set visibility=pr", "create x --set visibility=private "),
        ("create x --set visibility=i", "create x --set visibility=internal "),
        ("create x --set doma", "create x --set domain="),
        ("create x --template=rag", "create x --template=rag-chatbot "),
        ("create x --forge local:./pr", "create x --forge local:./private.txt "),
        ("stat", "status "),
    ],
)
def test_a_value_behind_an_equals_sign_is_completed_at_a_prompt(
    tmp_path: Path, typed: str, line: str
) -> None:
    (tmp_path / "private.txt").touch()  # bash falls back to files, such as this one
    environment = {**os.environ, "PATH": found(tmp_path), "PS1": "", "TERM": "dumb"}
    shell = pexpect.spawn(
        *("bash", ["--norc", "--noprofile", "-i"]),
        cwd=str(tmp_path),
        env=environment,
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 200),
    )
    shell.sendline("source <(kickstart completion bash); echo rea''dy")
    shell.expect_exact("ready\r\n")

    shell.send(f"kickstart {typed}\t")

    try:
        shell.expect_exact(f"kickstart {line}")
    finally:
        shell.close(force=True)


def test_projects_are_those_that_were_created_here(cli: Cli, small: Path, tmp_path: Path) -> None:
    for name in ("shop", "shelf", "tap"):
        assert cli("create", name, "--template", small).code == 0

    assert completed("status", "sh", folder=tmp_path) == ["shelf", "shop"]
    assert completed("preview", "list", "t", folder=tmp_path) == ["tap"]
    assert completed("update", "", folder=tmp_path) == ["shelf", "shop", "tap"]


def test_parameters_are_those_of_the_template_that_was_named(tmp_path: Path) -> None:
    colors = {"type": "string", "enum": ["red", "gr$(touch x)een", "light blue"], "default": "red"}
    password = {"type": "string", "ui:field": "Secret"}
    size = {"oneOf": [{"const": 1, "title": "Small"}, {"const": None}], "default": 1}
    write_template(tmp_path / "mine", parameters=page(name=NAME, color=colors, password=password, size=size))

    offered = completed("create", "--template", "./mine", "--set", "", folder=tmp_path)

    assert offered == [
        "name=",
        "color=red",
        "size=1",
        "size=null",
    ]  # neither what a shell would read, nor a secret
    assert not (tmp_path / "x").exists()


def test_contexts_are_those_of_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))

    assert completed("create", "--context", "", folder=tmp_path) == ["kind-dev", "prod"]


@pytest.mark.parametrize("content", ["", "{", "[]", "spec: {steps: 1}"])
def test_a_broken_template_offers_nothing_and_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "template.yaml").write_text(content)

    assert completed("create", "--template", "./template.yaml", "--set", "", folder=tmp_path) == []
