"""Where templates come from: the wheel, a folder, or a Git repository pinned by commit."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from kickstart import document, redact
from kickstart.errors import Fault, ParameterError, TemplateError, unreadable
from kickstart.naming import closest
from kickstart.template import elsewhere, placeholders, wording
from kickstart.template.elsewhere import Checkout, stay_here
from kickstart.template.placeholders import Included, Reach, Unread
from kickstart.template.schema import API_VERSION, Template

FILE_NAMES = ("template.yaml", "template.yml")
_SUFFIXES = (".yaml", ".yml")
_OLDER = frozenset({"backstage.io/v1alpha1", "backstage.io/v1beta2"})
VERSION = "kickstart/version"
_NOWHERE = Reach()

_GIT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(git\+)?[\w.-]+@[\w.-]+:")


class Source(Struct, frozen=True):
    """A template that was read and is well formed.

    folder: what relative paths start from. root: what they may not leave.
    origin: how it was asked for, without credentials. commit: "" where no Git repository pins it.
    which: its name, where it was asked for as one of several in a file. included: the files of which it
    is made besides. unread: those of other repositories that were not fetched, and are no part of
    `template`. checkout: brings what its steps take from other repositories.
    """

    template: Template
    file: Path
    root: Path
    origin: str
    commit: str
    text: str
    which: str = ""
    included: tuple[Included, ...] = ()
    unread: tuple[Unread, ...] = ()
    checkout: Checkout = stay_here

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def name(self) -> str:
        return self.template.metadata.name

    @property
    def version(self) -> str:
        return self.template.metadata.annotations.get(VERSION, "") or self.commit[:12]

    @property
    def reference(self) -> str:
        """How to ask for it again on this machine, from any folder."""
        if "/" not in self.origin or self.commit:
            return self.origin
        return f"{self.file}#{self.which}" if self.which else str(self.file)

    def fault(self, path: document.Path, message: str) -> Fault:
        """Return a fault at the line of `path` in template.yaml, or in the file that brings it."""
        return _fault_at(self.file.name, self.text, self.included, path, message)

    def path(self, relative: str) -> Path:
        """Return an existing path inside the template's repository, or of another one when it is a URL.

        Raises TemplateError, and RemoteError when the other repository cannot be fetched.
        """
        if "\0" in relative:
            raise TemplateError(f"{relative!r} holds a character that is not allowed in a path")
        if "://" in relative:
            return elsewhere.bring(relative, self.checkout)
        found = (self.folder / relative.replace("\\", "/")).resolve()
        if elsewhere.is_private(found, self.root):
            raise TemplateError(f"{relative} is Git's own, and no part of the template's repository")
        if not found.is_relative_to(self.root.resolve()):
            raise TemplateError(
                f"{relative} leaves the template's repository, {self.root}",
                hint=elsewhere.how_to_reach(found, self.folder, self.root, self.commit),
            )
        if not found.exists():
            raise TemplateError(f"{relative} does not exist in {self.folder}")
        return found


def builtin_folder() -> Path:
    """Return the folder of the templates that come with kickstart: of the wheel, else of the checkout."""
    package = Path(__file__).parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parents[1] / "templates"


def builtin_names() -> list[str]:
    """Return the names of the templates that come with kickstart."""
    return sorted(path.parent.name for path in builtin_folder().glob("*/template.yaml"))


Origin = Callable[[Path], str]
"""A repository's folder -> the address that it was cloned from, or ""."""


def unknown(folder: Path) -> str:
    """Know of no folder where it was cloned from."""
    return ""


def find(
    reference: str, checkout: Checkout, origin: Origin = unknown, *, parts: Checkout | None = None
) -> Source:
    """Return the template called `reference`: a name, a folder, or a Git URL with an optional `@ref`.

    `//FOLDER` before the `@` of a Git URL names a template below the repository's top. A folder may
    be its file, whose name is free, and `#NAME` at the end is one of several in a file. parts: brings
    the files of other repositories that it is made of, instead of `checkout`; with stay_here they are
    `unread`. Raises ParameterError when there is none, TemplateError when it is not well formed,
    RemoteError when something cannot be fetched.
    """
    if checkout is not stay_here:
        checkout = cache(checkout)  # a template of many parts asks for one repository often
    reach = Reach(parts or checkout)
    return replace(_found(reference, checkout, origin, reach), checkout=checkout)


def _found(reference: str, checkout: Checkout, origin: Origin, reach: Reach) -> Source:
    place, _, which = reference.partition("#")
    if _GIT.match(reference):
        return _from_git(place, which, checkout, reach)
    if "/" in place or place in {".", ".."} or place.endswith(_SUFFIXES):
        try:
            if os.path.lexists(Path(reference).expanduser()):  # a name may have that sign
                place, which = reference, ""
            return _from_folder(Path(place).expanduser(), reference, which, origin, reach)
        except (OSError, RuntimeError) as error:  # RuntimeError: nobody has that ~home
            raise ParameterError(f"{reference[:200]} cannot be read: {unreadable(error)}") from error
    known = builtin_names()
    if reference in known:
        return load(builtin_folder() / reference / FILE_NAMES[0], builtin_folder() / reference, reference, "")
    raise ParameterError(
        f"no template is called '{reference}'{closest(reference, known)}",
        hint=f"known are {', '.join(known)}; a folder is written with a slash: ./{reference}",
    )


