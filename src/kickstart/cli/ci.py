"""What a pipeline on GitHub Actions sees of a result besides its text: annotations, outputs, a summary."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kickstart.cli.console import printable

_PLACE = re.compile(r"(.+?\.[A-Za-z0-9]+):([1-9][0-9]*)(?:\s.*)?")
_SUMMARISED = {
    "Create": "create",
    "Batch": "create --batch",
    "PreviewCreate": "preview create",
    "PreviewDelete": "preview delete",
    "PreviewCollection": "preview gc",
    "Promotion": "promote",
    "Update": "update",
}
_OUTPUTS = {
    "project": "project",
    "repository": "repository",
    "branch": "branch",
    "commit": "commit",
    "pullRequest": "pull-request",
    "digest": "digest",
}
_PREVIEW_OUTPUTS = ("environment", "namespace", "host", "expires")


def report(result: Mapping[str, Any], clean: Callable[[str], str]) -> None:
    """Tell GitHub Actions of a result. A file that cannot be written costs the report, not the run."""
    for line in workflow_commands(result):
        sys.stderr.write(printable(clean(line)) + "\n")
    _append("GITHUB_OUTPUT", clean(_assignments(outputs(result))))
    _append("GITHUB_STEP_SUMMARY", clean(summary(result)))


def workflow_commands(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield a workflow command for each fault, at its file and line where it has one."""
    error = result.get("error")
    if not error:
        return
    title = f"title={_property('kickstart: ' + error['message'])}"
    for fault in error["faults"]:
        place = _PLACE.fullmatch(fault["where"])
        if place:
            where = f"file={_property(place[1])},line={place[2]},"
            yield f"::error {where}{title}::{_data(fault['message'])}"
        else:
            yield f"::error {title}::{_data(': '.join(filter(None, (fault['where'], fault['message']))))}"
    if not error["faults"]:
        yield f"::error {title}::{_data(error['hint'] or error['message'])}"


def outputs(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of the step, those that the result does not have left out."""
    preview = result.get("preview") or {}
    updates: Sequence[Mapping[str, Any]] = result.get("updates") or ()
    # An update with conflicts has failed, and is proposed all the same.
    outcomes = {result["outcome"], *(each["outcome"] for each in updates)}
    if len(updates) == 1:  # of several, nobody could tell which one is meant
        result = {**updates[0], **result}
    found = {
        "outcome": result["outcome"],
        "changed": str(not outcomes.isdisjoint({"changed", "proposed"})).lower(),
        "exit-code": str((result.get("error") or {}).get("exitCode", 0)),
        **{name: result.get(key) for key, name in _OUTPUTS.items()},
        **{name: preview.get(name) for name in _PREVIEW_OUTPUTS},
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def summary(result: Mapping[str, Any]) -> str:
    """Return the result as Markdown, or "" where it is of no use to a reader of the run."""
    command, error = _SUMMARISED.get(str(result["kind"])), result.get("error")
    if command is None and not error:
        return ""
    parts = [f"### {' '.join(filter(None, ('kickstart', command)))}: {result['outcome']}"]
    if error:
        parts.append(_text(error["message"]))
        parts += [f"- {_text(fault['where'])}: {_text(fault['message'])}" for fault in error["faults"]]
        if error["hint"]:
            parts.append(f"Hint: {_text(error['hint'])}")
    rows = list(_rows(result))
    if rows:
        parts.append("\n".join(["| What | Change |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _rows(result: Mapping[str, Any]) -> Iterator[str]:
    for change in result.get("changes") or ():
        yield f"| {_text(change['target'])} | {_text(change['change'])} |"
    for each in (result, *(result.get("updates") or ())):
        for file in each.get("files") or ():
            yield f"| {_text(each['repository'])} {_text(file['path'])} | {_text(file['change'])} |"
        if each.get("pullRequest"):
            yield f"| {_text(each['pullRequest'])} | open |"
    for each in result.get("projects") or ():
        yield f"| {_text(each['name'])} | {_text(each['outcome'])} |"


def _text(text: object) -> str:
    """Return one line of text that is only text, whatever it holds."""
    return re.sub(r"([\\`*_\[\]<>|#!&])", r"\\\1", " ".join(str(text).split()))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _assignments(values: Mapping[str, str]) -> str:
    """Return outputs as the runner reads them, ended by a line that no value can hold."""
    end = f"kickstart_{secrets.token_hex(16)}"
    return "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in values.items())


def _append(variable: str, text: str) -> None:
    file = os.environ.get(variable)
    if not file or not text:
        return
    try:
        with Path(file).open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        sys.stderr.write(f"Note: {variable} cannot be written: {error.strerror}\n")
