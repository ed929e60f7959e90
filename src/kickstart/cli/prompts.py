"""Parameter pages as questions, each answer checked as it is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console as Rich
from rich.markup import escape
from rich.prompt import Confirm, Prompt

from kickstart.cli.console import printable
from kickstart.template import conditions
from kickstart.template.parameters import Form, Given, Property, choices, document_text, items_of

_rich = Rich(stderr=True, highlight=False)
_SOURCE = "your answer"
_OFFERED = "the default"


def confirm(question: str) -> bool:
    """Ask a question with a yes or a no; yes is the default."""
    return Confirm.ask(_safe(question), default=True, console=_rich)


def typed(question: str, expected: str) -> bool:
    """Tell whether the answer is exactly what was asked for."""
    return Prompt.ask(_safe(question), console=_rich, default="", show_default=False).strip() == expected


def ask(form: Form, given: Mapping[str, Given], *, everything: bool = True) -> dict[str, Given]:
    """Ask for every active parameter that nobody gave, page by page; or only for what has no value then."""
    answers = dict(given)
    # What was given by a default source (the login name) is offered, not taken for granted.
    offered = {name: item for name, item in answers.items() if item.source in {"your login name", _OFFERED}}
    settled = {name for name in answers if name not in offered}
    for page in form.pages:
        started = False
        while True:
            values, shown = conditions.settled(form.pages, _plain_values(form, answers))
            if page not in shown:
                break
            active = form.active(page, values)
            todo = [prop for name, prop in active.items() if name not in settled and _is_asked(prop)]
            if not everything:
                todo = [prop for prop in todo if prop.required and values.get(prop.name) is None]
            if not todo:
                break
            if not started:
                _heading(page, shown.index(page) + 1, len(shown))
                started = True
            prop = todo[0]
            settled.add(prop.name)
            ask_for = _members if prop.schema.get("properties") else _question
            answer = ask_for(form, prop, values.get(prop.name))
            if answer is not None:
                answers[prop.name] = Given(answer, _SOURCE)
    return answers


def _members(form: Form, prop: Property, default: Any) -> Any:
    """Ask for the members of a mapping as for the parameters of a page, conditions of its own included."""
    inner = Form([{**prop.schema, "title": prop.title}])
    known = default if isinstance(default, Mapping) else {}
    # What the outer default says of a member is offered in the place of the member's own.
    given = {name: Given(value, _OFFERED) for name, value in known.items() if name in inner.properties}
    answers = ask(inner, given)
    found = {**known, **{name: item.value for name, item in answers.items()}}
    return found if found or prop.required else None


def _is_asked(prop: Property) -> bool:
    return prop.schema.get("ui:widget") != "hidden" and "const" not in prop.schema


def _plain_values(form: Form, answers: Mapping[str, Given]) -> dict[str, Any]:
    """Return the answers as typed values, those that cannot be converted left out."""
    values = {}
    for name, item in answers.items():
        if name not in form.properties:
            continue
        try:
            values[name] = form.convert(name, item.value) if item.text else item.value
        except ValueError:
            continue
    return values


def _heading(page: Mapping[str, Any], number: int, total: int) -> None:
    title = page.get("title") or f"Page {number}"
    _rich.print()
    counted = f" [dim]({number} of {total})[/dim]" if total > 1 else ""
    _rich.print(f"[bold]{_safe(str(title))}[/bold]{counted}")
    if page.get("description"):
        _rich.print(_safe(str(page["description"]).strip()))


def _question(form: Form, prop: Property, default: Any) -> Any:
    for text in (prop.schema.get("description"), prop.schema.get("ui:help"), _how_to_write(prop.schema)):
        for line in str(text or "").splitlines():
            _rich.print(f"  [dim]{_safe(line)}[/dim]")
    is_list = prop.schema.get("type") == "array"
    known = choices(items_of(prop.schema) if is_list else prop.schema)
    for position, (value, label) in enumerate(known, start=1):
        shown = document_text(value)
        _rich.print(
            f"  {position}. {_safe(shown)}" + (f"  [dim]{_safe(label)}[/dim]" if label != shown else "")
        )
    while True:
        text = _read(prop, default)
        if not text and default is None:
            if not prop.required:
                return None
            _rich.print("  [red]an answer is required[/red]")
            continue
        if not text:
            return default
        try:
            value = _picked(text, known) if is_list else _chosen(text, known)
            if value is None:
                value = form.convert(prop.name, text)
        except ValueError as error:
            _rich.print(f"  [red]{_safe(str(error))}[/red]")
            continue
        problem = form.problem(prop, value)
        if problem is None:
            return value
        _rich.print(f"  [red]{_safe(problem)}[/red]")


def _read(prop: Property, default: Any) -> str:
    """Read one answer; an empty one stands for the default."""
    shown = ""
    if default is not None and not prop.is_hidden:
        shown = document_text(default) if choices(prop.schema) else _shown(default)
    label = f"{_safe(prop.title)}" + (f" [cyan]({_safe(shown)})[/cyan]" if shown else "")
    return Prompt.ask(label, console=_rich, password=prop.is_hidden, default="", show_default=False).strip()


def _shown(default: Any) -> str:
    """Return a default as it could be typed."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    parts = default if isinstance(default, list) else [default]
    if any(isinstance(part, dict | list) for part in parts):
        return json.dumps(default, ensure_ascii=False)
    return ",".join(map(document_text, parts))


def _how_to_write(schema: Mapping[str, Any]) -> str:
    """Say how a list or a mapping is typed; nothing for other answers."""
    kind, inner = schema.get("type"), schema if schema.get("type") == "object" else items_of(schema)
    if inner.get("type") == "object":
        pairs = ", ".join(f"{name}: ..." for name in inner.get("properties") or {}) or "NAME: VALUE"
        return f"write {'{' + pairs + '}' if kind == 'object' else '[{' + pairs + '}, ...]'}"
    return "several are separated by commas" if kind == "array" else ""


def _picked(text: str, known: list[tuple[Any, str]]) -> list[Any] | None:
    """Return the choices that were typed, separated by commas; what is none of them stays as it is."""
    if not known or text.startswith("["):
        return None
    parts = [part.strip() for part in text.split(",")]
    found = [(_chosen(part, known), part) for part in parts if part]
    return [part if value is None else value for value, part in found]


def _chosen(text: str, known: list[tuple[Any, str]]) -> Any:
    """Return the choice that was typed, by its number, value or label."""
    for position, (value, label) in enumerate(known, start=1):
        if text in {document_text(value), label, str(position)}:
            return value
    return None


def _safe(text: str) -> str:
    """Keep rich from reading a template's text as its own markup, and a terminal from obeying it."""
    return escape(printable(text))
