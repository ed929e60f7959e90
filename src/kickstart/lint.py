"""What is wrong or doubtful with a template, with its skeletons, found without running it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kickstart import actions, folders, wiring
from kickstart.actions.base import InputError, repository_from
from kickstart.errors import Fault, TemplateError
from kickstart.naming import MAX_LABEL, closest
from kickstart.template import conditions, wording
from kickstart.template.catalog import Source, nested_placeholders
from kickstart.template.dialect import host, syntax
from kickstart.template.dialect.binary import is_binary
from kickstart.template.dialect.engine import Reading, filters_used, names_asked, names_read
from kickstart.template.dialect.filters import FILTERS
from kickstart.template.dialect.scanner import Spelling
from kickstart.template.dialect.skeleton import rendered_folders
from kickstart.template.expressions import texts
from kickstart.template.filters import plugged_in
from kickstart.template.language import EngineError, Language, is_plain
from kickstart.template.parameters import Form
from kickstart.template.skeleton import matching
from kickstart.tree import Entry, PathError

# Every rule, and what to do about what it finds.
RULES: dict[str, str] = {
    "comment-opening": "put it between {% raw %} and {% endraw %}, or the file into copyWithoutTemplating",
    "copy-without-render": "write copyWithoutTemplating",
    "foreign-expression": "put it between {% raw %} and {% endraw %}, or the file into copyWithoutTemplating",
    "metadata": "correct it: a portal's catalog refuses the template",
    "parameter-schema": "correct the parameter's schema",
    "reference": "correct the name, or the expression",
    "secret-as-parameter": "write secrets.NAME: parameters.NAME is only asterisks",
    "secret-logged": "do not log it",
    "syntax": "correct it, or put it between {% raw %} and {% endraw %}",
    "unknown-filter": "correct the name, or install a plug-in that has it",
    "undefined-value": "add it to the step's values, or correct the name",
    "unknown-action": "correct the name, or install a plug-in that has it",
    "unknown-input": "remove it, or correct the name: a portal refuses inputs that it does not know",
    "missing-dollar": "write ${{ }} and {% %}, or put it between {% raw %} and {% endraw %}",
    "missing-input": "give it",
    "step": "correct the step",
}

# Where GitHub Actions and others write `${{ }}` too.
_FOREIGN = frozenset(
    {"github", "env", "vars", "matrix", "needs", "runner", "inputs", "job", "jobs", "strategy"}
)
_RENDERING = frozenset({"fetch:template", "fetch:template:file"})
_GLOBALS = frozenset({"range", "cycler", "joiner", "always", "failure"})
_ENTITY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_TAG = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
# What is meant for this engine, and lacks the sign by which it is known. Helm's names begin with a dot.
_NAKED = re.compile(r"(?<![$\\{])\{\{-?\s*((values|parameters|steps|each|cookiecutter)\.(\w+)[^{}]*)\}\}")
_ELSEWHERE = re.compile(r"\b(github|env|vars|matrix|needs|runner|inputs|secrets|steps|job|strategy)\s*[.\[]")
_MOST_ERRORS = 50  # of one file: after each, the rest is read once more
_AT = re.compile(r"spec\.(?:steps\.\d+\.(\w+)|output)")


class Finding(Struct, frozen=True, order=True):
    """One thing to look at; line 0 says that no line is known.

    level: "error" for what fails or is lost, else "warning".
    """

    file: str
    line: int
    rule: str
    level: str
    message: str

    @property
    def fix(self) -> str:
        return RULES[self.rule]

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def lint(source: Source, language: Language) -> list[Finding]:
    """Return everything that is found, by place."""
    form = Form(source.template.spec.parameters)
    found = [*_metadata(source), *_included(source), *_filters(source, language)]
    try:
        form.check(source.fault)
    except TemplateError as error:  # what reads parameters is judged when there are some
        found += [_from_fault(fault, "parameter-schema", "error") for fault in error.faults]
    else:
        found += [*_schema(source, form), *_wiring(source, form, language), *_steps(source, form)]
    rendering = [
        (index, each.input)
        for index, each in enumerate(source.template.spec.steps)
        if each.action in _RENDERING
    ]
    for index, step in rendering:
        # What only one of the steps that render a skeleton gives is left out by the others on purpose.
        given = [other.get("values") for _, other in rendering if other.get("url") == step.get("url")]
        found += _skeleton(source, index, step, given, language)
    for index, each in enumerate(source.template.spec.steps):
        if each.action == "fetch:cookiecutter":
            found += _cookiecutter(source, index, each.input)
    return sorted(set(found))


def _from_fault(fault: Fault, rule: str, level: str) -> Finding:
    file, colon, line = fault.where.rpartition(":")
    if not colon or not line.isdigit():
        return Finding(fault.where, 0, rule, level, fault.message)
    return Finding(file, int(line), rule, level, fault.message)


def _included(source: Source) -> Iterator[Finding]:
    whole = source.template.model_dump(by_alias=True, exclude_unset=True)
    for at in nested_placeholders(whole):
        message = "stays as it is: what a file brings is not searched again"
        yield _from_fault(source.fault(at, message), "reference", "error")


def _wiring(source: Source, form: Form, language: Language) -> Iterator[Finding]:
    findings = wiring.check(source, form, language)
    for fault in (*findings.errors, *findings.warnings):
        place = _AT.match(fault.message)
        key = place[1] if place else ""
        if key == "action":
            yield _from_fault(fault, "unknown-action", "error")
        elif key == "input" and "has no input" in fault.message:
            if ".copyWithoutRender:" not in fault.message:
                yield _from_fault(fault, "unknown-input", "warning")
        elif key == "input" and "needs the input" in fault.message:
            yield _from_fault(fault, "missing-input", "error")
        elif key == "id" or "is not a key that a step has" in fault.message:
            yield _from_fault(fault, "step", "warning")
        else:
            yield _from_fault(fault, "reference", "error")


_TEXT = {"type": "string", "minLength": 1}
_IF = {"type": ["string", "boolean"]}
# What a portal checks of a template besides what one cannot be read without.
_PORTAL = {
    "properties": {
        "metadata": {
            "properties": {
                "title": _TEXT,
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "links": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["url"],
                        "properties": {"url": _TEXT, "title": _TEXT, "icon": _TEXT},
                    },
                },
            }
        },
        "spec": {
            "properties": {
                "type": _TEXT,
                "owner": _TEXT,
                "lifecycle": _TEXT,
                "presentation": {
                    "type": "object",
                    "properties": {
                        "buttonLabels": {"type": "object", "additionalProperties": {"type": "string"}}
                    },
                },
                "steps": {"items": {"properties": {"if": _IF}}},
                "output": {
                    "properties": {
                        "links": {
                            "items": {
                                "properties": {"if": _IF, "url": _TEXT, "entityRef": _TEXT, "title": _TEXT}
                                | {"icon": _TEXT}
                            }
                        },
                        "text": {
                            "items": {
                                "properties": {"if": _IF, "title": _TEXT, "icon": _TEXT}
                                | {"content": {"type": "string"}}
                            }
                        },
                    },
                    "additionalProperties": {"type": "string"},
                },
            }
        },
    }
}


def _metadata(source: Source) -> Iterator[Finding]:
    """Look for what a portal's catalog refuses."""
    whole = source.template.model_dump(by_alias=True, exclude_unset=True)
    for error in conditions.validator(_PORTAL).iter_errors(whole):
        kind = error.kind.as_dict()
        if "types" in kind:
            wanted = " or ".join(wording.TYPES[each] for each in reversed(kind["types"]))
            message = f"must be {wanted}, and is {wording.kind_of(error.instance)}"
        else:
            message = f"has no {kind['property']}" if "property" in kind else "is empty"
        yield _from_fault(source.fault(tuple(error.instance_path), message), "metadata", "error")
    metadata = source.template.metadata
    if not _ENTITY_NAME.fullmatch(metadata.name):
        message = f"'{metadata.name}' is not a name: use letters and digits, between them '-', '_' and '.'"
        yield _from_fault(source.fault(("metadata", "name"), message), "metadata", "error")
    for index, tag in enumerate(metadata.tags):
        if len(tag) > MAX_LABEL or not _TAG.fullmatch(tag):
            message = (
                f"'{tag}' is not a tag: use lower case letters, digits, ':', '+' and '#', between them '-'"
            )
            yield _from_fault(source.fault(("metadata", "tags", index), message), "metadata", "error")


