"""What a shell is told of the word that its user is typing. Loaded only where one asks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from kickstart import settings
from kickstart.template import catalog, elsewhere

Suggest = Callable[[Mapping[str, Any]], Iterable[str]]

_SAFE = re.compile(r"[\w.=/@+-]+", re.ASCII)  # what no shell reads as anything but a word


class Word(Struct, frozen=True):
    """A word as Typer hands it to a shell."""

    value: str
    help: str = ""
    type: str = "plain"


def attach(command: Any) -> None:
    """Give the parameters of a command, and of those below it, what their values could be."""
    for each in getattr(command, "commands", {}).values():
        attach(each)
    for parameter in command.params:
        metavar = str(parameter.metavar or "").strip("[]")
        if parameter.param_type_name == "argument" or metavar != "NAME":
            suggest = _BY_METAVAR.get(metavar, partial(_words, metavar))
            parameter.shell_complete = _completer(suggest)


def _completer(suggest: Suggest) -> Callable[[Any, str], list[Word]]:
    def complete(context: Any, typed: str) -> list[Word]:
        try:
            words = list(suggest(context.params))
        except Exception:  # a shell is no place for an error of a template or a file
            return []
        return [Word(word) for word in words if word.startswith(typed) and _SAFE.fullmatch(word)]

    return complete


def _words(metavar: str, given: Mapping[str, Any]) -> Iterable[str]:
    """The few that there are, as in `text|json`."""
    return metavar.split("|") if "|" in metavar else ()


def _projects(given: Mapping[str, Any]) -> Iterable[str]:
    """Those that were created here."""
    journals = settings.home(os.environ).state / "journal"
    return sorted(path.stem for path in journals.glob("*.jsonl"))


def _templates(given: Mapping[str, Any]) -> Iterable[str]:
    return catalog.builtin_names()


def _parameters(given: Mapping[str, Any]) -> Iterable[str]:
    """Those of the template that was named before, or of the one that settings name; with known values."""
    from kickstart.template.parameters import Form
    from kickstart.template.property import choices, document_text

    home = settings.home(os.environ)
    named = {"template": given.get("template")}
    chosen = settings.resolve(named, os.environ, Path.cwd(), home.config).get("template")
    source = catalog.find(chosen, elsewhere.stay_here)  # nobody waits for a clone at a prompt
    for name, known in Form(source.template.spec.parameters).properties.items():
        if known.is_hidden:  # it has no place in a command
            continue
        values = [document_text(value) for value, _ in choices(known.schema)]
        if not values and known.schema.get("type") == "boolean":
            values = ["true", "false"]
        yield from (f"{name}={value}" for value in values)
        if not values:
            yield f"{name}="


def _contexts(given: Mapping[str, Any]) -> Iterable[str]:
    """Those of the kubeconfig; read as YAML, since a cluster's client takes longer than a prompt may."""
    from kickstart import document

    named = given.get("kubeconfig") or os.environ.get("KUBECONFIG") or "~/.kube/config"
    for file in named.split(os.pathsep):
        path = Path(file).expanduser()
        if path.is_file():
            yield from (each["name"] for each in document.load(path.read_text("utf-8"))["contexts"])


_BY_METAVAR: Mapping[str, Suggest] = {
    "NAME": _projects,
    "NAME|PATH": _projects,
    "TEMPLATE": _templates,
    "KEY=VALUE": _parameters,
    "CONTEXT": _contexts,
    "FORGE": lambda given: ("github", "local"),
}
