"""What is wrong with a template itself: its entity, its form and its steps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kickstart import actions, wiring
from kickstart.actions.base import InputError
from kickstart.errors import Fault
from kickstart.lint.expressions import NAKED, parsed, readings, unknown_filters
from kickstart.lint.finding import Finding, from_fault, short
from kickstart.naming import MAX_LABEL, closest
from kickstart.template import conditions, wording
from kickstart.template.catalog import Source
from kickstart.template.dialect.scanner import Spelling
from kickstart.template.dialect.syntax import Text
from kickstart.template.expressions import texts
from kickstart.template.language import Language, is_plain
from kickstart.template.parameters import Form
from kickstart.template.placeholders import nested

RENDERING = frozenset({"fetch:template", "fetch:template:file"})
_ENTITY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_TAG = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
_AT = re.compile(r"spec\.(?:steps\.\d+\.(\w+)|output)")
_PARAMETER = re.compile(r"\s*\$\{\{-?\s*parameters\.(\w+)\s*-?\}\}\s*")
_TEXT = {"type": "string", "minLength": 1}
_IF = {"type": ["string", "boolean"]}
# What a portal checks of a template besides what one cannot be read without.
_PORTAL = {
    "additionalProperties": False,
    "properties": {
        **{key: {} for key in ("apiVersion", "kind", "relations", "status")},
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
    },
}


def entity(source: Source) -> Iterator[Finding]:
    """Look for what a portal's catalog refuses."""
    whole = source.template.model_dump(by_alias=True, exclude_unset=True)
    for error in conditions.validator(_PORTAL).iter_errors(whole):
        kind = error.kind.as_dict()
        if "unexpected" in kind:
            for key in kind["unexpected"]:
                said = f"is no key of a template{closest(key, ('metadata', 'spec'))}"
                yield from_fault(source.fault((key,), said), "metadata", "error")
            continue
        if "types" in kind:
            wanted = " or ".join(wording.TYPES[each] for each in reversed(kind["types"]))
            message = f"must be {wanted}, and is {wording.kind_of(error.instance)}"
        else:
            message = f"has no {kind['property']}" if "property" in kind else "is empty"
        yield from_fault(source.fault(tuple(error.instance_path), message), "metadata", "error")
    metadata = source.template.metadata
    if not _ENTITY_NAME.fullmatch(metadata.name):
        message = f"'{metadata.name}' is not a name: use letters and digits, between them '-', '_' and '.'"
        yield from_fault(source.fault(("metadata", "name"), message), "metadata", "error")
    for index, tag in enumerate(metadata.tags):
        if len(tag) > MAX_LABEL or not _TAG.fullmatch(tag):
            message = (
                f"'{tag}' is not a tag: use lower case letters, digits, ':', '+' and '#', between them '-'"
            )
            yield from_fault(source.fault(("metadata", "tags", index), message), "metadata", "error")


def placeholders(source: Source) -> Iterator[Finding]:
    """Look for placeholders in the files that placeholders bring."""
    whole = source.template.model_dump(by_alias=True, exclude_unset=True)
    for at in nested(whole):
        message = "stays as it is: what a file brings is not searched again"
        yield from_fault(source.fault(at, message), "reference", "error")


def references(source: Source, form: Form, language: Language) -> Iterator[Finding]:
    """Look for actions, inputs, steps, outputs and parameters that do not exist."""
    findings = wiring.check(source, form, language)
    for fault in (*findings.errors, *findings.warnings):
        place = _AT.match(fault.message)
        key = place[1] if place else ""
        if key == "action" and "only a portal has" in fault.message and language.is_portal:
            yield from_fault(fault, "portal-action", "note")
        elif key == "action":
            yield from_fault(fault, "unknown-action", "error")
        elif key == "input" and "has no input" in fault.message:
            said = fault.message.replace("it is ignored", "kickstart ignores it")
            yield from_fault(Fault(fault.where, said), "unknown-input", "warning")
        elif key == "input" and "needs the input" in fault.message:
            yield from_fault(fault, "missing-input", "error")
        elif key == "id" or "is not a key that a step has" in fault.message:
            yield from_fault(fault, "step", "warning")
        else:
            yield from_fault(fault, "reference", "error")


