"""GitHub's REST API through PyGithub: one place that sends, and one that says what went wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import github
import requests
from msgspec import Struct

from kickstart.errors import KickstartError, ParameterError, PreflightError, RemoteError
from kickstart.tools.github.address import GithubAddress
from kickstart.tools.github.credentials import App, Credentials, Token
from kickstart.tools.github.retry import Retry, too_long
from kickstart.tools.web import AGAIN, reason

# PyGithub prints to stderr by itself, about each request that is refused.
logging.getLogger("github").setLevel(logging.CRITICAL)

TIMEOUT = 30  # seconds for one answer; PyGithub's own 15 are few for a create in a big organisation


class RefusedError(Exception):
    """GitHub said no to a request. `status` and `said` are its own; `error` is what to tell the user."""

    def __init__(self, status: int, said: str, error: KickstartError) -> None:
        super().__init__(said)
        self.status = status
        self.said = said
        self.error = error


class Identity(Struct, frozen=True):
    """Who the requests come from. scopes: of a classic token, else None."""

    login: str
    scopes: frozenset[str] | None = None
    permissions: Mapping[str, str] | None = None


class Api:
    """Sends requests as one identity. Paths start with `/`; what is no JSON in an answer is None."""

    def __init__(
        self,
        address: GithubAddress,
        credentials: Credentials,
        *,
        ca: str | None = None,
        say: Callable[[str], None],
    ) -> None:
        """ca: a file of certificates to trust instead of the system's. say: tells of each wait."""
        self.address = address
        self._credentials = credentials
        # A run writes about a dozen times, where GitHub allows 80 writes a minute: PyGithub's pauses
        # would only cost time. Where GitHub asks for a pause, there is one.
        self._settings: dict[str, Any] = {
            "base_url": address.api,
            "timeout": TIMEOUT,
            "per_page": 100,
            "verify": ca or True,
            "retry": Retry(say),
            "seconds_between_requests": None,
            "seconds_between_writes": None,
        }
        self._identity: Identity | None = None
        self._headers: Mapping[str, Any] = {}
        self._token: str | None = credentials.value if isinstance(credentials, Token) else None
        self._client: github.Github | None = None

    @property
    def token(self) -> str:
        """The token for Git as well. An App's is fetched once; it holds for an hour."""
        self._connected()
        if self._token is None:
            raise AssertionError("a connected client has a token")
        return self._token

    @property
    def source(self) -> str:
        """Where the credentials were found."""
        return self._credentials.source

    @property
    def renewal(self) -> str:
        """What to do with credentials that are refused."""
        if isinstance(self._credentials, App):
            return "check the App's id, its installation and its private key"
        if self.source.startswith("gh "):
            return f"run: gh auth login --hostname {self.address.host}"
        return f"put a new token into {self.source}"

    @property
    def remaining(self) -> tuple[int, datetime] | None:
        """How many requests are left, and until when, by the last answer that said so."""
        try:
            reset = datetime.fromtimestamp(int(self._headers["x-ratelimit-reset"]), UTC)
            return int(self._headers["x-ratelimit-remaining"]), reset
        except (KeyError, ValueError):  # a GitHub Enterprise without limits
            return None

    def identity(self) -> Identity:
        """Return who this is; asks once."""
        self._connected()
        if self._identity is None:
            user = self.get("/user", missing=False)
            scopes = self._headers.get("x-oauth-scopes")
            self._identity = Identity(
                str(user["login"]),
                None if scopes is None else frozenset(re.split(r"[,\s]+", scopes.strip())) - {""},
            )
        return self._identity

    def get(self, path: str, *, missing: bool = True) -> Any:
        """Return what is at `path`, or None where nothing is; `missing=False` makes that an error."""
        try:
            return self.send("GET", path)
        except RefusedError as refused:
            if refused.status == 404 and missing:
                return None
            raise refused.error from None

    def all(self, path: str, key: str = "") -> list[Any]:
        """Return the items of all pages; `key` is where an answer has them, if it is no list."""
        items: list[Any] = []
        page = 1
        while True:
            sign = "&" if "?" in path else "?"
            found = self.get(f"{path}{sign}per_page=100&page={page}", missing=False)
            batch = found[key] if key else found
            items += batch
            if len(batch) < 100:
                return items
            page += 1

    def write(self, verb: str, path: str, body: Any = None) -> Any:
        """Send a change, and return the answer. Every refusal is an error for the user."""
        try:
            return self.send(verb, path, body)
        except RefusedError as refused:
            raise refused.error from None

    def send(self, verb: str, path: str, body: Any = None) -> Any:
        """Send one request. Raises RefusedError, and RemoteError when there was no answer."""
        client = self._connected()
        try:
            headers, answer = client.requester.requestJsonAndCheck(verb, path, input=body)
        except (github.GithubException, requests.RequestException) as error:
            raise _translated(error, f"{verb} {path}", self) from None
        self._headers = headers
        return answer

    def _connected(self) -> github.Github:
        if self._client is None:
            if self._token is None:
                self._token = self._installation_token()
            self._client = github.Github(auth=github.Auth.Token(self._token), **self._settings)
        return self._client

    def _installation_token(self) -> str:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        app = self._credentials
        assert isinstance(app, App)  # noqa: S101 - the other kind has its token
        try:
            load_pem_private_key(app.key.encode(), password=None)
        except (ValueError, TypeError):  # whose texts are about the key, and so in no message
            raise PreflightError(
                f"the private key of the GitHub App ({app.source}) cannot be used",
                hint="give the PEM file that GitHub made: KICKSTART_GITHUB_APP_PRIVATE_KEY_FILE",
            ) from None
        auth = github.Auth.AppAuth(app.id, app.key)
        requester = github.GithubIntegration(auth=auth, **self._settings).requester
        path = f"/app/installations/{app.installation}"
        try:
            _, installation = requester.requestJsonAndCheck("GET", path)
            _, made = requester.requestJsonAndCheck("POST", f"{path}/access_tokens")
        except (github.GithubException, requests.RequestException) as error:
            translated = _translated(error, "the App's token", self)
            raise (translated.error if isinstance(translated, RefusedError) else translated) from None
        self._identity = Identity(str(installation["account"]["login"]), None, made.get("permissions") or {})
        return str(made["token"])


