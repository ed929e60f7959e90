"""What is wrong with the files that a template renders."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kickstart import folders
from kickstart.errors import TemplateError
from kickstart.lint.expressions import NAKED, unknown_filters
from kickstart.lint.finding import Finding, from_fault, short
from kickstart.naming import closest
from kickstart.template.catalog import Source
from kickstart.template.dialect import syntax
from kickstart.template.dialect.binary import is_binary
from kickstart.template.dialect.engine import names_asked, names_read
from kickstart.template.dialect.scanner import Spelling
from kickstart.template.dialect.skeleton import rendered_folders
from kickstart.template.language import EngineError, Language, is_plain
from kickstart.template.skeleton import matching
from kickstart.tree import Entry, PathError

# Where GitHub Actions and others write `${{ }}` too.
_FOREIGN = frozenset(
    {"github", "env", "vars", "matrix", "needs", "runner", "inputs", "job", "jobs", "strategy"}
)
_GLOBALS = frozenset({"range", "cycler", "joiner", "always", "failure"})
_ELSEWHERE = re.compile(r"\b(github|env|vars|matrix|needs|runner|inputs|secrets|steps|job|strategy)\s*[.\[]")
_MOST_ERRORS = 50  # of one file: after each, the rest is read once more


class _Known(Struct, frozen=True):
    """What a skeleton can refer to. names: of the values, or None when they are not known."""

    step: str
    root: str
    names: set[str] | None
    language: Language


def of_template(
    source: Source, index: int, step: Mapping[str, Any], given: list[Any], language: Language
) -> Iterator[Finding]:
    """Look at the files that a step renders, if it is plain to see which ones these are.

    given: the values of every step that renders them.
    """
    url = step.get("url")
    if not isinstance(url, str) or not is_plain(url) or "://" in url:
        return
    try:
        folder = source.path(url)
        misplaced = _of_another_kind(source, index, url, folder)
        if misplaced:
            yield misplaced
            return
        entries = _entries(folder)
        globs = step.get("copyWithoutTemplating")
        copied = matching(entries, tuple(map(str, globs)) if isinstance(globs, list) else ())
    except (TemplateError, OSError, ValueError) as error:
        yield _unreadable(source, index, error)
        return
    compat = step.get("cookiecutterCompat") is True
    spelling = Spelling(compat, step.get("trimBlocks") is True, step.get("lstripBlocks") is True)
    names = [set(each) if isinstance(each, Mapping) else None for each in (one or {} for one in given)]
    known = _Known(
        source.template.step_id(index),
        "cookiecutter" if compat else "values",
        None if None in names else set().union(*(each for each in names if each)),
        language,
    )
    extension = _extension(step.get("templateFileExtension"))
    shown = posixpath.normpath(url)
    for path in rendered_folders(entries):
        found = _text(f"{path}/", spelling, known, posixpath.join(shown, path), is_path=True)
        yield from (each for each in found if each.rule == "syntax")
    for pattern in globs if isinstance(globs, list) else ():
        if isinstance(pattern, str) and not set("*?[{!") & set(pattern) and not matching(entries, (pattern,)):
            message = f"'{pattern}' is the path of no file in {shown}: it is matched against the whole path"
            at = ("spec", "steps", index, "input", "copyWithoutTemplating")
            yield from_fault(source.fault(at, message), "reference", "warning")
    for path in entries:
        if path and folder / path == source.file:
            message = f"the template itself is in its skeleton {url}, and is rendered with it"
            at = ("spec", "steps", index, "input", "url")
            yield from_fault(source.fault(at, message), "reference", "warning")
            continue
        try:
            entry = entries[path]
        except PathError:
            continue  # a link out of the folder, which a portal drops
        place = posixpath.join(shown, path) if path else shown
        yield from _text(path, spelling, known, place, is_path=True)
        rendered = posixpath.splitext(path)[1] == extension if extension else path not in copied
        if rendered and not entry.is_link and not is_binary(entry.content):
            yield from _text(entry.content.decode("utf-8", "replace"), spelling, known, place, is_path=False)


def of_cookiecutter(source: Source, index: int, step: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at the files that cookiecutter renders, if it is plain to see which ones these are."""
    from kickstart.template import cookiecutter

    url, values, copied = step.get("url"), step.get("values"), step.get("copyWithoutRender")
    if not isinstance(url, str) or not is_plain(url) or "://" in url or not isinstance(values, Mapping):
        return
    shown = posixpath.normpath(url)
    globs = [str(each) for each in copied] if isinstance(copied, list) else []
    try:
        for each in cookiecutter.problems(_entries(source.path(url)), values, globs, shown):
            rule = "undefined-value" if each.name else "syntax"
            yield Finding(
                posixpath.join(shown, each.path), each.line, rule, "error", f"{each.message}; it fails"
            )
    except (TemplateError, OSError, ValueError) as error:
        yield _unreadable(source, index, error)


def _entries(folder: Path) -> Mapping[str, Entry]:
    return folders.Files(folder) if folder.is_dir() else {"": folders.read_file(folder)}


def of_copied(source: Source, index: int, url: Any) -> Iterator[Finding]:
    """Look whether what a step copies is there, if it is plain to see what that is."""
    if not isinstance(url, str) or not is_plain(url) or "://" in url:
        return
    try:
        found = source.path(url)
    except (TemplateError, OSError, ValueError) as error:
        yield _unreadable(source, index, error)
        return
    misplaced = _of_another_kind(source, index, url, found)
    if misplaced:
        yield misplaced


