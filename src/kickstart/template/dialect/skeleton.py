"""Rendering a skeleton as `fetch:template` of a portal does, oddities included."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from kickstart.errors import Fault, TemplateError
from kickstart.template.dialect.binary import is_binary
from kickstart.template.language import EngineError, Language
from kickstart.template.skeleton import Rules, fault, matching
from kickstart.tree import Entry, PathError


def render(
    entries: Mapping[str, Entry], context: Mapping[str, Any], rules: Rules, engine: Language, shown: str
) -> dict[str, Entry]:
    """Return the rendered entries by their rendered paths.

    Of two with the same path the first one counts, or the last one where files are replaced.
    shown: the folder's name for error texts. Raises TemplateError with every file that is at fault.
    """
    rendered: dict[str, Entry] = {}
    faults = _folder_faults(entries, context, rules, engine, shown)
    copied = matching(entries, rules.copied)
    for path in entries:
        place = f"{shown}/{path}"
        try:
            entry = entries[path]
        except PathError:
            continue  # a link that leads out of the skeleton
        try:
            templated = _extension(path) == rules.extension if rules.extension else path not in copied
            name = path.removesuffix(rules.extension) if rules.extension and templated else path
            target = engine.render(name, context, **rules.settings)
            if not target or target.startswith("/") or "//" in target:
                continue  # the idiom for optional files and folders
            target = posixpath.normpath(target)
            if target == ".." or target.startswith("../"):
                faults.append(Fault(place, f"renders to {target}, which leaves the target folder"))
                continue
            if rules.replaces or target not in rendered:
                rendered[target] = render_entry(entry, context, rules, engine, templated=templated)
        except EngineError as error:
            faults.append(fault(place, error))
    if faults:
        raise TemplateError("the skeleton cannot be rendered", faults=faults)
    rendered.pop(".", None)  # a file that renders to the folder itself, which is there already
    return rendered


def _folder_faults(
    entries: Mapping[str, Entry], context: Mapping[str, Any], rules: Rules, engine: Language, shown: str
) -> list[Fault]:
    """Return the folders whose paths cannot be rendered: a portal renders them by themselves.

    So an expression with a slash in it fails, although the path of a file has all of it.
    """
    faults = []
    for folder in rendered_folders(entries):
        try:
            engine.render(f"{folder}/", context, **rules.settings)
        except EngineError as error:
            faults.append(fault(f"{shown}/{folder}", error))
    return faults


def rendered_folders(paths: Iterable[str]) -> list[str]:
    """Return the folders above `paths` that have an expression in their own path, outermost first."""
    folders: dict[str, None] = {}
    for path in paths:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1) if "{" in path else ():
            folders["/".join(parts[:depth])] = None
    return [folder for folder in folders if "{" in folder]


def render_entry(
    entry: Entry, context: Mapping[str, Any], rules: Rules, engine: Language, *, templated: bool
) -> Entry:
    """Return an entry with its content rendered. Raises EngineError.

    A portal reads every text as UTF-8, also when it only copies: what is not gets a replacement sign.
    """
    if entry.is_link or is_binary(entry.content):
        return entry
    text = entry.content.decode("utf-8", "replace")
    result = engine.render(text, context, **rules.settings) if templated else text
    return Entry(result.encode("utf-8", "replace"), entry.mode)


def render_file(entry: Entry, context: Mapping[str, Any], rules: Rules, engine: Language) -> Entry:
    """Return one file rendered as `fetch:template:file` does. Raises EngineError.

    It is a text, whatever it holds, and what it becomes is a plain file, whatever it was.
    """
    text = entry.content.decode("utf-8", "replace")
    return Entry(engine.render(text, context, **rules.settings).encode("utf-8", "replace"))


def _extension(path: str) -> str:
    """Return the extension as Node's path.extname sees it: a name that starts with a dot has none."""
    return posixpath.splitext(path)[1]
