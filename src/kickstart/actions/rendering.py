"""What actions that bring and render files share: inputs, and how what they make is placed."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from kickstart import redact
from kickstart.actions.base import Given, InputError, Promise
from kickstart.template import skeleton
from kickstart.template.language import Language
from kickstart.tree import Entry, normal_path

URL: Any = Field(
    description="A path relative to template.yaml, inside the template's repository; or the web address of "
    "a folder or file in another repository, such as https://github.com/acme/skeletons/tree/main/service."
)
COMPAT: Any = Field(
    default=False, description="Render `{{ cookiecutter.name }}` instead of `${{ values.name }}`."
)
COPIED: Any = Field(
    default=[], description="Globs of files whose content is copied as it is; paths are rendered."
)
EXTENSION: Any = Field(
    default=False, description="Render only files with this extension, and drop it; true stands for `.njk`."
)
TOKEN: Any = Field(default=None, description="Ignored: Git's own credentials are used.")
VALUES: Any = Field(default={}, description="What the files can refer to as `values`.")


def rules_of(input: Any, **blocks: bool) -> skeleton.Rules:
    """Return how a folder is rendered. Raises InputError when the inputs exclude each other."""
    extension = _extension(input.template_file_extension)
    if extension and (input.copy_without_templating or input.cookiecutter_compat):
        other = "copyWithoutTemplating" if input.copy_without_templating else "cookiecutterCompat"
        raise InputError(f"templateFileExtension and {other} exclude each other")
    copied = tuple(input.copy_without_templating)
    return skeleton.Rules(
        extension, copied, compat=input.cookiecutter_compat, replaces=input.replace, **blocks
    )


def render(
    given: Given, files: Mapping[str, Entry], rules: skeleton.Rules, input: Any, shown: str
) -> Promise:
    """Render a folder, and put what comes of it below the input's target."""
    engine, context = language(given, input)
    entries = skeleton.render(files, context, rules, engine, shown)
    return place(given, entries, input.target_path, replace=input.replace)


def language(given: Given, input: Any) -> tuple[Language, dict[str, Any]]:
    """Return what renders, and what it renders with. Only Backstage's language knows cookiecutter's."""
    if not input.cookiecutter_compat:
        return given.engine, {"values": input.values}
    from kickstart.template.dialect.engine import Backstage

    engine = given.engine if given.engine.is_portal else Backstage()
    return engine, {"cookiecutter": input.values}


def place(given: Given, entries: Mapping[str, Entry], target: str, *, replace: bool) -> Promise:
    """Put `entries` below `target`. Without `replace`, what is already there stays."""
    below = normal_path(posixpath.normpath(target))
    placed = {"/".join(part for part in (below, path) if part): entry for path, entry in entries.items()}
    if not replace:
        placed = {path: entry for path, entry in placed.items() if path not in given.tree}
    return Promise(tree=given.tree.adding(placed))


def _extension(value: str | bool) -> str | None:
    if isinstance(value, str):
        return value if value.startswith(".") or not value else f".{value}"
    return ".njk" if value else None


def folder(given: Given, url: str) -> Path:
    """Return a folder that a step names. Raises InputError."""
    path = given.source.path(url)
    if not path.is_dir():
        raise InputError(f"{redact.urls(url)} is not a folder")
    return path


def file(given: Given, url: str) -> Path:
    """Return a file that a step names. Raises InputError."""
    path = given.source.path(url)
    if not path.is_file():
        raise InputError(f"{redact.urls(url)} is not a file")
    return path


def shown(url: str) -> str:
    """Return an address as error texts have it."""
    return redact.urls(url).removeprefix("./").rstrip("/") or "."
