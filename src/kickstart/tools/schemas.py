"""Where definitions of custom kinds come from: folders, clusters, and addresses with a private cache."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kickstart.errors import PreflightError
from kickstart.tools import Cluster, Kind, Manifest, upstream

TIMEOUT = 10  # seconds for one file
MAX_BYTES = 16_000_000  # of one file; the largest definition known has 2.6 MB
_DEFINITIONS = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")


class FolderLocation:
    """A folder with CustomResourceDefinitions, searched to the bottom."""

    def __init__(self, folder: Path) -> None:
        """Raise PreflightError when there is no such folder."""
        if not folder.is_dir():
            raise PreflightError(
                f"the schema location {folder} is not a folder",
                hint="name a folder, cluster[:CONTEXT], or an address with {group}, {version} and {kind}",
            )
        self._folder = folder

    @cached_property
    def _files(self) -> dict[str, bytes]:
        return {
            str(file.relative_to(self._folder)): file.read_bytes()
            for file in sorted(self._folder.rglob("*"))
            if file.suffix in {".yaml", ".yml", ".json"}
            and file.is_file()
            and file.stat().st_size <= MAX_BYTES
        }

    def files(self) -> Mapping[str, bytes]:
        return self._files

    def kinds(self) -> Iterable[tuple[str, str]]:
        return ()

    def fetch(self, group: str, version: str, kind: str, accepts: Callable[[bytes], bool]) -> bytes | None:
        return None

    def trouble(self) -> str:
        return ""


class ClusterLocation:
    """The CustomResourceDefinitions of a cluster. It is asked once, when the first custom kind comes up."""

    def __init__(self, cluster: Cluster | None) -> None:
        """cluster: None where it may not be asked."""
        self._cluster = cluster

    @cached_property
    def _files(self) -> dict[str, bytes]:
        if self._cluster is None:
            return {}
        return {each["metadata"]["name"]: _defining(each) for each in self._cluster.objects(_DEFINITIONS)}

    def files(self) -> Mapping[str, bytes]:
        """Raise PreflightError without the right to list them, RemoteError where the cluster fails."""
        return self._files

    def kinds(self) -> Iterable[tuple[str, str]]:
        return ()

    def fetch(self, group: str, version: str, kind: str, accepts: Callable[[bytes], bool]) -> bytes | None:
        return None

    def trouble(self) -> str:
        return "" if self._cluster else "a cluster is asked by kickstart validate, without --offline"


class AddressLocation:
    """Files at addresses, one for each kind; what was fetched once is kept in a private cache."""

    def __init__(
        self,
        addresses: Callable[[str, str, str], list[str]],
        cache: Path,
        *,
        offline: bool = False,
        kinds: Iterable[tuple[str, str]] = (),
    ) -> None:
        """addresses: from group, version and kind to where the definition may be, in order."""
        self._addresses = addresses
        self._cache = cache
        self._offline = offline
        self._kinds = tuple(kinds)
        self._failures: dict[str, str] = {}  # host -> what it said; it is not asked again
        self._useless: set[str] = set()  # hosts

    def files(self) -> Mapping[str, bytes]:
        return {}

    def kinds(self) -> Iterable[tuple[str, str]]:
        return self._kinds

    def fetch(self, group: str, version: str, kind: str, accepts: Callable[[bytes], bool]) -> bytes | None:
        for address in self._addresses(group, version, kind):
            kept = self._cache / hashlib.sha256(address.encode()).hexdigest()
            if kept.is_file() and accepts(content := kept.read_bytes()):
                return content
            fetched = None if self._offline else self._download(address)
            if fetched is None:
                continue
            if accepts(fetched):
                keep(kept, fetched)
                return fetched
            self._useless.add(address.split("/")[2])  # a page to log in at, for one
        return None

    def trouble(self) -> str:
        if self._offline:
            return "schemas are fetched by kickstart validate, without --offline"
        said = [f"{host}: {said}" for host, said in self._failures.items()]
        return "; ".join(
            [*said, *(f"{host}: what it answers is no definition" for host in sorted(self._useless))]
        )

    def _download(self, address: str) -> bytes | None:
        host = address.split("/")[2]
        if host in self._failures:
            return None
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310 - http(s), see `location`
                content: bytes = answer.read(MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            if error.code not in {403, 404, 410}:
                self._failures[host] = f"it answers {error.code}"
            return None
        except http.client.HTTPException as error:
            self._failures[host] = f"its answer cannot be read ({type(error).__name__})"
            return None
        except (OSError, ValueError) as error:
            self._failures[host] = str(getattr(error, "reason", error))
            return None
        return content if len(content) <= MAX_BYTES else None


def location(spec: str, cache: Path, *, offline: bool = False) -> FolderLocation | AddressLocation:
    """Return the location that a user names: a folder, or an address with placeholders.

    Raises PreflightError.
    """
    if not spec.startswith(("http://", "https://")):
        return FolderLocation(Path(spec).expanduser().absolute())
    if "{kind}" not in spec and "{plural}" not in spec:
        raise PreflightError(
            f"the schema location {spec} does not say where a kind is",
            hint="as in https://schemas.example.com/{group}/{kind}_{version}.json; {kind} is in lower case",
        )

    def addresses(group: str, version: str, kind: str) -> list[str]:
        group, version, kind = (quote(each, safe="") for each in (group, version, kind))
        filled = spec.replace("{group}", group).replace("{version}", version)
        return [filled.replace("{kind}", kind.lower()).replace("{plural}", upstream.plural(kind))]

    return AddressLocation(addresses, cache, offline=offline)


def released(cache: Path, *, offline: bool = False) -> AddressLocation:
    """Return the default location: each project's own release, at the version that is pinned here."""
    return AddressLocation(upstream.addresses, cache, offline=offline, kinds=upstream.kinds())


class FolderStore:
    """Keeps JSON values in a private folder. A store that cannot be written is an empty one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Any:
        try:
            return json.loads((self._folder / key).read_bytes())
        except (OSError, ValueError):
            return None

    def put(self, key: str, value: Any) -> None:
        keep(self._folder / key, json.dumps(value, separators=(",", ":"), default=str).encode())


def keep(file: Path, content: bytes) -> None:
    """Write a private file all at once; a cache that cannot be written is no reason to stop."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".new-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).replace(file)
    except OSError:
        return


def _defining(found: Manifest) -> bytes:
    """Return what defines the kind, without what changes from day to day: the store goes by the content."""
    spec = {key: found["spec"][key] for key in ("group", "names", "versions")}
    return json.dumps({"kind": found["kind"], "spec": spec}, sort_keys=True).encode()
