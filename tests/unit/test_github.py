from __future__ import annotations

import pytest

from kickstart.cli import credentials
from kickstart.cli.connect import forge_spec
from kickstart.errors import ParameterError, PreflightError
from kickstart.settings import Setting
from kickstart.tools import Repository
from kickstart.tools.github.address import GithubAddress, parse
from kickstart.tools.github.credentials import App, Token
from tests.cli.support import start

SHOP = Repository("acme", "shop")


@pytest.mark.parametrize(
    ("url", "web", "api"),
    [
        ("https://github.com", "https://github.com", "https://api.github.com"),
        ("https://api.github.com/", "https://github.com", "https://api.github.com"),
        ("https://ghe.example.com", "https://ghe.example.com", "https://ghe.example.com/api/v3"),
        (
            "https://ghe.example.com:8443/api/v3",
            "https://ghe.example.com:8443",
            "https://ghe.example.com:8443/api/v3",
        ),
        ("https://example.com/git", "https://example.com/git", "https://example.com/git/api/v3"),
        ("https://acme.ghe.com", "https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("http://localhost:8080", "http://localhost:8080", "http://localhost:8080/api/v3"),
    ],
)
def test_an_address_is_of_the_pages_or_of_the_api(url: str, web: str, api: str) -> None:
    assert parse(url) == GithubAddress(web, api)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ghe.example.com", "is not the URL of a GitHub"),
        ("ssh://ghe.example.com", "is not the URL of a GitHub"),
        ("https://ghe.example.com?x=1", "is not the URL of a GitHub"),
        ("https://me:pw@ghe.example.com", "may hold no user or password"),
        ("http://ghe.example.com", "would send the token unencrypted"),
    ],
)
def test_an_address_that_cannot_be_is_refused_without_its_password(url: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        parse(url)

    assert "pw" not in caught.value.message


def test_addresses_are_promised_from_the_names_alone() -> None:
    address = parse("https://ghe.example.com/")

    assert address.name == "ghe.example.com"
    assert address.clone_url(SHOP) == "https://ghe.example.com/acme/shop.git"
    assert address.ssh_url(SHOP) == "git@ghe.example.com:acme/shop.git"
    assert address.contents_url(SHOP, "main") == "https://ghe.example.com/acme/shop/blob/main"
    assert GithubAddress().name == "GitHub"
    assert GithubAddress().ssh_url(SHOP) == "git@github.com:acme/shop.git"
    assert parse("https://ghe.example.com:8443").ssh_url(SHOP) == address.ssh_url(SHOP)


APP = {
    "KICKSTART_GITHUB_APP_ID": "5",
    "KICKSTART_GITHUB_APP_INSTALLATION_ID": "77",
    "KICKSTART_GITHUB_APP_PRIVATE_KEY": "PEM",
}


@pytest.fixture
def no_gh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_from_gh", lambda host: None)


@pytest.mark.usefixtures("no_gh")
@pytest.mark.parametrize(
    ("host", "environment", "expected"),
    [
        ("github.com", {"GH_TOKEN": "a", "GITHUB_TOKEN": "b"}, Token("a", "GH_TOKEN")),
        ("github.com", {"GITHUB_TOKEN": " b\n"}, Token("b", "GITHUB_TOKEN")),
        ("acme.ghe.com", {"GITHUB_TOKEN": "b"}, Token("b", "GITHUB_TOKEN")),
        (
            "ghe.example.com",
            {"GITHUB_TOKEN": "b", "GH_ENTERPRISE_TOKEN": "c"},
            Token("c", "GH_ENTERPRISE_TOKEN"),
        ),
        ("github.com", {"GH_TOKEN": "a", **APP}, Token("a", "GH_TOKEN")),
        ("github.com", APP, App("5", 77, "PEM", "KICKSTART_GITHUB_APP_ID")),
    ],
)
def test_credentials_are_looked_for_in_order(
    host: str, environment: dict[str, str], expected: Token | App
) -> None:
    assert credentials.find(host, environment) == expected


@pytest.mark.usefixtures("no_gh")
@pytest.mark.parametrize(
    ("host", "environment", "message"),
    [
        ("github.com", {}, "there are no credentials for github.com"),
        ("ghe.example.com", {"GITHUB_TOKEN": "b"}, "there are no credentials for ghe.example.com"),
        ("github.com", {**APP, "KICKSTART_GITHUB_APP_INSTALLATION_ID": ""}, "does not make a GitHub App"),
        ("github.com", {"KICKSTART_GITHUB_APP_ID": "5"}, "does not make a GitHub App"),
    ],
)
def test_without_credentials_it_is_said_which(host: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(PreflightError, match=message):
        credentials.find(host, environment)


def test_a_key_file_that_is_not_there_is_told() -> None:
    environment = {
        **APP,
        "KICKSTART_GITHUB_APP_PRIVATE_KEY": "",
        "KICKSTART_GITHUB_APP_PRIVATE_KEY_FILE": "/no",
    }

    with pytest.raises(PreflightError, match="/no cannot be read: No such file"):
        credentials._app(environment)


def test_what_is_secret_is_in_no_representation() -> None:
    assert "swordfish" not in repr([Token("swordfish", "x"), App("5", 1, "swordfish", "x")])


def test_the_address_is_part_of_the_forges_name() -> None:
    url = Setting("https://ghe.example.com", "--github-url")

    assert forge_spec("github", url) == "github:https://ghe.example.com"
    assert forge_spec("github", None) == "github"
    assert forge_spec("local", Setting("https://ghe.example.com", "config.yaml")) == "local"
    with pytest.raises(ParameterError, match="--github-url does not go with the forge local"):
        forge_spec("local", url)


def test_rendering_for_github_needs_no_account_and_no_client(tmp_path: object) -> None:
    done = start("render", "demo", "--forge", "github", "--owner", "acme", "--output-dir", f"{tmp_path}/out")

    assert done.returncode == 0, done.stderr
