"""The token: in the environment of the Git that needs it, and nowhere else."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.support import git, wrap_git
from tests.github.fake import FakeGithub, Fault
from tests.github.support import SECRET, SETTINGS, TOKEN, command, one_repository

IN_GIT = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
# Of each child: its arguments, and its environment but for what the user's own shell has in it.
RECORD = """
{ printf '%s\\n' "$*"; env -u GH_ENTERPRISE_TOKEN; echo; } >> "$HERE/$$"
exec "$real" "$@"
"""
FAULTS = {
    "none": [],
    "a token that is refused": [Fault("GET /user$", 401, "Bad credentials", lasting=True)],
    "a push that is refused": [Fault("receive-pack", 403, "no", lasting=True)],
    "a setting that is refused": [Fault("PATCH", 422, "Validation Failed", lasting=True)],
    "a protection that is refused": [Fault("PUT .*/protection$", 422, "Validation Failed", lasting=True)],
}
UNPUSHED = {"a token that is refused", "a setting that is refused"}


@pytest.mark.parametrize("kind", FAULTS)
def test_the_token_is_in_no_file_argument_output_or_other_environment(
    github: FakeGithub, home: Path, tmp_path: Path, kind: str
) -> None:
    github.faults = FAULTS[kind]
    template = one_repository(tmp_path / "template", **SETTINGS)
    places = {name: tmp_path / name for name in ("bin", "children", "tmp", "user")}
    for place in places.values():
        place.mkdir()
    environment = wrap_git(places["bin"], RECORD.replace("$HERE", str(places["children"])))
    settings = {"TMPDIR": str(places["tmp"]), "HOME": str(places["user"]), "GIT_CONFIG_NOSYSTEM": "1"}

    done = subprocess.run(
        command(template, "--verbose", "--output", "json"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**environment, **settings, "GIT_TRACE2_EVENT": str(tmp_path / "trace")},
    )

    assert (done.returncode == 0) == (kind == "none"), done.stderr
    for secret in (TOKEN, IN_GIT, SECRET):
        assert secret not in done.stdout + done.stderr
        for folder in (home, places["tmp"], places["user"]):
            found = [
                file for file in folder.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()
            ]
            assert found == []
    pushes = 0
    for child in places["children"].iterdir():
        arguments, _, rest = child.read_text().partition("\n")
        assert TOKEN not in arguments + rest
        assert IN_GIT not in arguments
        is_push = " push " in f" {arguments} "
        pushes += is_push
        assert (IN_GIT in rest) == (is_push or " ls-remote " in f" {arguments} ")
    assert pushes == (0 if kind in UNPUSHED else 1)


def test_what_is_published_holds_no_credentials(github: FakeGithub, tmp_path: Path) -> None:
    template = one_repository(tmp_path / "template", **SETTINGS)
    subprocess.run(command(template), check=True, capture_output=True, timeout=120)
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--branch", "trunk", github.repositories["acme/demo"].git_dir, clone)

    for secret in (TOKEN, IN_GIT, SECRET):
        found = [file for file in clone.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
        assert found == []
    assert all(SECRET not in json.dumps(each.body) for each in github.requests)


def test_the_token_is_not_in_the_list_of_processes(github: FakeGithub, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def look(number: int) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                seen.append((process / "cmdline").read_bytes())
            except OSError:
                continue

    github.on_request = look
    template = one_repository(tmp_path / "template", **SETTINGS)
    subprocess.run(command(template), check=True, capture_output=True, timeout=120)

    assert any(b"push" in line for line in seen)
    assert [line for line in seen if TOKEN.encode() in line or IN_GIT.encode() in line] == []


def test_settings_that_git_was_given_by_the_environment_still_hold(
    github: FakeGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.userAgent")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "ours/1")
    agents: list[str] = []
    answer = github.git

    def listen(verb: str, target: str, headers: dict[str, str], raw: bytes) -> object:
        agents.append(headers["User-Agent"])
        return answer(verb, target, headers, raw)

    monkeypatch.setattr(github, "git", listen)
    done = subprocess.run(
        command(one_repository(tmp_path / "x")), capture_output=True, timeout=120, check=False
    )

    assert done.returncode == 0
    assert set(agents) == {"ours/1"}
    assert os.environ["GIT_CONFIG_COUNT"] == "1"


def test_a_refused_token_is_not_replaced_by_what_git_has_stored(github: FakeGithub, tmp_path: Path) -> None:
    called, stored = tmp_path / "called", tmp_path / "gitconfig"
    helper = f"!f() {{ touch {called}; echo username=x-access-token; echo password=ghp_other; }}; f"
    git("config", "--file", stored, "credential.helper", helper)
    github.tokens["ghp_other"] = github.tokens[TOKEN]
    github.faults = [Fault("receive-pack", 401, "no", {"WWW-Authenticate": "Basic"}, lasting=True)]

    done = subprocess.run(
        command(one_repository(tmp_path / "x")),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "GIT_CONFIG_GLOBAL": str(stored)},
    )

    assert done.returncode == 4
    assert "GitHub refuses the token for a push to acme/demo" in done.stderr
    assert not called.exists()
