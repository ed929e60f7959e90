"""Parameter pages as questions, each answer checked as it is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from rich.console import Console as Rich
from rich.markup import escape
from rich.prompt import Confirm, Prompt

from kickstart.cli.console import printable
from kickstart.template import conditions
from kickstart.template.parameters import Form, Given
from kickstart.template.property import Property, choices, document_text, items_of

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
    # What was given by a default source (the login name) is offered, not taken for granted.
    settled = {name for name, item in given.items() if item.source not in {"your login name", _OFFERED}}
    asking = _Asking(form, dict(given), settled, list(form.pages), everything)
    for number in range(len(form.pages)):
        asking.page(number)
    return asking.answers


class _Asking(Struct):
    """The questions of one form. settled: what is not asked any more.

    pages: as they are by now, with the branches that were chosen in the place of the choice.
    """

    form: Form
    answers: dict[str, Given]
    settled: set[str]
    pages: list[dict[str, Any]]
    everything: bool
    begun: int = -1

    def page(self, number: int) -> None:
        """Ask what one page asks for."""
        page = self.form.pages[number]
        branching = [key for key in ("oneOf", "anyOf") if _is_choice(page.get(key))]
        # What a page says in any case comes first, as in a portal: it may tell which branch is meant.
        self.pages[number] = {key: part for key, part in page.items() if key not in branching}
        self._questions(number)
        for key in branching:
            self._choice(number, page[key])
            self._questions(number)

    def _questions(self, number: int) -> None:
        while True:
            values, shown = self._state()
            page = self.pages[number]
            active = self.form.active(page, values) if page in shown else {}
            todo = [prop for name, prop in active.items() if name not in self.settled and _is_asked(prop)]
            if not self.everything:
                todo = [prop for prop in todo if prop.required and values.get(prop.name) is None]
            if not todo:
                return
            self._begin(number, shown)
            prop = todo[0]
            self.settled.add(prop.name)
            ask_for = _members if prop.schema.get("properties") else _question
            answer = ask_for(self.form, prop, values.get(prop.name))
            if answer is not None:
                self.answers[prop.name] = Given(answer, _SOURCE)

    def _choice(self, number: int, options: list[dict[str, Any]]) -> None:
        """Put a branch into the page: the one that the answers leave, else the one that is chosen."""
        values, shown = self._state()
        page = self.pages[number]
        if page not in shown:
            return
        known = {name: value for name, value in values.items() if name in self.settled}
        fitting = _fitting(options, known)
        matching = [option for option in fitting if conditions.matches(option, values)]
        chosen = (matching or fitting)[0]
        if len(fitting) > 1 and (self.everything or not matching):
            self._begin(number, shown)
            names = [
                (option, str(option.get("title") or f"Option {at}")) for at, option in enumerate(options, 1)
            ]
            chosen = _branch([each for each in names if each[0] in fitting], chosen)
        self.pages[number] = {**page, "allOf": [*(page.get("allOf") or []), chosen]}
        # What no question is asked about may be what tells the branch from the others.
        values, _ = self._state()
        for name, prop in self.form.active(chosen, values).items():
            if name in values and name not in self.answers and not _is_asked(prop):
                self.answers[name] = Given(values[name], _SOURCE)

    def _state(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return conditions.settled(self.pages, _plain_values(self.form, self.answers))

    def _begin(self, number: int, shown: list[dict[str, Any]]) -> None:
        if self.begun < number:
            self.begun = number
            _heading(self.form.pages[number], shown.index(self.pages[number]) + 1, len(shown))


def _is_choice(options: Any) -> bool:
    """Tell whether a portal's form lets its user choose among the branches, and that makes a difference."""
    return (
        isinstance(options, list)
        and len(options) > 1
        and all(isinstance(option, Mapping) for option in options)
        and any(option.get("properties") for option in options)
    )


def _fitting(options: list[dict[str, Any]], known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the branches that the answers so far leave; the first where they leave none."""
    described = [conditions.mapping(option, "properties") for option in options]
    # One that only some branches know was given for one of these.
    telling = [name for name in known if 0 < sum(name in each for each in described) < len(options)]
    found = [
        option
        for option, properties in zip(options, described, strict=True)
        if all(name in properties for name in telling)
        and all(conditions.matches(properties[name], known[name]) for name in known if name in properties)
    ]
    return found or options[:1]


def _branch(options: list[tuple[dict[str, Any], str]], default: dict[str, Any]) -> dict[str, Any]:
    """Ask for one of several branches, by its title or its number."""
    for position, (option, title) in enumerate(options, start=1):
        _rich.print(f"  {position}. {_safe(title)}")
        for line in str(option.get("description") or "").splitlines():
            _rich.print(f"     [dim]{_safe(line)}[/dim]")
    offered = next(title for option, title in options if option is default)
    while True:
        text = Prompt.ask(
            f"Which one [cyan]({_safe(offered)})[/cyan]", console=_rich, default="", show_default=False
        ).strip()
        for position, (option, title) in enumerate(options, start=1):
            if (text or offered) in {title, str(position)}:
                return option
        _rich.print(f"  [red]{_safe(repr(text))} is not one of them[/red]")


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