def inputs(source: Source, form: Form) -> Iterator[Finding]:
    """Look at each step's condition and inputs: what is no expression, and what gives a secret away."""
    secrets = {name for name, prop in form.properties.items() if prop.is_secret}
    for index, step in enumerate(source.template.spec.steps):
        at = ("spec", "steps", index, "input")
        if step.action == "fetch:template" and step.input.get("copyWithoutRender"):
            message = "is ignored by every portal of today: the files are rendered"
            fault = source.fault((*at, "copyWithoutRender"), message)
            yield from_fault(fault, "copy-without-render", "error")
        message = _always_holds(step.condition) if isinstance(step.condition, str) else ""
        if message:
            fault = source.fault(("spec", "steps", index, "if"), message)
            yield from_fault(fault, "missing-dollar", "warning")
        address = step.input.get("repoUrl")
        if isinstance(address, str) and is_plain(address) and actions.exists(step.action):
            try:
                actions.repository(step.action, address)
            except InputError as error:
                yield from_fault(source.fault((*at, "repoUrl"), str(error)), "step", "error")
        for path, text in texts(step.input):
            for found in NAKED.finditer(text):
                if found[2] != "values":
                    message = f"{short(found[0])}: has no '$' before it, so that it is passed on as it is"
                    yield from_fault(source.fault((*at, *path), message), "missing-dollar", "warning")
            for reading in readings(text, Spelling()):
                root, *rest = reading.chain
                if root == "secrets" and step.action == "debug:log":
                    fault = source.fault(
                        (*at, *path), f"{'.'.join(reading.chain)} would be written into the log"
                    )
                    yield from_fault(fault, "secret-logged", "error")
                if root == "parameters" and rest and rest[0] in secrets:
                    fault = source.fault((*at, *path), f"{rest[0]} is a secret")
                    yield from_fault(fault, "secret-as-parameter", "error")


def _always_holds(condition: str) -> str:
    """Say why a condition holds whatever its expressions come to, or nothing."""
    if is_plain(condition):
        return f"'{condition}' has no expression, so that it always holds" if condition.strip() else ""
    words = [tag.shown.strip() for tag in parsed(condition, Spelling()) if isinstance(tag, Text)]
    beside = " ".join(filter(None, words))
    return f"'{beside}' stands beside the expressions, so that it always holds: write one" if beside else ""


def optional(source: Source, form: Form) -> Iterator[Finding]:
    """Look for inputs that a step needs and that nobody has to give: alone, a parameter may have no value."""
    for index, step in enumerate(source.template.spec.steps):
        if not actions.exists(step.action) or step.condition is not None:
            continue
        model = actions.load(step.action).Input
        for name, field in model.model_fields.items():
            key = field.alias or name
            written = step.input.get(key)
            found = _PARAMETER.fullmatch(written) if isinstance(written, str) else None
            if found and field.is_required() and _may_be_missing(form, found[1]):
                message = f"{step.action} needs it, and '{found[1]}' is neither required nor has a default"
                at = ("spec", "steps", index, "input", key)
                yield from_fault(source.fault(at, message), "missing-input", "warning")


def _may_be_missing(form: Form, name: str) -> bool:
    """Tell whether a form can be sent without a parameter, as far as no other one decides on it."""
    found = form.properties.get(name)
    if found is None or found.required or found.when is not None or name in form.sometimes_required:
        return False
    schema = found.schema
    # A form gives a list or a mapping even when nobody has filled it in, and a picker its address.
    filled = schema.get("type") in {"array", "object"} or schema.get("ui:field") == "RepoUrlPicker"
    return not filled and not {"default", "const"} & {*schema}


def filters(source: Source, language: Language) -> Iterator[Finding]:
    """Look for filters of a portal's own: without them it passes the text on as it is."""
    steps = [
        {"if": step.condition, "each": step.each, "input": step.input} for step in source.template.spec.steps
    ]
    spec = {"steps": steps, "output": source.template.spec.output.model_dump(exclude_unset=True)}
    for path, text in texts(spec):
        for reading, message in unknown_filters(parsed(text, Spelling()), language):
            shown = f"{reading.shown[:80]}: {message}; the text is passed on as it is"
            yield from_fault(source.fault(("spec", *path), shown), "unknown-filter", "error")
