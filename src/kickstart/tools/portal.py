"""The catalog of a Backstage portal, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from kickstart.errors import KickstartError, PreflightError, RemoteError
from kickstart.tools import web

if TYPE_CHECKING:
    import requests

_T = TypeVar("_T")

TIMEOUT = 30  # seconds; a portal answers a trial only when it has read the description from its forge
TOKEN = "KICKSTART_PORTAL_TOKEN"  # noqa: S105 - where the token is
_HINT = "export KICKSTART_PORTAL_URL=https://backstage.example.com"
_MORE = f"give the token of {TOKEN} the permission"


@dataclass(frozen=True, slots=True)
class BackstagePortal:
    """A portal at the address of its backend. Nothing is asked, nor a library imported, before it is needed.

    token: empty for a portal that asks for none. ca: a file of certificates to trust instead of the
    system's.
    """

    url: str
    token: str = field(default="", repr=False)
    ca: str | None = None

    @property
    def name(self) -> str:
        return self.url

    def entities(self, references: Sequence[str]) -> list[Mapping[str, Any] | None]:
        def read(answer: Any) -> list[Mapping[str, Any] | None]:
            items = list(answer["items"])
            if len(items) != len(references):
                raise ValueError("as many answers as references are expected")
            return items

        return self._send("POST", "entities/by-refs", {"entityRefs": list(references)}, read=read)

    def locations(self) -> dict[str, str]:
        return self._send(
            "GET",
            "locations",
            read=lambda answer: {each["data"]["target"]: each["data"]["id"] for each in answer},
        )

    def register(self, url: str) -> list[Mapping[str, Any]]:
        location = {"type": "url", "target": url}
        try:
            # A portal registers what it cannot read just as well, so that the trial comes first.
            entities = self._send("POST", "locations?dryRun=true", location, read=_described)
        except _RefusedError as refused:
            raise RemoteError(
                f"{self.name} cannot read {url}: {refused.said}",
                hint=f"see that the portal has access to that repository, and {web.AGAIN}",
            ) from None
        try:
            self._send("POST", "locations", location, read=lambda answer: answer["location"])
        except _RefusedError as refused:
            if refused.status != 409:  # somebody else was faster, or an answer of ours was lost
                raise
        return entities

    def unregister(self, location: str) -> None:
        try:
            self._send("DELETE", f"locations/{quote(location, safe='')}", read=lambda answer: None)
        except _RefusedError as refused:
            if refused.status != 404:  # somebody else was faster, or an answer of ours was lost
                raise

    def _send(self, verb: str, path: str, body: Any = None, *, read: Callable[[Any], _T]) -> _T:
        """Send one request, and return what `read` makes of the answer."""
        import requests

        asked = f"{verb} /api/catalog/{path.partition('?')[0]}"
        try:
            response = requests.request(
                verb,
                f"{self.url}/api/catalog/{path}",
                json=body,
                auth=self._authorize,
                timeout=TIMEOUT,
                verify=self.ca or True,
                allow_redirects=False,  # a sign-in page would follow, and the token go there
            )
        except requests.exceptions.SSLError as error:
            raise web.untrusted(self.name, error) from None
        except requests.RequestException as error:
            raise RemoteError(
                f"{self.name} did not answer {asked}: {web.reason(error)}",
                hint=f"check KICKSTART_PORTAL_URL and the network, and {web.AGAIN}",
            ) from None
        if not response.ok or response.is_redirect:
            raise self._refusal(response, asked)
        try:
            return read(response.json() if response.content else None)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._no_catalog(asked) from None

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Send the token, and no password that a .netrc has for the host."""
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def _refusal(self, response: requests.Response, asked: str) -> KickstartError:
        said = self._said(response)
        status = response.status_code
        if status == 401:
            problem = f"refuses the token of {TOKEN}" if self.token else "asks for a token"
            return PreflightError(
                f"{self.name} {problem}: {said}",
                hint=f"export {TOKEN}, with a token of the portal that holds",
            )
        if status == 403:
            return PreflightError(f"{self.name} does not permit {asked}: {said}", hint=f"{_MORE} to do so")
        if status < 400 or (status == 404 and not asked.startswith("DELETE")):
            return self._no_catalog(asked)
        if status == 429 or status >= 500:
            return RemoteError(f"{self.name} answers {status} to {asked}: {said}", hint=web.AGAIN)
        return _RefusedError(f"{self.name} refuses {asked}: {said}", status, said)

    def _said(self, response: requests.Response) -> str:
        """Return the portal's own words; should they repeat the token, without it."""
        try:
            error = response.json()["error"]
            said = f"{error['name']}: {error['message']}"
        except (ValueError, KeyError, TypeError):
            said = response.reason or "no reason was given"
        return said.replace(self.token, "***") if self.token else said

    def _no_catalog(self, asked: str) -> PreflightError:
        return PreflightError(
            f"{self.name} does not answer {asked} as a portal's catalog does",
            hint=f"give the address of the portal's backend, its backend.baseUrl: {_HINT}",
        )


class _RefusedError(RemoteError):
    """The portal said no to what was asked. `status` and `said` are its own."""

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message, hint=f"correct what it names, and {web.AGAIN}")
        self.status = status
        self.said = said


def parse(url: str) -> str:
    """Return the address of a portal's backend without what may follow it. Raises ParameterError."""
    parts = web.address(url, "a portal", hint=_HINT)
    return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/catalog').removesuffix('/api')}"


def _described(answer: Any) -> list[Mapping[str, Any]]:
    entities: list[Mapping[str, Any]] = answer["entities"]
    if not all(each["kind"] and each["metadata"]["name"] for each in entities):
        raise ValueError("every entity has a kind and a name")
    return entities