def _from_folder(path: Path, reference: str, which: str, origin: Origin, reach: Reach) -> Source:
    is_folder = path.is_dir() or path.suffix not in _SUFFIXES
    file = _file_in(path) if is_folder else path
    if file is None or not file.is_file():
        missing, place = (FILE_NAMES[0], path) if is_folder else (path.name, path.parent)
        hint = _others(place) if place.is_dir() else f"there is no folder {place.absolute()}"
        raise ParameterError(f"there is no {missing} in {place}", hint=hint)
    folder = file.parent.resolve()
    top = next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)
    return load(
        file.resolve(), top, reference, "", which, replace(reach, address=cache(partial(origin, top)))
    )


def _file_in(folder: Path) -> Path | None:
    return next((folder / name for name in FILE_NAMES if (folder / name).is_file()), None)


def _others(folder: Path) -> str:
    """Say which files of a folder may be meant: a template's may have any name."""
    names = sorted(each.name for each in folder.glob("*") if each.suffix in _SUFFIXES)
    return f"in it are {', '.join(names[:10])}: name the file itself" if names else ""


def _from_git(reference: str, which: str, checkout: Checkout, reach: Reach) -> Source:
    url, ref, inside = elsewhere.split_git_reference(reference)
    folder, commit = checkout(url, ref)
    place = (folder / inside).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise ParameterError(f"//{inside} leaves the repository")
    file = place if place.is_file() and place.suffix in _SUFFIXES else _file_in(place)
    if file is None:
        raise ParameterError(
            f"there is no template.yaml in {inside or 'the top folder'} of {redact.urls(url)}",
            hint=_others(place),
        )
    shown = redact.urls(reference) + (f"#{which}" if which else "")
    return load(file, folder, shown, commit, which, replace(reach, address=lambda: url))


def load(
    file: Path, root: Path, origin: str, commit: str, which: str = "", reach: Reach = _NOWHERE
) -> Source:
    """Read one template.yaml. Raises TemplateError with every fault, each with its line.

    which: the name of one of its templates, where it holds several. reach: of its placeholders.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{file} cannot be read: {unreadable(error)}") from error
    try:
        raw, text = _template_in(text, file, which)
    except document.DocumentError as error:
        raise TemplateError(
            f"{file} is not valid YAML", faults=[Fault(f"{file.name}:{error.line}", error.message)]
        ) from error
    raw, included, unread = placeholders.resolve(raw, placeholders.Place(file, text, root, commit, reach))
    _refuse_older_kinds(raw, text, file)
    try:
        template = Template.model_validate(raw)
    except ValidationError as error:
        faults = [
            _fault_at(file.name, text, included, _yaml_path(found["loc"]), _words(found))
            for found in error.errors()
        ]
        lacks = ", ".join(each.what for each in unread)
        hint = f"not fetched here, and perhaps missing: {lacks}" if unread else ""
        raise TemplateError(f"{file} is not a template", faults=faults, hint=hint) from error
    return Source(template, file, root, origin, commit, text, which, included, unread)


def _fault_at(file: str, text: str, included: Iterable[Included], path: document.Path, message: str) -> Fault:
    for each in included:
        if tuple(path[: len(each.at)]) == each.at:
            line = document.line_of(each.text, path[len(each.at) :])
            return Fault(f"{each.name}:{line}", f"{'.'.join(map(str, path))}: {message}")
    return document.fault_at(file, text, path, message)


def _template_in(text: str, file: Path, which: str) -> tuple[Any, str]:
    """Return the template among the documents of a file, and its part of the text.

    A portal's catalog reads each document of a file as an entity of its own.
    """
    documents = document.load_apart(text)
    found = [each for each in documents if isinstance(each[0], dict) and each[0].get("kind") == "Template"]
    names = [
        str(raw["metadata"].get("name")) if isinstance(raw.get("metadata"), dict) else "" for raw, _ in found
    ]
    if which in names:
        return found[names.index(which)]
    if which:
        raise ParameterError(  # it is asked for by name: the file is as it is
            f"{file} has no template '{which}'{closest(which, names)}", hint=f"it has {', '.join(names)}"
        )
    if len(found) > 1:
        raise TemplateError(
            f"{file} holds {len(found)} templates: {', '.join(names)}",
            hint=f"name one of them after a '#': '{file}#{names[0]}'",
        )
    return next(iter([*found, *documents]), (None, text))


def _refuse_older_kinds(raw: Any, text: str, file: Path) -> None:
    """Say outright that a template is of a kind that portals of today refuse too."""
    if isinstance(raw, dict) and raw.get("kind") == "Template" and str(raw.get("apiVersion")) in _OLDER:
        message = f"{raw['apiVersion']} is an older kind, which portals of today refuse too"
        raise TemplateError(
            f"{file} is a template of an older kind",
            faults=[document.fault_at(file.name, text, ("apiVersion",), message)],
            hint=f"bring it to {API_VERSION}: its expressions are ${{{{ }}}}, its work is in spec.steps",
        )


def _yaml_path(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Drop what Pydantic adds to a place for its own use (the member of a union)."""
    return tuple(part for part in location if part not in {"str", "bool", "list[any]", "dict[str,any]"})


def _words(found: Any) -> str:
    message = wording.problem(found)
    if found["type"] == "missing" and isinstance(found["input"], dict):
        name = str(found["loc"][-1])
        near = [str(key) for key in found["input"] if closest(str(key), [name])]
        return f"{message}; '{near[0]}' is not a key{closest(near[0], [name])}" if near else message
    return message
