"""Skeletons: folders of a template, rendered as `fetch:template` renders them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kickstart.errors import Fault, TemplateError
from kickstart.template.language import EngineError, Language
from kickstart.tree import Entry

_SNIFFED = 512  # bytes; where Backstage looks for signs of a binary file


class Rules(Struct, frozen=True):
    """How a folder is rendered.

    extension: only files that end in it are rendered, and lose it; None renders every text file.
    copied: globs of files whose content is left alone; their paths are rendered all the same.
    compat: cookiecutter's `{{ }}` instead of `${{ }}`. replaces: what is there already is replaced.
    """

    extension: str | None = None
    copied: tuple[str, ...] = ()
    trim_blocks: bool = False
    lstrip_blocks: bool = False
    compat: bool = False
    replaces: bool = False

    @property
    def settings(self) -> dict[str, bool]:
        """The engine's settings that differ from its own."""
        settings = {
            "trim_blocks": self.trim_blocks,
            "lstrip_blocks": self.lstrip_blocks,
            "compat": self.compat,
        }
        return {key: True for key, on in settings.items() if on}


def render(
    entries: Mapping[str, Entry], context: Mapping[str, Any], rules: Rules, engine: Language, shown: str
) -> dict[str, Entry]:
    """Return the rendered entries by their rendered paths.

    shown: the folder's name for error texts. Raises TemplateError with every file that is at fault.
    """
    if engine.is_portal:
        from kickstart.template.dialect import skeleton as portal

        return portal.render(entries, context, rules, engine, shown)
    rendered: dict[str, Entry] = {}
    origins: dict[str, str] = {}
    faults: list[Fault] = []
    copied = matching(entries, rules.copied)
    for path, entry in entries.items():
        try:
            templated = not rules.extension or path.endswith(rules.extension)
            target = engine.render(path, context)
            if rules.extension and templated:
                target = target.removesuffix(rules.extension)
            # Backstage's idiom for optional files and folders: a part of the path renders empty.
            if not target or target.startswith("/") or target.endswith("/") or "//" in target:
                continue
            if templated and path not in copied:
                entry = _rendered(entry, context, rules, engine)
        except EngineError as error:
            faults.append(fault(f"{shown}/{path}", error))
            continue
        if target in rendered:
            faults.append(Fault(f"{shown}/{path}", f"renders to {target}, as {origins[target]} does"))
        rendered[target] = entry
        origins[target] = path
    if faults:
        raise TemplateError("the skeleton cannot be rendered", faults=faults)
    return rendered


def render_entry(
    entry: Entry, context: Mapping[str, Any], rules: Rules, engine: Language, shown: str
) -> Entry:
    """Return one rendered entry; `shown` is its name for error texts. Raises TemplateError."""
    try:
        if engine.is_portal:
            from kickstart.template.dialect import skeleton as portal

            return portal.render_file(entry, context, rules, engine)
        return _rendered(entry, context, rules, engine)
    except EngineError as error:
        raise TemplateError("the file cannot be rendered", faults=[fault(shown, error)]) from error


def _rendered(entry: Entry, context: Mapping[str, Any], rules: Rules, engine: Language) -> Entry:
    if entry.is_link or b"\0" in entry.content[:_SNIFFED]:
        return entry
    try:
        text = entry.content.decode("utf-8")
    except UnicodeDecodeError as error:
        if rules.extension:  # somebody asked for this very file to be rendered
            raise EngineError(f"is not UTF-8 text (byte {error.start})") from error
        return entry
    result = engine.render(text, context, **rules.settings)
    return entry if result is text else Entry(result.encode("utf-8", "surrogatepass"), entry.mode)


def matching(entries: Mapping[str, Entry], globs: tuple[str, ...]) -> frozenset[str]:
    """Return the paths that `globs` select as globby does: dot files match, a folder is its contents.

    Raises TemplateError, as `selected` does.
    """
    if not globs:
        return frozenset()
    patterns = [pattern.removeprefix("./") for pattern in globs]
    patterns += [f"{pattern.rstrip('/')}/**" for pattern in patterns if not pattern.endswith("*")]
    return frozenset(selected(entries, patterns, negation=True))


def selected(paths: Iterable[str], patterns: Sequence[str], *, negation: bool = False) -> list[str]:
    """Return the paths that a glob selects. Raises TemplateError for globs that stand for too many.

    negation: what starts with `!` takes away.
    """
    from wcmatch import glob
    from wcmatch._wcparse import PatternLimitException

    flags = glob.GLOBSTAR | glob.DOTGLOB | glob.BRACE | glob.EXTGLOB | (glob.NEGATE if negation else 0)
    try:
        return list(map(str, glob.globfilter(list(paths), patterns, flags=flags)))
    except PatternLimitException as error:
        shown = ", ".join(patterns)[:100]
        raise TemplateError(f"the globs {shown} stand for too many patterns") from error


def fault(place: str, error: EngineError) -> Fault:
    """Return what is wrong with the file at `place`, with its line."""
    where = f"{place}:{error.line}" if error.line else place
    return Fault(where, f"{error.expression}: {error.message}" if error.expression else error.message)
