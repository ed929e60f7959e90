"""`{$yaml: FILE}`, `{$json: FILE}` and `{$text: FILE}`: replaced by that file, as a portal's catalog does."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from kickstart import document, redact
from kickstart.errors import Fault, KickstartError, TemplateError, unreadable
from kickstart.template import elsewhere

_KINDS = frozenset({"$yaml", "$json", "$text"})
_NOTHING: Final = object()  # drops its key

At = tuple[str | int, ...]


class Included(Struct, frozen=True):
    """A file that a placeholder brings. at: where. name: from the template's folder, or its address."""

    at: At
    name: str
    text: str


class Unread(Struct, frozen=True):
    """A placeholder for a file of another repository where none is fetched. what: as it is written."""

    at: At
    what: str


class Reach(Struct, frozen=True):
    """What placeholders can lead to besides files of the template's own repository.

    checkout: brings other repositories; with stay_here what they would bring is left out. address:
    returns that of the own one, or "".
    """

    checkout: elsewhere.Checkout = elsewhere.stay_here
    address: Callable[[], str] = str


class Place(Struct, frozen=True):
    """Where a template with placeholders is.

    file, text: its own. root: what paths may not leave. commit: which one that is; "" for a folder.
    """

    file: Path
    text: str
    root: Path
    commit: str
    reach: Reach

    def fault(self, at: At, message: str) -> Fault:
        return document.fault_at(self.file.name, self.text, at, message)

    def own(self, url: str) -> Path | None:
        """Return the file that an address of this very repository names here.

        That is so for each of its branches: what is here is what is to be tried, or what was pinned.
        """
        place = elsewhere.place_of(url)
        is_pinned = re.fullmatch("[0-9a-f]{40}", place.ref)
        if is_pinned or not elsewhere.is_same(place.clone_url, self.reach.address()):
            return None
        return self.root / place.path


def resolve(value: Any, place: Place) -> tuple[Any, tuple[Included, ...], tuple[Unread, ...]]:
    """Replace every placeholder in `value`, and say what was brought and what was left out.

    What a file brings is not searched again, and one that brings a text alone is not listed. Raises
    TemplateError, and RemoteError when another repository cannot be fetched, both with the line.
    """
    included: list[Included] = []
    unread: list[Unread] = []
    return _resolved(value, place, (), included, unread), tuple(included), tuple(unread)


def _resolved(value: Any, place: Place, at: At, included: list[Included], unread: list[Unread]) -> Any:
    if isinstance(value, list):
        return [_resolved(item, place, (*at, index), included, unread) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, name),) = value.items()
        if key in _KINDS and isinstance(name, str):
            what = f"{key}: {redact.urls(name)}"
            try:
                found = _read(what, name, place)
                if found is None:
                    unread.append(Unread(at, what))
                    return _stand_in(at)
                shown, text = found
                if key == "$text":
                    return text
                included.append(Included(at, shown, text))
                return _parsed(what, text, is_json=key == "$json")
            except KickstartError as error:
                error.faults = (place.fault(at, what),)
                raise
    items = {key: _resolved(item, place, (*at, key), included, unread) for key, item in value.items()}
    return {key: item for key, item in items.items() if item is not _NOTHING}


def _read(what: str, name: str, place: Place) -> tuple[str, str] | None:
    """Return what a file is called in the template's folder, and its text; None if it is not fetched."""
    try:
        own = place.own(name) if "://" in name else place.file.parent / name
        if own is None:
            if place.reach.checkout is elsewhere.stay_here:
                return None
            file = elsewhere.bring(name, place.reach.checkout)
            return redact.urls(name), file.read_bytes().decode("utf-8")
        file = own.resolve()
        root = place.root.resolve()
        if not file.is_relative_to(root) or elsewhere.is_private(file, root):
            hint = elsewhere.how_to_reach(file, place.file.parent, root, place.commit)
            raise TemplateError(f"{what} is outside the template's repository", hint=hint)
        shown = os.path.relpath(own, place.file.parent).replace(os.sep, "/")
        return shown, file.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise TemplateError(f"{what} cannot be read: {unreadable(error)}") from error


def _parsed(what: str, text: str, *, is_json: bool) -> Any:
    try:
        return json.loads(text) if is_json else document.load(text)
    except (ValueError, RecursionError) as error:
        message = error.message if isinstance(error, document.DocumentError) else str(error)
        raise TemplateError(f"{what} cannot be read: {message}") from error


def _stand_in(at: At) -> Any:
    """Return what keeps a template whole without a part of it, and keeps the others in their places."""
    if at == ("spec", "steps"):
        return []
    if len(at) == 3 and at[:2] == ("spec", "steps"):
        return {"action": "debug:log"}
    return _NOTHING if at and isinstance(at[-1], str) else {}


def nested(value: Any, at: At = ()) -> Iterator[At]:
    """Yield where a file that was brought would bring another one, which a portal does not."""
    if isinstance(value, Mapping):
        if len(value) == 1 and value.keys() <= _KINDS:
            yield at
        for key, item in value.items():
            yield from nested(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nested(item, (*at, index))