def _of_another_kind(source: Source, index: int, url: str, path: Path) -> Finding | None:
    action = source.template.spec.steps[index].action
    wants_file = action.endswith(":file")
    if path.is_dir() != wants_file:
        return None
    kinds = ("folder", "file") if wants_file else ("file", "folder")
    other = action.removesuffix(":file") if wants_file else f"{action}:file"
    said = f"{url} is a {kinds[0]}, and a {kinds[1]} is needed: {other} takes a {kinds[0]}"
    return from_fault(source.fault(("spec", "steps", index, "input", "url"), said), "reference", "error")


def _unreadable(source: Source, index: int, error: Exception) -> Finding:
    said = "; ".join(filter(None, (str(error), getattr(error, "hint", ""))))
    return from_fault(source.fault(("spec", "steps", index, "input", "url"), said), "reference", "error")


def _text(text: str, spelling: Spelling, known: _Known, place: str, *, is_path: bool) -> Iterator[Finding]:
    """Look at one rendered text, a file's or a path."""
    body, rest, errors = _parsed(text, spelling)
    found = [_of_error(error) for error in errors]
    if body is not None:
        found += [(line, "missing-dollar", "warning", said) for line, said in _naked(rest, spelling, known)]
        found += _comments(rest)
        for reading, said in unknown_filters(body, known.language):
            found.append((reading.line, "unknown-filter", "error", f"{short(reading.shown)}: {said}"))
        found += _names(body, spelling, known, is_path=is_path)
    for line, rule, level, message in found:
        yield Finding(place, 0 if is_path else line, rule, level, message)


# Line, rule, level and message.
_Found = tuple[int, str, str, str]


def _parsed(text: str, spelling: Spelling) -> tuple[syntax.Body | None, str, list[EngineError]]:
    """Return the tags of a text, the text without its wrong ones, and what is wrong with those.

    No tags where what is wrong cannot be left out.
    """
    errors: list[EngineError] = []
    while len(errors) < _MOST_ERRORS:
        try:
            return syntax.parse(text, spelling), text, errors
        except EngineError as error:
            errors.append(error)
            shorter = _without(text, error)
            if shorter == text:
                return None, text, errors
            text = shorter
    return [], text, errors


def _of_error(error: EngineError) -> _Found:
    shown = short(error.expression)
    if _ELSEWHERE.search(error.expression):
        return error.line, "foreign-expression", "error", f"{shown}: is rendered here, and fails"
    is_comment = error.expression.startswith("{#") and "has no" in error.message
    return error.line, "comment-opening" if is_comment else "syntax", "error", f"{shown}: {error.message}"


def _comments(text: str) -> Iterator[_Found]:
    """Yield each line of a shell script that opens a comment by counting an array."""
    for number, line in enumerate(text.split("\n"), start=1) if "${#" in text else ():
        if "${#" in line and "{% raw" not in line:
            yield number, "comment-opening", "warning", "${# opens a comment, which ends at the next #}"


def _names(body: syntax.Body, spelling: Spelling, known: _Known, *, is_path: bool) -> Iterator[_Found]:
    """Yield each name that is nothing where it is read."""
    asked = {chain[1] for chain in names_asked(body) if chain[0] == known.root and len(chain) > 1}
    reads = names_read(body)
    foreign = {
        (reading.line, reading.shown)
        for reading in reads
        if reading.chain[0] in _FOREIGN or (reading.chain[0] in {"secrets", "steps"} and not is_path)
    }
    for reading in reads:
        root, *rest = reading.chain
        shown = short(reading.shown)
        if root == known.root:
            if rest and known.names is not None and rest[0] not in known.names:
                near = closest(rest[0], known.names)
                if rest[0] in asked and not near:
                    continue  # the file provides for its absence, and it is no slip of the pen
                message = f"{shown}: the step '{known.step}' gives no value '{rest[0]}'{near}; it is empty"
                yield reading.line, "undefined-value", "warning", message
        elif root == "values" and spelling.compat:
            message = f"{shown}: the step '{known.step}' has cookiecutterCompat, which calls it cookiecutter"
            yield reading.line, "undefined-value", "warning", message
        elif root in _FOREIGN or (root in {"secrets", "steps"} and not is_path):
            message = f"{shown}: is rendered here, where '{root}' is nothing"
            yield reading.line, "foreign-expression", "error", message
        elif (reading.line, reading.shown) in foreign:
            continue  # its other names are of the same other language
        elif root not in _GLOBALS and not (spelling.compat and root in {"True", "False", "None"}):
            message = f"{shown}: nothing is called '{root}' in a skeleton; it is empty"
            yield reading.line, "undefined-value", "warning", message


def _without(text: str, error: EngineError) -> str:
    """Return a text without the tag that is wrong, each line where it was."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: error.line - 1])
    at = text.find(error.expression, start) if error.expression.endswith("}}") else -1
    if at < 0:
        return text
    blank = "\n" * error.expression.count("\n")
    return text[:at] + blank + text[at + len(error.expression) :]


def _naked(text: str, spelling: Spelling, known: _Known) -> Iterator[tuple[int, str]]:
    """Find what looks like an expression of this engine, and is copied as it is."""
    if not spelling.compat and "{% raw" not in text and "{% verbatim" not in text:
        for found in NAKED.finditer(text):
            root, name = found[2], found[3]
            if root == "cookiecutter" or (root == "values" and (known.names is None or name in known.names)):
                yield (
                    text.count("\n", 0, found.start()) + 1,
                    f"{short(found[0])}: has no '$' before it, so that it is copied as it is",
                )
    for number, line in enumerate(text.split("\n"), start=1) if "${%" in text else ():
        if "${%" in line:
            yield number, "${%: the '$' is written before what the block gives"


def _extension(value: Any) -> str:
    if value is True:
        return ".njk"
    return f".{value.lstrip('.')}" if isinstance(value, str) and value else ""
