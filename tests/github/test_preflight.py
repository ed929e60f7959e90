from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli, fetch, publish, write_template
from tests.github.fake import FakeGithub, Grant, Organisation
from tests.github.support import TOKEN, create


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """A template whose repository has a workflow."""
    files = {".github/workflows/ci.yaml": b"on: push\n"}
    return write_template(tmp_path / "flow", [fetch(), publish()], files=files)


def test_everything_that_is_missing_is_told_at_once(cli: Cli, workflow: Path, github: FakeGithub) -> None:
    github.tokens[TOKEN] = Grant("eve", frozenset({"gist"}))
    github.remaining = 3

    done = create(cli, workflow)

    assert done.code == 4
    assert "eve may not publish on localhost" in done.err
    assert "scope repo: is missing: without it no repository can be made" in done.err
    assert "scope workflow: is missing: acme/demo has files in .github/workflows/" in done.err
    assert "acme: is no organisation of which eve is a member" in done.err
    assert "rate limit: 3 requests are left until " in done.err
    assert github.writes() == []


@pytest.mark.parametrize(
    ("scopes", "visibility", "code"),
    [
        ({"repo", "workflow"}, "private", 0),
        ({"public_repo", "workflow"}, "private", 4),
        ({"repo"}, "private", 4),
        (None, "private", 0),  # a fine-grained token does not say what it may do
    ],
)
def test_scopes_are_asked_for_as_they_are_needed(
    cli: Cli, workflow: Path, github: FakeGithub, scopes: set[str] | None, visibility: str, code: int
) -> None:
    github.tokens[TOKEN] = Grant("ada", None if scopes is None else frozenset(scopes))

    done = create(cli, workflow)

    assert done.code == code, done.err
    assert bool(github.writes()) == (code == 0)


def test_a_missing_scope_of_a_login_by_gh_is_mended_by_gh(
    cli: Cli, workflow: Path, github: FakeGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GH_ENTERPRISE_TOKEN")
    github.tokens[TOKEN] = Grant("ada", frozenset({"repo"}))
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f'#!/bin/sh\n[ "$*" = "auth token --hostname {github.url[7:]}" ] && echo {TOKEN}\n')
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", str(gh.parent), prepend=":")

    done = create(cli, workflow)

    assert done.code == 4
    assert f"Hint: gh auth refresh --hostname {github.url[7:]} --scopes workflow" in done.err


@pytest.mark.parametrize(
    ("role", "may_create", "fault"),
    [
        ("member", False, "acme/demo: members of acme may not create private repositories"),
        ("invited", True, "acme: has invited you: accept it"),
    ],
)
def test_an_organisation_that_does_not_let_members_create_is_told(
    cli: Cli, workflow: Path, github: FakeGithub, role: str, may_create: bool, fault: str
) -> None:
    github.organisations["acme"] = Organisation({"ada": role}, members_can_create=may_create)

    done = create(cli, workflow)

    assert done.code == 4
    assert fault in done.err
    assert github.writes() == []


def test_a_member_who_may_create_publishes(cli: Cli, workflow: Path, github: FakeGithub) -> None:
    github.organisations["acme"].members["ada"] = "member"

    assert create(cli, workflow).code == 0


@pytest.mark.parametrize("action", ["publish:github", "github:repo:create"])
def test_custom_properties_are_not_for_users(
    cli: Cli, github: FakeGithub, tmp_path: Path, action: str
) -> None:
    step = publish(input={**publish()["input"], "customProperties": {"languages": "go"}}, action=action)

    done = create(cli, write_template(tmp_path / "x", [fetch(), step]), owner="ada")

    assert done.code == 4
    assert "ada: is a user, and customProperties are for organisations only" in done.err
    assert github.writes() == []


def test_internal_repositories_are_not_for_users(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    step = publish(input={**publish()["input"], "repoVisibility": "internal"})

    done = create(cli, write_template(tmp_path / "x", [fetch(), step]), owner="ada")

    assert done.code == 4
    assert "ada: is a user, and internal repositories are for organisations only" in done.err


def test_a_wrong_token_is_refused_before_anything_else(
    cli: Cli, workflow: Path, github: FakeGithub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", "ghp_wrong")

    done = create(cli, workflow)

    assert done.code == 4
    assert "refuses the token of GH_ENTERPRISE_TOKEN: Bad credentials" in done.err
    assert "Hint: put a new token into GH_ENTERPRISE_TOKEN\n" in done.err
    assert [str(each) for each in github.requests] == ["GET /user"]


def test_an_app_publishes_where_it_is_installed(
    cli: Cli, workflow: Path, github: FakeGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GH_ENTERPRISE_TOKEN")
    monkeypatch.setenv("KICKSTART_GITHUB_APP_ID", "5")
    monkeypatch.setenv("KICKSTART_GITHUB_APP_INSTALLATION_ID", "77")
    monkeypatch.setenv("KICKSTART_GITHUB_APP_PRIVATE_KEY_FILE", str(_key(tmp_path)))

    done = create(cli, workflow)
    elsewhere = create(cli, workflow, owner="other")

    assert done.code == 0, done.err
    assert "as the GitHub App at acme (KICKSTART_GITHUB_APP_ID)" in done.err
    assert github.heads()["acme/demo"]
    assert elsewhere.code == 4
    assert "other: is not where the App is installed: that is acme" in elsewhere.err


def test_a_key_that_is_none_is_told_without_its_text(
    cli: Cli, workflow: Path, github: FakeGithub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GH_ENTERPRISE_TOKEN")
    monkeypatch.setenv("KICKSTART_GITHUB_APP_ID", "5")
    monkeypatch.setenv("KICKSTART_GITHUB_APP_INSTALLATION_ID", "77")
    monkeypatch.setenv("KICKSTART_GITHUB_APP_PRIVATE_KEY", "swordfish")

    done = create(cli, workflow)

    assert done.code == 4
    assert "the private key of the GitHub App (KICKSTART_GITHUB_APP_ID) cannot be used" in done.err
    assert "swordfish" not in done.err


def _key(folder: Path) -> Path:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / "app.pem"
    file.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, plain))
    return file