def quoted(name: str) -> str:
    """Return a name for use in a path."""
    return quote(name, safe="")


def _translated(error: Exception, request: str, api: Api) -> RefusedError | RemoteError:
    """Return what `error` means: by name where GitHub's refusals have one."""
    if isinstance(error, github.RateLimitExceededExceedsMaxWait):
        return too_long(error.wait)
    if not isinstance(error, github.GithubException):
        return RemoteError(
            f"{api.address.host} did not answer {request}: {reason(error)}",
            hint=f"check the network, and {AGAIN}",
        )
    said = _said(error)
    if isinstance(error, github.RateLimitExceededException) or error.status == 429:
        return RemoteError(f"GitHub refuses further requests for a while: {said}", hint=f"wait, and {AGAIN}")
    if error.status >= 500:
        return RemoteError(f"GitHub answers {error.status} to {request}: {said}", hint=AGAIN)
    return RefusedError(error.status, said, _refusal(error, request, said, api))


def _refusal(error: github.GithubException, request: str, said: str, api: Api) -> KickstartError:
    headers = error.headers or {}
    if error.status == 401:
        return PreflightError(
            f"{api.address.name} refuses the token of {api.source}: {said}",
            hint=api.renewal,
        )
    sso = re.search(r"url=(\S+)", str(headers.get("x-github-sso", "")))
    if sso:
        return PreflightError(
            f"the organisation asks for single sign-on, which the token of {api.source} has not",
            hint=f"authorise it here, and {AGAIN}: {sso.group(1)}",
        )
    if error.status in {403, 404}:
        needed = headers.get("x-accepted-github-permissions") or headers.get("x-accepted-oauth-scopes")
        more = f"; it needs {needed}" if needed else ""
        return PreflightError(
            f"GitHub refuses {request}: {said}",
            hint=f"give the token of {api.source} more permissions{more}",
        )
    return ParameterError(f"GitHub refuses {request}: {said}", hint="correct the parameter or the template")


def _said(error: github.GithubException) -> str:
    """Return GitHub's own words, those about single fields included."""
    body = error.data if isinstance(error.data, dict) else {}
    words = [str(body.get("message") or "no reason was given")]
    for each in body.get("errors") or []:
        if isinstance(each, dict):
            words.append(
                str(each.get("message") or f"{each.get('field', '')} {each.get('code', '')}".strip())
            )
        else:
            words.append(str(each))
    return "; ".join(dict.fromkeys(words))
