"""Bad input: one clear message, the documented exit code, and nothing written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import (
    NAME,
    OWNER,
    Cli,
    LocalForge,
    fetch,
    git,
    page,
    publish,
    snapshot,
    start,
    wrap_git,
    write_files,
    write_template,
)


@pytest.mark.parametrize(
    "name",
    ["Demo", "1demo", "de mo", "demo-", "-demo", "a" * 64, "dé", "../demo", "a/b", "demo.git", "demo\n"],
)
def test_a_name_that_is_no_dns_label_is_refused(cli: Cli, small: Path, home: Path, name: str) -> None:
    result = cli("create", "--template", small, "--", name)

    assert result.code == 2
    assert "DNS label" in result.err or "64 characters; 63 are possible" in result.err
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_name_is_required(cli: Cli, small: Path) -> None:
    result = cli("create", "--template", small)

    assert result.code == 2
    assert "name: is required" in result.err
    assert "Hint: give NAME, as in: kickstart create my-chatbot; kickstart template show " in result.err


def test_an_owner_is_required_where_the_login_name_says_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_nobody")
    parameters = page(name=NAME, owner={"type": "string"})
    template = write_template(tmp_path / "two words", parameters=parameters)

    result = cli("create", "demo", "--template", template, "--forge", "github")

    assert (result.code, result.err.splitlines()) == (
        2,
        [
            "Error: one parameter is wrong",
            "  owner: is required",
            f"Hint: --owner OWNER; kickstart template show '{template}' lists every parameter",
        ],
    )


@pytest.mark.parametrize("option", ["--owner", "--template", "--forge", "--visibility", "--context"])
def test_an_empty_option_is_a_fault_of_the_command_and_not_of_the_template(
    cli: Cli, small: Path, home: Path, option: str
) -> None:
    result = cli("create", "demo", "--template", small, option, "")

    assert (result.code, result.err.splitlines()[0]) == (2, f"Error: {option} is empty")
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_visibility_that_the_template_does_not_take_is_not_left_out_in_silence(
    cli: Cli, small: Path, home: Path
) -> None:
    result = cli("create", "demo", "--template", small, "--visibility", "private")

    assert result.code == 2
    assert "--visibility: the template has no such parameter, and says itself who can read" in result.err
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("command", ["create", "status", "delete"])
def test_a_timeout_that_is_no_duration_is_refused_where_nothing_waits_too(
    command: str, cli: Cli, home: Path
) -> None:
    result = cli(command, "demo", "--timeout", "banana", "--output", "json")

    error = result.json["error"]
    assert (result.code, error["message"]) == (2, "--timeout: 'banana' is not a duration")
    assert error["hint"] == "write it as 90s, 5m or 1h30m"
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_number_of_jobs_is_refused_without_a_batch_too(cli: Cli, small: Path) -> None:
    result = cli("create", "demo", "--template", small, "--jobs", "99")

    assert (result.code, "--jobs 99 is not possible" in result.err) == (2, True)


def test_every_wrong_parameter_is_in_one_report(cli: Cli, tmp_path: Path) -> None:
    count = {"type": "integer", "minimum": 1, "default": 1}
    kind = {"type": "string", "enum": ["a", "b"], "default": "a"}
    template = write_template(tmp_path / "t", parameters=page(name=NAME, owner=OWNER, count=count, kind=kind))
    wrong = ["--set", "count=many", "--set", "kind=c", "--set", "cuont=1", "--set", "nothing"]

    result = cli("create", "Demo!", "--template", template, *wrong)

    assert result.code == 2
    assert "count (--set): must be a whole number" in result.err
    assert "kind (--set)" in result.err
    assert "cuont (--set): the template has no such parameter (did you mean 'count'?)" in result.err
    assert "'nothing' is not of the form PARAMETER=VALUE" in result.err


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- a\n- b\n", "must be a mapping of parameters, and is a list"),
        (b"text\n", "must be a mapping of parameters, and is a single value"),
        (b"note: a\nowner: b\nnote: c\n", "VALUES:3: the key 'note' stands twice, here and in line 1"),
        (BOMB.encode(), "values after aliases"),
        (b"note: \xff\xfe\n", "is not UTF-8 text"),
        (b"note: [a\n", "VALUES:2: "),
        (b"a: &a\n  b: *a\n", "a value that contains itself"),
        (b"[" * 5000, "nested deeper than 100 levels"),
        (b"note: 7\n", "note (VALUES): must be text"),
        (b"ntoe: x\n", "ntoe (VALUES): the template has no such parameter (did you mean 'note'?)"),
        (b"note: !!python/object/apply:os.system [id]\n", "VALUES"),
    ],
    ids=["list", "scalar", "duplicate", "bomb", "bytes", "broken", "cycle", "deep", "type", "key", "tag"],
)
def test_a_values_file_that_cannot_be_used_is_refused(
    cli: Cli, small: Path, home: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    values = tmp_path / "values.yaml"
    values.write_bytes(content)

    result = cli("create", "demo", "--template", small, "--values", values)

    assert result.code == 2
    assert message.replace("VALUES", str(values)) in result.err
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_values_file_that_is_not_there_is_named(cli: Cli, small: Path, tmp_path: Path) -> None:
    result = cli("create", "demo", "--template", small, "--values", tmp_path / "gone.yaml")

    assert result.code == 2
    assert f"{tmp_path}/gone.yaml cannot be read: No such file or directory" in result.err


def _step(**changes: Any) -> list[dict[str, Any]]:
    return [fetch(), {**publish(), **changes}]


LATER = {"remote": "${{ steps.publish.output.remoteUrl }}"}

BROKEN = {
    "unknown-action": (_step(action="publish:githbu"), "there is no action 'publish:githbu' (did you mean"),
    "later-step": ([fetch(LATER), publish()], "the step 'publish' runs later"),
    "misspelt-step": ([fetch(), publish("${{ steps.fecth.output.x }}")], "(did you mean 'fetch'?)"),
    "own-step": (_step(input={"repoUrl": "${{ steps.publish.output.remoteUrl }}"}), "is this step itself"),
    "unknown-output": (
        [
            *_step(),
            {"id": "log", "action": "debug:log", "input": {"message": "${{ steps.publish.output.url }}"}},
        ],
        "publish:github has no output 'url'",
    ),
    "bad-expression": ([fetch({"x": "${{ parameters.name | }}"}), publish()], "${{ parameters.name | }}"),
    "unknown-filter": ([fetch({"x": "${{ parameters.name | uper }}"}), publish()], "no filter 'uper'"),
    "unknown-parameter": ([fetch({"x": "${{ parameters.nmae }}"}), publish()], "(did you mean 'name'?)"),
    "each-number": (_step(each=3), "must be a list or a mapping, and is 3"),
    "each-expression": (_step(each="${{ 3 }}"), "each"),
    "absolute-target": ([fetch(targetPath="/etc"), publish()], "/etc"),
    "parent-target": ([fetch(targetPath="../out"), publish()], "../out"),
    "parent-source": ([fetch(url="../../outside"), publish()], "leaves the template's repository"),
    "missing-source": ([fetch(url="./gone"), publish()], "./gone does not exist"),
    "repository-of-this-machine": (
        [fetch(url="file:///srv/private"), publish()],
        "files of other repositories come by https, http, ssh only",
    ),
    "nothing-to-publish": ([publish()], "there is nothing to publish"),
    "bad-repository": ([fetch(), publish("a b")], "repo"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_wrong_template_is_refused_with_line_and_reason(
    cli: Cli, tmp_path: Path, local_forge: LocalForge, case: str
) -> None:
    steps, message = BROKEN[case]
    (tmp_path / "outside").mkdir()
    template = write_template(tmp_path / "t", steps)

    result = cli("create", "demo", "--template", template)

    assert result.code == 3, result.err
    assert message in result.err
    assert "template.yaml:" in result.err
    assert not local_forge.folder.exists()


@pytest.mark.parametrize(
    "case", ["unknown-action", "later-step", "misspelt-step", "bad-expression", "each-number"]
)
def test_validate_finds_what_create_would_refuse(cli: Cli, tmp_path: Path, case: str) -> None:
    steps, message = BROKEN[case]
    template = write_template(tmp_path / "t", steps)

    result = cli("template", "validate", template)

    assert result.code == 3
    assert message in result.err


def test_an_undefined_variable_of_a_skeleton_is_named_with_file_and_line(cli: Cli, tmp_path: Path) -> None:
    files = {"docs/a.md.j2": b"one\n${{ values.name }}\n${{ values.nmae }}\n"}
    template = write_template(tmp_path / "t", files=files)

    result = cli("create", "demo", "--template", template)

    assert result.code == 3
    assert "docs/a.md.j2:3" in result.err
    assert "'nmae' is not defined (did you mean 'name'?)" in result.err


@pytest.mark.parametrize("target", ["../../outside", "/etc/hostname"])
def test_a_link_out_of_the_template_is_refused(
    cli: Cli, small: Path, local_forge: LocalForge, target: str
) -> None:
    (small / "skeleton/link").symlink_to(target)

    result = cli("create", "demo", "--template", small)

    assert result.code == 3
    assert f"is a link to '{target}', outside its folder" in result.err
    assert not local_forge.folder.exists()


def test_broken_yaml_is_named_with_its_line(cli: Cli, small: Path) -> None:
    (small / "template.yaml").write_text("apiVersion: x\nkind: Template\nspec:\n  steps: [\n")

    result = cli("create", "demo", "--template", small)

    assert result.code == 3
    assert "is not valid YAML" in result.err
    assert "template.yaml:5" in result.err


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ({"apiVersion": "scaffolder.backstage.io/v1beta2"}, "apiVersion: must be"),
        ({"kind": "Component"}, "kind: must be"),
        ({"spec": {"type": "service", "steps": "none"}}, "spec.steps: "),
        ({"spec": {"type": "service", "steps": [{"actoin": "debug:log"}]}}, "(did you mean 'action'?)"),
    ],
    ids=["version", "kind", "steps", "step"],
)
def test_a_file_that_is_no_template_is_refused(
    cli: Cli, tmp_path: Path, top: dict[str, Any], message: str
) -> None:
    template = write_template(tmp_path / "t", **top)

    result = cli("create", "demo", "--template", template)

    assert result.code == 3
    assert message in result.err
    assert "template.yaml:" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--template", "rag-chatbto"], "no template is called 'rag-chatbto' (did you mean 'rag-chatbot'?)"),
        (["--template", "./gone"], "there is no template.yaml in gone"),
        (["--template", "SMALL", "--forge", "gitlab"], "there is no forge 'gitlab'"),
        (["--template", "SMALL", "--output", "xml"], "there is no output format 'xml'"),
        (["--template", "SMALL", "--nonsense"], "No such option"),
        (["--template", "SMALL", "--resume"], "there is no recorded run of 'demo' to resume"),
    ],
)
def test_a_wrong_command_exits_2(cli: Cli, small: Path, arguments: list[str], message: str) -> None:
    result = cli("create", "demo", *[str(small) if each == "SMALL" else each for each in arguments])

    assert result.code == 2
    assert message in result.err


def test_an_output_folder_with_other_files_stops_everything(
    cli: Cli, small: Path, local_forge: LocalForge, tmp_path: Path
) -> None:
    write_files(tmp_path / "out/demo", {"mine.txt": b"mine\n"})
    before = snapshot(tmp_path / "out")

    result = cli("create", "demo", "--template", small, "--output-dir", tmp_path / "out")

    assert result.code == 5
    assert "holds other files" in result.err
    assert not local_forge.folder.exists()
    assert snapshot(tmp_path / "out") == before


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB that is all but full."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"THE FULL DISK IS NOT TESTED: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_exits_4_and_the_same_command_finishes_with_space(
    cli: Cli, tmp_path: Path, full_disk: Path
) -> None:
    template = write_template(tmp_path / "t", files={"large.bin": os.urandom(20_000)})
    (full_disk / "ballast").write_bytes(bytes(60_000))
    command = ("render", "demo", "--template", template, "--output-dir", full_disk / "out")

    full = cli(*command)
    left = [path.name for path in full_disk.rglob("*")]
    (full_disk / "ballast").unlink()
    again = cli(*command)

    assert full.code == 4, full.err
    assert "the disk is full" in full.err
    assert left == ["ballast", "out"] or left == ["out", "ballast"]
    assert again.code == 0
    assert len((full_disk / "out/demo/large.bin").read_bytes()) == 20_000


def test_a_full_disk_of_the_forge_leaves_no_half_repository(
    cli: Cli, tmp_path: Path, full_disk: Path
) -> None:
    template = write_template(tmp_path / "t", files={"large.bin": os.urandom(80_000)})

    result = cli("create", "demo", "--template", template, "--forge", f"local:{full_disk}")

    assert result.code in {4, 6}, result.err
    assert [path for path in full_disk.rglob("*") if path.is_file()] == []


def test_without_git_create_exits_4(small: Path, tmp_path: Path, local_forge: LocalForge) -> None:
    (tmp_path / "empty").mkdir()

    result = start("create", "demo", "--template", small, env={**os.environ, "PATH": str(tmp_path / "empty")})

    assert result.returncode == 4
    assert "git is not installed" in result.stderr
    assert "Traceback" not in result.stderr
    assert not local_forge.folder.exists()


def test_inside_a_git_hook_the_callers_repository_is_left_alone(
    small: Path, tmp_path: Path, local_forge: LocalForge
) -> None:
    git("init", "-q", tmp_path / "own")
    before = snapshot(tmp_path / "own")
    hook = {
        "GIT_DIR": str(tmp_path / "own/.git"),
        "GIT_WORK_TREE": str(tmp_path / "own"),
        "GIT_INDEX_FILE": str(tmp_path / "own/.git/index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "own/.git/objects"),
    }

    result = start("create", "demo", "--template", small, env={**os.environ, **hook}, cwd=tmp_path / "own")

    assert result.returncode == 0, result.stderr
    assert snapshot(tmp_path / "own") == before
    assert git(f"--git-dir={local_forge.path('demo')}", "show", "main:README.md") == "# demo"


def test_what_git_says_reaches_the_reader(small: Path, tmp_path: Path) -> None:
    script = 'case "$*" in *fast-import*) echo "fatal: no more ink" >&2; exit 1;; esac\nexec "$real" "$@"'

    result = start("create", "demo", "--template", small, env=wrap_git(tmp_path / "bin", script))

    assert result.returncode == 6
    assert "no more ink" in result.stderr
