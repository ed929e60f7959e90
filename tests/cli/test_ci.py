"""What a pipeline on GitHub Actions sees: annotations, outputs, a summary, and never a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from kickstart.cli.console import Console
from kickstart.errors import Fault, ParameterError
from tests.cli.gitops import ONE, GitOps, gitops, published_shop
from tests.cli.support import Cli

__all__ = ["gitops", "published_shop"]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a runner's files are."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path


def _outputs(folder: Path) -> dict[str, str]:
    """Read outputs as the runner does: NAME<<END, lines, END."""
    values: dict[str, str] = {}
    lines = iter((folder / "output").read_text().splitlines())
    for line in lines:
        name, _, end = line.partition("<<")
        value: list[str] = []
        for inner in lines:
            if inner == end:
                break
            value.append(inner)
        values[name] = "\n".join(value)
    return values


@pytest.mark.parametrize("command", [("promote", "shop"), ("nonsense",), ("status", "shop", "--prr")])
def test_a_command_that_is_wrong_is_annotated_too(cli: Cli, runner: Path, command: tuple[str, ...]) -> None:
    done = cli(*command)

    assert done.code == 2
    assert done.err.startswith("::error")
    assert _outputs(runner)["exit-code"] == "2"
    assert "failed" in (runner / "summary").read_text()


def test_a_preview_tells_the_next_step_where_it_is(cli: Cli, gitops: GitOps, runner: Path) -> None:
    done = cli("preview", "create", "shop", "--pr", "42", "--image-digest", ONE)

    given = _outputs(runner)
    assert (done.code, done.err) == (0, "")
    assert given.pop("expires").startswith("20")
    assert given == {
        "outcome": "changed",
        "changed": "true",
        "exit-code": "0",
        "repository": "acme/shop-gitops",
        "branch": "main",
        "commit": gitops.head,
        "environment": "pr-42",
        "namespace": "shop-pr-42",
        "host": "shop-pr-42.example.com",
    }
    assert (runner / "summary").read_text() == (
        "### kickstart preview create: changed\n\n"
        "| What | Change |\n|---|---|\n"
        "| acme/shop-gitops previews/pr-42/values.yaml | create |\n"
    )


def test_what_is_wrong_in_a_file_is_an_annotation_at_its_line(cli: Cli, tmp_path: Path, runner: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("name: demo\nname: again\n")

    done = cli("create", "demo", "--values", values)

    assert done.code == 2
    assert done.err.splitlines()[0] == (
        f"::error file={values},line=2,title=kickstart%3A {values} cannot be read"
        "::the key 'name' stands twice, here and in line 1"
    )
    assert _outputs(runner) == {"outcome": "failed", "changed": "false", "exit-code": "2"}


def test_what_is_wrong_elsewhere_is_an_annotation_too(cli: Cli, runner: Path) -> None:
    done = cli("preview", "create", "shop", "--pr", "x", "--image-digest", "y", "-o", "json")

    commands = [line for line in done.err.splitlines() if line.startswith("::")]
    assert len(commands) == 2
    assert commands[0] == (
        "::error title=kickstart%3A the command is wrong"
        "::--pr: 'x' is not the number of a pull request, as in 42"
    )
    assert "- --pr: 'x' is not the number" in (runner / "summary").read_text()


def test_hostile_text_is_neither_a_command_nor_markdown(cli: Cli, runner: Path) -> None:
    hostile = "42\n::add-mask::x\n<img src=x>|`%0A"

    done = cli("preview", "create", "shop", f"--pr={hostile}", "--image-digest", ONE)

    (command,) = [line for line in done.err.splitlines() if line.startswith("::error")]
    assert "42%0A::add-mask::x%0A<img src=x>|`%250A" in command
    text = (runner / "summary").read_text()
    assert r"42 ::add-mask::x \<img src=x\>\|\`%0A" in text
    assert _outputs(runner)["outcome"] == "failed"


def test_a_secret_is_in_none_of_it(runner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.expect("Promotion")
    console.hide(["correct-horse"])

    console.remember({"repository": "acme/correct-horse"})
    console.fail(ParameterError("correct-horse", hint="correct-horse", faults=[Fault("correct-horse", "x")]))

    said = capsys.readouterr()
    everything = said.out + said.err + (runner / "output").read_text() + (runner / "summary").read_text()
    assert everything.count("acme/***") == 1
    assert "::error title=kickstart%3A ***::***: x" in said.err
    assert "correct-horse" not in everything


def test_a_name_that_is_not_utf_8_is_told_too(runner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.expect("Validate")

    console.fail(ParameterError("wrong", faults=[Fault("caf\udce9.yaml:3", "x")]))

    assert "caf\\udce9.yaml:3: x" in (runner / "summary").read_text()


def test_a_batch_is_summed_up_once(cli: Cli, small: Path, runner: Path) -> None:
    (runner / "projects.yaml").write_text("projects: [one, two]\n")

    done = cli("create", "--batch", runner / "projects.yaml", "-t", small)

    assert done.code == 0
    assert (runner / "output").read_text().count("outcome<<") == 1
    assert (runner / "summary").read_text() == (
        "### kickstart create --batch: changed\n\n"
        "| What | Change |\n|---|---|\n| one | changed |\n| two | changed |\n"
    )


def test_lists_are_for_readers_of_the_log_only(cli: Cli, runner: Path) -> None:
    cli("template", "list")

    assert not (runner / "summary").exists()


def test_without_the_runners_files_it_works_as_well(
    cli: Cli, small: Path, runner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_OUTPUT")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(runner / "no" / "such" / "folder"))

    done = cli("create", "demo", "-t", small)

    assert done.code == 0
    assert "Note: GITHUB_STEP_SUMMARY cannot be written: No such file or directory" in done.err


def test_elsewhere_nothing_of_this_is_written(
    cli: Cli, small: Path, runner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")

    cli("create", "demo", "-t", small)
    failed = cli("create", "Demo", "-t", small)

    assert not (runner / "output").exists()
    assert "::error" not in failed.err