def _schema(source: Source, form: Form) -> Iterator[Finding]:
    for number, page in enumerate(form.pages):
        at = ("spec", "parameters", number)
        for name in page.get("required") or []:
            if name not in form.properties:
                near = closest(name, form.properties)
                fault = source.fault((*at, "required"), f"'{name}' is required and not described{near}")
                yield _from_fault(fault, "parameter-schema", "error")
        for name, schema in (page.get("properties") or {}).items():
            place = (*at, "properties", name)
            if not isinstance(schema, Mapping):
                continue
            # A default that is null, and named among the choices, is there to make somebody choose.
            is_open = schema.get("default") is None and None in (schema.get("enum") or [])
            if (
                "default" in schema
                and not is_open
                and not conditions.matches(_plain(schema), schema["default"])
            ):
                fault = source.fault((*place, "default"), "the default is not what the schema allows")
                yield _from_fault(fault, "parameter-schema", "error")
            for value in _without_branch(name, schema, page):
                message = f"{value!r} has no branch among the dependencies of '{name}', so that it is refused"
                yield _from_fault(source.fault((*place, "enum"), message), "parameter-schema", "warning")
            names, choices = schema.get("enumNames"), schema.get("enum")
            if isinstance(names, list) and isinstance(choices, list) and len(names) != len(choices):
                fault = source.fault((*place, "enumNames"), f"{len(names)} names for {len(choices)} choices")
                yield _from_fault(fault, "parameter-schema", "warning")


