"""Files of other repositories than the template's, by their web address or as a template's is written."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kickstart import redact
from kickstart.errors import ParameterError, TemplateError

if TYPE_CHECKING:
    from kickstart.template.hosted import Hosted

Checkout = Callable[[str, str], tuple[Path, str]]
"""(url, ref or "") -> the folder of one commit, and the commit's id."""

# Not `file`: a template from elsewhere would read repositories of this machine.
_FETCHED = ("https", "http", "ssh")


def stay_here(url: str, ref: str) -> tuple[Path, str]:
    """Fetch nothing. Raises TemplateError."""
    raise TemplateError(f"{redact.urls(url)} is another repository, and none is fetched here")


def place_of(url: str) -> Hosted:
    """Return what an address names. Raises TemplateError for one that is not fetched."""
    from kickstart.template import hosted  # few templates need it

    scheme, _, rest = url.partition("://")
    if scheme not in _FETCHED:
        shown = redact.urls(url)
        raise TemplateError(f"{shown}: files of other repositories come by {', '.join(_FETCHED)} only")
    has_own_form = scheme == "ssh" or "//" in rest or "@" in rest.partition("/")[2]
    return hosted.Hosted(*split_git_reference(url)) if has_own_form else hosted.parse(url)


def bring(url: str, checkout: Checkout) -> Path:
    """Return an existing path of another repository.

    Raises TemplateError, and RemoteError when the repository cannot be fetched.
    """
    place, shown = place_of(url), redact.urls(url)
    try:
        folder, _ = checkout(place.clone_url, place.ref)
    except ParameterError as error:  # no such branch; nobody but the template named it
        raise TemplateError(error.message, hint=error.hint) from error
    found = (folder / place.path).resolve()
    if not found.is_relative_to(folder.resolve()):
        raise TemplateError(f"{shown} leaves its repository")
    if not found.exists():
        raise TemplateError(f"{shown}: there is no {place.path} in {redact.urls(place.clone_url)}")
    if place.is_raw and not found.is_file():
        raise TemplateError(f"{shown} is the address of a file, and {place.path} is none")
    return found


def split_git_reference(reference: str) -> tuple[str, str, str]:
    """Split `URL[//FOLDER][@REF]` into URL, REF and FOLDER."""
    url = reference.removeprefix("git+")
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    host, slash, path = rest.partition("/" if separator else ":")
    path, _, ref = path.partition("@")
    path, _, inside = path.partition("//")
    return f"{scheme}{separator}{host}{slash}{path}", ref, inside.strip("/")


def is_private(path: Path, root: Path) -> bool:
    """Tell whether a path is in the `.git` of a work tree, whose configuration may hold a password."""
    inside = path.relative_to(root.resolve()) if path.is_relative_to(root.resolve()) else Path()
    return ".git" in (part.lower() for part in inside.parts)


def how_to_reach(target: Path, folder: Path, root: Path, commit: str) -> str:
    """Say how a template in `folder` may come to read what is outside of `root`.

    Where no repository says what belongs together, nothing but the template's folder does: an archive
    of somebody else's would choose what of this machine is published. Its owner can say it.
    """
    if commit or (root / ".git").exists():
        return "a repository's top is the nearest folder above the template that has a .git"
    top = Path(os.path.commonpath((folder, target)))
    if not target.exists() or Path.home().is_relative_to(top):
        return "a template that is in no Git repository may read its own folder alone"
    return (
        "a template that is in no Git repository may read its own folder alone; "
        f"if it may read all of {top}: git init {shlex.quote(str(top))}"
    )


def is_same(one: str, other: str) -> bool:
    """Tell whether two addresses name one repository, by whichever protocol and as whoever."""
    return _name(one) == _name(other)


def _name(address: str) -> str:
    _, separator, rest = address.partition("://")
    if not separator:
        rest = address.replace(":", "/", 1)  # me@example.com:acme/shop.git
    host, _, path = rest.partition("/")
    # Without its port, which ssh and https have each of their own.
    host = host.rpartition("@")[2].partition(":")[0]
    return f"{host}/{path.strip('/').removesuffix('.git')}".lower()
