"""The action, the image and the examples for pipelines: judged by linters, and their commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kickstart import document
from kickstart.cli import main
from tests.app.test_linters import lint
from tests.cli.gitops import ONE
from tests.cli.support import home

__all__ = ["home"]

ROOT = Path(__file__).parents[1]
ACTION = ROOT / ".github/actions/kickstart/action.yml"
EXAMPLES = ROOT / "examples/ci"
WORKFLOWS = sorted([*(ROOT / ".github/workflows").glob("*.yaml"), *(EXAMPLES / "github").glob("*.yaml")])


def test_workflows_are_valid() -> None:
    assert lint("actionlint", *WORKFLOWS, folder=ROOT) == ""


def test_workflows_and_the_action_are_safe() -> None:
    # The examples are copied: their actions are pinned by version here, and by digest where they run.
    options: list[str | Path] = ["--offline", "--no-progress", "--config", ROOT / ".github/zizmor.yml"]

    assert lint("zizmor", *options, *WORKFLOWS, ACTION, folder=ROOT) == ""


def test_the_image_follows_good_practice() -> None:
    assert lint("hadolint", "Containerfile", folder=ROOT) == ""


def test_the_linters_would_have_found_something(tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "bad.yaml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )

    assert "potentially untrusted" in lint("actionlint", workflow, folder=tmp_path)
    assert "dangerous-triggers" in lint("zizmor", "--offline", "--no-progress", workflow, folder=tmp_path)


@pytest.mark.parametrize("file", [*WORKFLOWS, ACTION], ids=lambda file: file.name)
def test_everything_is_pinned_and_permitted_by_name(file: Path) -> None:
    text = file.read_text("utf-8")
    uses = re.findall(r"uses: (\S+)", text)

    assert [each for each in uses if not re.search(r"@v\d+\.\d+\.\d+$|@[0-9a-f]{40}$", each)] == []
    assert "pull_request_target" not in text
    if file != ACTION:
        workflow = document.load(text)
        assert workflow["permissions"] == {}
        assert all("permissions" in job and "timeout-minutes" in job for job in workflow["jobs"].values())


def test_an_argument_of_the_action_is_never_read_by_a_shell(tmp_path: Path) -> None:
    (step,) = [
        each for each in document.load(ACTION.read_text("utf-8"))["runs"]["steps"] if each.get("id") == "run"
    ]
    program = tmp_path / "kickstart"
    program.write_text('#!/bin/sh\nfor each; do printf "<%s>\\n" "$each"; done\n')
    program.chmod(0o755)
    given = f"preview\n\n  create  \n--pr=$(touch {tmp_path}/x)\n`id` ; rm 'a b'\n"

    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        env={**os.environ, "ARGUMENTS": given, "KICKSTART": str(program)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == [
        "<preview>",
        "<create>",
        f"<--pr=$(touch {tmp_path}/x)>",
        "<`id` ; rm 'a b'>",
    ]
    assert not (tmp_path / "x").exists()


def test_every_output_of_the_action_is_one_that_kickstart_gives() -> None:
    from kickstart.cli import ci

    preview = dict.fromkeys(("environment", "namespace", "host", "expires"), "x")
    result = {"outcome": "changed", "preview": preview, **dict.fromkeys(ci._OUTPUTS, "x")}

    assert document.load(ACTION.read_text("utf-8"))["outputs"].keys() == ci.outputs(result).keys()


LABEL = ["wip", "preview"]


@pytest.mark.parametrize(
    ("action", "state", "labels", "label", "jobs"),
    [
        ("labeled", "open", LABEL, "preview", ["image"]),
        ("synchronize", "open", LABEL, None, ["image"]),
        ("reopened", "open", LABEL, None, ["image"]),
        ("synchronize", "open", [], None, []),
        ("unlabeled", "open", [], "preview", ["delete"]),
        ("closed", "closed", LABEL, None, ["delete"]),
        # GitHub runs only the last of those that wait: this one instead of `closed`, or of `unlabeled`.
        ("labeled", "closed", [*LABEL, "released"], "released", ["delete"]),
        ("unlabeled", "closed", ["preview"], "wip", ["delete"]),
        ("labeled", "open", ["wip"], "wip", ["delete"]),
    ],
)
@pytest.mark.parametrize("fork", [False, True])
def test_a_preview_goes_whatever_else_happens_to_its_pull_request(
    action: str, state: str, labels: list[str], label: str | None, jobs: list[str], fork: bool
) -> None:
    workflow = document.load((EXAMPLES / "github/preview.yaml").read_text("utf-8"))
    known = {
        "github.event.pull_request.labels.*.name": labels,
        "github.event.pull_request.head.repo.full_name": "bob/shop" if fork else "acme/shop",
        "github.event.pull_request.state": state,
        "github.event.action": action,
        "github.event.label.name": label,
        "github.repository": "acme/shop",
    }

    def judged(condition: str) -> bool:
        for name, value in known.items():
            condition = condition.replace(name, repr(value))
        python = condition.replace("&&", "and").replace("||", "or").replace("!c", "not c")
        return bool(eval(python, {"contains": lambda whole, part: part in whole}))

    started = [name for name, job in workflow["jobs"].items() if "if" in job and judged(job["if"])]

    assert action in workflow["on"]["pull_request"]["types"]
    assert started == ([] if fork else jobs)


def test_every_job_of_gitlab_gets_the_token_of_its_scope() -> None:
    text = (EXAMPLES / "gitlab/preview.gitlab-ci.yml").read_text("utf-8")
    jobs = {name: job for name, job in document.load(text).items() if "script" in job}

    assert "do not protect it" in text
    assert all(job["environment"]["name"].startswith("preview/") for job in jobs.values())
    assert {name: job["environment"].get("action", "start") for name, job in jobs.items()} == {
        "preview": "start",
        "preview-end": "stop",
        "preview-gc": "access",
    }


def _github() -> Iterator[list[str]]:
    for file in sorted((EXAMPLES / "github").glob("*.yaml")):
        for job in document.load(file.read_text("utf-8"))["jobs"].values():
            for step in job["steps"]:
                if "arguments" in step.get("with", {}):
                    yield step["with"]["arguments"].split()


def _gitlab() -> Iterator[list[str]]:
    for job in document.load((EXAMPLES / "gitlab/preview.gitlab-ci.yml").read_text("utf-8")).values():
        for line in job.get("script", ()):
            yield shlex.split(line)[1:]


def _tekton() -> Iterator[list[str]]:
    import yaml

    for each in yaml.safe_load_all((EXAMPLES / "tekton/preview.yaml").read_text("utf-8")):
        if each["kind"] == "TaskRun":
            yield each["spec"]["params"][0]["value"]


VALUES = {
    "${{ github.event.pull_request.number }}": "42",
    "${{ needs.image.outputs.digest }}": ONE,
    "${{ github.event.repository.name }}": "my-chatbot",
    "${{ github.repository }}": "acme/my-chatbot",
    "${{ env.PROJECT }}": "my-chatbot",
    "$CI_MERGE_REQUEST_IID": "42",
    "$IMAGE_DIGEST": ONE,
    "$GITOPS": "acme/my-chatbot-gitops",
    "$PROJECT": "my-chatbot",
}


def _filled_in(arguments: list[str], forge: Path) -> list[str]:
    text = "\n".join(arguments)
    for expression, value in VALUES.items():
        text = text.replace("\n".join(expression.split()), value)
    text = re.sub(r"(--forge[\n=])github", rf"\1local:{forge}", text)
    # In the GitOps repository's own workflow it is that repository.
    return re.sub(r"acme/my-chatbot$", "acme/my-chatbot-gitops", text).split("\n")


@pytest.mark.parametrize("examples", [_github, _gitlab, _tekton], ids=["github", "gitlab", "tekton"])
def test_the_commands_of_the_examples_run(examples: Any, home: Path, tmp_path: Path) -> None:
    forge = tmp_path / "forge"
    assert main(["create", "my-chatbot", "--owner", "acme", "--forge", f"local:{forge}", "--quiet"]) == 0
    shutil.rmtree(home / "state")

    commands = [_filled_in(arguments, forge) for arguments in examples()]

    assert commands
    assert [(command[:2], main(command)) for command in commands if main(command)] == []
    assert not any("$" in part for command in commands for part in command)