def _without_branch(name: str, schema: Mapping[str, Any], page: Mapping[str, Any]) -> list[Any]:
    """Return the choices of a parameter that none of its dependency's branches is about."""
    dependency = (page.get("dependencies") or {}).get(name)
    branches = dependency.get("oneOf") if isinstance(dependency, Mapping) else None
    found = [(each.get("properties") or {}).get(name) for each in branches or []]
    about = [each for each in found if isinstance(each, Mapping)]
    if len(about) < max(len(found), 1):
        return []
    return [
        value
        for value in schema.get("enum") or []
        if not any(conditions.matches(each, value) for each in about)
    ]


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if ":" not in key}


def _steps(source: Source, form: Form) -> Iterator[Finding]:
    secrets = {name for name, prop in form.properties.items() if prop.is_secret}
    for index, step in enumerate(source.template.spec.steps):
        at = ("spec", "steps", index, "input")
        if step.action in _RENDERING and step.input.get("copyWithoutRender"):
            message = "is ignored by every portal of today: the files are rendered"
            fault = source.fault((*at, "copyWithoutRender"), message)
            yield _from_fault(fault, "copy-without-render", "error")
        if isinstance(step.condition, str) and step.condition.strip() and is_plain(step.condition):
            message = f"'{step.condition}' has no expression, so that it always holds"
            fault = source.fault(("spec", "steps", index, "if"), message)
            yield _from_fault(fault, "missing-dollar", "warning")
        address = step.input.get("repoUrl")
        if isinstance(address, str) and is_plain(address) and actions.exists(step.action):
            try:
                repository_from(address)
            except InputError as error:
                yield _from_fault(source.fault((*at, "repoUrl"), str(error)), "step", "error")
        for path, text in texts(step.input):
            for found in _NAKED.finditer(text):
                if found[2] != "values":
                    message = f"{_short(found[0])}: has no '$' before it, so that it is passed on as it is"
                    yield _from_fault(source.fault((*at, *path), message), "missing-dollar", "warning")
            for reading in _readings(text, Spelling()):
                root, *rest = reading.chain
                if root == "secrets" and step.action == "debug:log":
                    fault = source.fault(
                        (*at, *path), f"{'.'.join(reading.chain)} would be written into the log"
                    )
                    yield _from_fault(fault, "secret-logged", "error")
                if root == "parameters" and rest and rest[0] in secrets:
                    fault = source.fault((*at, *path), f"{rest[0]} is a secret")
                    yield _from_fault(fault, "secret-as-parameter", "error")


