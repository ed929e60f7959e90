"""The API of a Kubernetes cluster: one place that sends, and one that says what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import urlencode

import urllib3
from msgspec import Struct
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError, SSLError

from kickstart.errors import Fault, FindingsError, KickstartError, PreflightError, RemoteError

MANAGER = "kickstart"
TIMEOUT = urllib3.Timeout(connect=5, read=20)  # seconds
# Everything that is sent may be sent again: an apply says how things shall be, and so does a deletion.
RETRIES = urllib3.Retry(
    total=4,
    connect=1,
    read=2,
    other=0,  # a certificate does not become better
    backoff_factor=0.2,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
    retry_after_max=20,
)
_UNDECLARED = "field not declared in schema"


class NotFoundError(PreflightError):
    """404: of an object that does not exist, or of the namespace that it would be in."""

    def __init__(self, about: str, said: Mapping[str, Any]) -> None:
        details = said.get("details") or {}
        if details.get("kind") == "namespaces":
            super().__init__(
                f"{about} cannot be made: there is no namespace '{details.get('name')}'",
                hint=f"kubectl create namespace {details.get('name')}",
            )
        else:
            super().__init__(f"{about} does not exist", hint="kickstart doctor says what is missing")


class FieldConflictError(Exception):
    """Fields that other managers set to other values."""

    def __init__(self, fields: tuple[tuple[str, str], ...]) -> None:
        super().__init__(fields)
        self.fields = fields


class Api(Struct):
    """Sends requests to one cluster, as the client library's configuration says. Paths start with `/`."""

    name: str
    configuration: Any
    pool: Any

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
        about: str = "",
    ) -> Any:
        """Return the answer to a request. about: what is asked for, in the words of an error."""
        response = self._send(method, path, query or {}, body=body, content=content, accept=accept)
        if response.status >= 400:
            self._refuse(response.status, response.data, about or path)
        try:
            return json.loads(response.data)
        except ValueError as error:
            raise RemoteError(
                f"the cluster {self.name} answers with something that is not Kubernetes' API",
                hint="check the server's address in your kubeconfig",
            ) from error

    def events(self, path: str, version: str, seconds: float) -> Iterator[Mapping[str, Any]]:
        """Yield what happens to the objects at a path after `version`, for as long as `seconds`."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(seconds) + 1),
        }
        # A bookmark comes every minute: a connection that is silent for longer is broken.
        response = self._send("GET", path, query, read=min(seconds, 90), stream=True)
        try:
            if response.status != 200:
                self._refuse(response.status, response.read(), path)
            torn = b""
            while chunk := response.read1(65536):
                *lines, torn = (torn + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line)
        except ReadTimeoutError:
            return  # nothing happened for as long as was asked for
        except HTTPError as error:
            raise RemoteError(
                f"the connection to the cluster {self.name} broke: {error}", hint="run the same command again"
            ) from error
        finally:
            response.close()

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
        read: float = 0,
        stream: bool = False,
    ) -> Any:
        headers = {"Accept": accept, "Content-Type": content, "User-Agent": MANAGER}
        # Asked anew each time: a token from a file or a program is renewed by the library.
        for auth in self.configuration.auth_settings().values():
            headers[auth["key"]] = auth["value"]
        try:
            return self.pool.request(
                method,
                f"{self.configuration.host}{path}?{urlencode(query)}".rstrip("?"),
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=5, read=read) if read else TIMEOUT,
                retries=False if stream else RETRIES,
                preload_content=not stream,
            )
        except HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: HTTPError) -> KickstartError:
        reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
        host = self.configuration.host
        if isinstance(reason, SSLError):
            return PreflightError(
                f"the certificate of {host} is not to be trusted: {_words(reason)}",
                hint="check certificate-authority of this cluster in your kubeconfig",
            )
        return RemoteError(
            f"the cluster {self.name} at {host} cannot be reached: {_words(reason)}",
            hint="check that it runs and that your network leads there, and run the same command again",
        )

    def _refuse(self, status: int, content: bytes, about: str) -> NoReturn:
        said = _status(content)
        message = said.get("message") or f"HTTP {status}"
        causes = (said.get("details") or {}).get("causes") or ()
        if status == 401:
            raise PreflightError(
                f"the cluster {self.name} does not accept your credentials",
                hint="sign in again; `kubectl auth whoami` shows whether it worked",
            )
        if status == 403:
            raise PreflightError(
                f"you lack a permission on the cluster {self.name}",
                faults=[Fault("", message)],
                hint="ask an administrator for it, or use another context",
            )
        if status == 404:
            raise NotFoundError(about, said)
        if status == 409:
            fields = [
                (each.get("field", "").lstrip("."), _owner(each.get("message", "")))
                for each in causes
                if each.get("reason") == "FieldManagerConflict"
            ]
            if fields:
                raise FieldConflictError(tuple(fields))
        # An apply with an unknown field is answered with 500, as if the server were at fault.
        if status in {400, 422} or _UNDECLARED in message:
            faults = [Fault(each.get("field", ""), each.get("message", "")) for each in causes]
            raise FindingsError(
                f"the cluster {self.name} refuses {about}",
                faults=faults or [Fault("", message)],
                hint="correct the manifest; an unknown field may also mean an operator that is too old",
            )
        raise RemoteError(
            f"the cluster {self.name} failed: {about}: {message}", hint="run the same command again"
        )


def _status(content: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _owner(message: str) -> str:
    """Return the manager of `conflict with "kubectl" using argoproj.io/v1alpha1`."""
    parts = message.split('"')
    return parts[1] if len(parts) > 1 else message


def _words(error: BaseException) -> str:
    """Return the last cause of an error of the network, in few words."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = getattr(error, "strerror", None) or getattr(error, "verify_message", None) or str(error)
    return str(text).rpartition("Failed to establish a new connection: ")[2].strip()
