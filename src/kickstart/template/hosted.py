"""Web addresses of files and folders in repositories, as forges show them in a browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct


class Hosted(Struct, frozen=True):
    """A place in a repository. clone_url: what `git clone` takes. ref: "" is the default branch.

    is_raw: the address is that of a file's bytes, and can be no folder's.
    """

    clone_url: str
    ref: str = ""
    path: str = ""
    is_raw: bool = False


# Each forge's way to write REPOSITORY, REF and PATH. As a portal does, a REF ends at the first slash.
_FORMS = [
    # Azure DevOps: the rest is in the query
    re.compile(r"(?P<repository>.+/_git/[^/]+)"),
    # Bitbucket Server: the ref is in the query
    re.compile(r"/projects/(?P<project>[^/]+)/repos/(?P<name>[^/]+)(/(browse|raw)(/(?P<path>.*))?)?"),
    # Gitea and Forgejo
    re.compile(r"(?P<repository>/[^/]+/[^/]+)/(src|raw)/(branch|tag|commit)/(?P<ref>[^/]+)(/(?P<path>.*))?"),
    # GitHub and Bitbucket; with a hyphen for a ref it is a folder of GitLab's that is called so
    re.compile(r"(?P<repository>/[^/]+/[^/]+)/(tree|blob|raw|src)/(?!-/)(?P<ref>[^/]+)(/(?P<path>.*))?"),
    # GitLab, whose groups may hold groups
    re.compile(r"(?P<repository>/.+?)/-/(tree|blob|raw)/(?P<ref>[^/]+)(/(?P<path>.*))?"),
    # a repository as a whole
    re.compile(r"(?P<repository>/.*)"),
]
# Where GitHub has the bytes of single files. A portal, whose integration does not know this host, gets
# them from there where its administrator allows that; they are those of the repository.
_RAW_HOST = "raw.githubusercontent.com"
_RAW = re.compile(r"(?P<repository>/[^/]+/[^/]+)/(refs/(heads|tags)/)?(?P<ref>[^/]+)/(?P<path>.+)")


def parse(url: str) -> Hosted:
    """Return what an address of a forge's pages names."""
    parts = urlsplit(url)
    path = f"/{parts.path.strip('/')}"
    raw = _RAW.fullmatch(path) if parts.hostname == _RAW_HOST else None
    if raw:
        host = parts.netloc.lower().replace(_RAW_HOST, "github.com")
        clone_url = f"{parts.scheme}://{host}{unquote(raw['repository'])}.git"
        return Hosted(clone_url, unquote(raw["ref"]), unquote(raw["path"]), is_raw=True)
    found = next(filter(None, (form.fullmatch(path) for form in _FORMS)))
    named = {key: unquote(value) for key, value in found.groupdict().items() if value}
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    repository = named.get("repository") or f"/scm/{named['project']}/{named['name']}"
    if "/_git/" in repository:
        # GBmain, GTv1 and GC0123...: a branch, a tag, a commit
        ref, path = query.get("version", "")[2:], query.get("path", "").strip("/")
    else:
        repository = f"{repository.removesuffix('.git')}.git"
        ref, path = named.get("ref", "") or query.get("at", ""), named.get("path", "")
    return Hosted(f"{parts.scheme}://{parts.netloc}{repository}", ref.removeprefix("refs/heads/"), path)