def _filters(source: Source, language: Language) -> Iterator[Finding]:
    """Look for filters of a portal's own: without them it passes the text on as it is."""
    steps = [
        {"if": step.condition, "each": step.each, "input": step.input} for step in source.template.spec.steps
    ]
    spec = {"steps": steps, "output": source.template.spec.output.model_dump(exclude_unset=True)}
    for path, text in texts(spec):
        for reading, message in _unknown_filters(_parsed(text, Spelling()), language):
            shown = f"{reading.shown[:80]}: {message}; the text is passed on as it is"
            yield _from_fault(source.fault(("spec", *path), shown), "unknown-filter", "error")


def _unknown_filters(body: syntax.Body, language: Language) -> Iterator[tuple[Reading, str]]:
    if not language.is_portal:  # Jinja2's filters are checked when a template is compiled
        return
    for reading in filters_used(body):
        (name,) = reading.chain
        if name not in (known := {*FILTERS, *host.FILTERS, "jsonify"}) and name not in plugged_in():
            yield reading, f"there is no filter '{name}'{closest(name, known)}"


def _readings(text: str, spelling: Spelling) -> list[Reading]:
    return names_read(_parsed(text, spelling))


def _parsed(text: str, spelling: Spelling) -> syntax.Body:
    try:
        return [] if is_plain(text) and not spelling.compat else syntax.parse(text, spelling)
    except EngineError:
        return []  # is found elsewhere


def _skeleton(
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
        entries = _entries(folder)
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
    globs = step.get("copyWithoutTemplating")
    copied = matching(entries, tuple(map(str, globs)) if isinstance(globs, list) else ())
    shown = posixpath.normpath(url)
    for path in rendered_folders(entries):
        found = _text(f"{path}/", spelling, known, posixpath.join(shown, path), is_path=True)
        yield from (each for each in found if each.rule == "syntax")
    for pattern in globs if isinstance(globs, list) else ():
        if isinstance(pattern, str) and not set("*?[{!") & set(pattern) and not matching(entries, (pattern,)):
            message = f"'{pattern}' is the path of no file in {shown}: it is matched against the whole path"
            at = ("spec", "steps", index, "input", "copyWithoutTemplating")
            yield _from_fault(source.fault(at, message), "reference", "warning")
    for path in entries:
        if path and folder / path == source.file:
            message = f"the template itself is in its skeleton {url}, and is rendered with it"
            at = ("spec", "steps", index, "input", "url")
            yield _from_fault(source.fault(at, message), "reference", "warning")
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


def _cookiecutter(source: Source, index: int, step: Mapping[str, Any]) -> Iterator[Finding]:
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


def _unreadable(source: Source, index: int, error: Exception) -> Finding:
    said = "; ".join(filter(None, (str(error), getattr(error, "hint", ""))))
    return _from_fault(source.fault(("spec", "steps", index, "input", "url"), said), "reference", "error")


class _Known(Struct, frozen=True):
    """What a skeleton can refer to. names: of the values, or None when they are not known."""

    step: str
    root: str
    names: set[str] | None
    language: Language


def _text(text: str, spelling: Spelling, known: _Known, place: str, *, is_path: bool) -> Iterator[Finding]:
    """Look at one rendered text, a file's or a path."""

    def finding(line: int, rule: str, level: str, message: str) -> Finding:
        return Finding(place, 0 if is_path else line, rule, level, message)

    body: syntax.Body = []
    for _ in range(_MOST_ERRORS):
        try:
            body = syntax.parse(text, spelling)
            break
        except EngineError as error:
            shown, rule = _short(error.expression), "syntax"
            if error.expression.startswith("{#") and "has no" in error.message:
                rule = "comment-opening"
            if _ELSEWHERE.search(error.expression):
                yield finding(
                    error.line, "foreign-expression", "error", f"{shown}: is rendered here, and fails"
                )
            else:
                yield finding(error.line, rule, "error", f"{shown}: {error.message}")
            shorter = _without(text, error)
            if shorter == text:
                return
            text = shorter
    for at, message in _naked(text, spelling, known):
        yield finding(at, "missing-dollar", "warning", message)
    for number, line in enumerate(text.split("\n"), start=1) if "${#" in text else ():
        if "${#" in line and "{% raw" not in line:
            yield finding(
                number, "comment-opening", "warning", "${# opens a comment, which ends at the next #}"
            )
    for reading, message in _unknown_filters(body, known.language):
        yield finding(reading.line, "unknown-filter", "error", f"{_short(reading.shown)}: {message}")
    asked = {chain[1] for chain in names_asked(body) if chain[0] == known.root and len(chain) > 1}
    readings = names_read(body)
    foreign = {
        (reading.line, reading.shown)
        for reading in readings
        if reading.chain[0] in _FOREIGN or (reading.chain[0] in {"secrets", "steps"} and not is_path)
    }
    for reading in readings:
        root, *rest = reading.chain
        shown = _short(reading.shown)
        if root == known.root:
            if rest and known.names is not None and rest[0] not in known.names:
                near = closest(rest[0], known.names)
                if rest[0] in asked and not near:
                    continue  # the file provides for its absence, and it is no slip of the pen
                message = f"{shown}: the step '{known.step}' gives no value '{rest[0]}'{near}; it is empty"
                yield finding(reading.line, "undefined-value", "warning", message)
        elif root == "values" and spelling.compat:
            message = f"{shown}: the step '{known.step}' has cookiecutterCompat, which calls it cookiecutter"
            yield finding(reading.line, "undefined-value", "warning", message)
        elif root in _FOREIGN or (root in {"secrets", "steps"} and not is_path):
            message = f"{shown}: is rendered here, where '{root}' is nothing"
            yield finding(reading.line, "foreign-expression", "error", message)
        elif (reading.line, reading.shown) in foreign:
            continue  # its other names are of the same other language
        elif root not in _GLOBALS and not (spelling.compat and root in {"True", "False", "None"}):
            message = f"{shown}: nothing is called '{root}' in a skeleton; it is empty"
            yield finding(reading.line, "undefined-value", "warning", message)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


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
        for found in _NAKED.finditer(text):
            root, name = found[2], found[3]
            if root == "cookiecutter" or (root == "values" and (known.names is None or name in known.names)):
                yield (
                    text.count("\n", 0, found.start()) + 1,
                    f"{_short(found[0])}: has no '$' before it, so that it is copied as it is",
                )
    for number, line in enumerate(text.split("\n"), start=1) if "${%" in text else ():
        if "${%" in line:
            yield number, "${%: the '$' is written before what the block gives"


def _extension(value: Any) -> str:
    if value is True:
        return ".njk"
    return f".{value.lstrip('.')}" if isinstance(value, str) and value else ""


def sarif(findings: Iterable[Finding], version: str) -> dict[str, Any]:
    """Return findings as SARIF 2.1.0, which code hosts show beside the lines."""
    listed = list(findings)
    rules = sorted({finding.rule for finding in listed})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kickstart",
                        "version": version,
                        "rules": [{"id": rule, "help": {"text": RULES[rule]}} for rule in rules],
                    }
                },
                "results": [
                    {
                        "ruleId": finding.rule,
                        "level": finding.level,
                        "message": {"text": f"{finding.message} ({finding.fix})"},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": finding.file},
                                    "region": {"startLine": max(1, finding.line)},
                                }
                            }
                        ],
                    }
                    for finding in listed
                ],
            }
        ],
    }
