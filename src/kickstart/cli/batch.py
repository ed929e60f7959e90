"""`kickstart create --batch`: many projects, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kickstart import document, naming, settings
from kickstart.errors import Fault, KickstartError, ParameterError, RemoteError

if TYPE_CHECKING:
    from kickstart.cli.console import Console

_KEYS = ("name", *settings.KEYS, "parameters")


class Project(Struct, frozen=True):
    """One project of the file: its settings, and its parameters."""

    name: str
    settings: Mapping[str, str]
    parameters: Mapping[str, Any]


class Ended(Struct, frozen=True):
    """How one project's run ended. result: what it printed."""

    project: Project
    code: int
    result: Mapping[str, Any]

    @property
    def outcome(self) -> str:
        return str(self.result.get("outcome", "failed"))

    def body(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "name": self.project.name,
            "outcome": self.outcome,
            "exitCode": self.code,
            "changes": self.result.get("changes", []),
            "links": self.result.get("links", []),
            "error": self.result.get("error"),
        }


def create(
    file: str, jobs: int, given: Mapping[str, str | None], flags: Sequence[str], console: Console
) -> None:
    """Create all projects of a file, at most `jobs` at a time; one that fails does not stop the others.

    given: settings for all of them, which win over the file. flags: further ones of `create`. Raises, at
    the end, the error of those that failed.
    """
    projects = _read(file, {key: value for key, value in given.items() if value is not None})
    with ThreadPoolExecutor(jobs) as pool:
        ended = []
        try:
            for each in pool.map(lambda project: _create(project, flags, file), projects):
                _say(each, console)
                ended.append(each)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    outcomes = {each.outcome for each in ended}
    outcome = next((each for each in ("planned", "changed") if each in outcomes), "unchanged")
    body = {"outcome": outcome, "projects": [each.body() for each in ended]}
    failed = [each for each in ended if each.code]
    if failed:
        console.remember({"projects": body["projects"]})
        raise _error(failed, len(ended))
    console.result(body)


def _read(file: str, typed: Mapping[str, str]) -> list[Project]:
    """Return the projects of a file. Raises ParameterError with everything that is wrong in it."""
    try:
        text = Path(file).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ParameterError(f"{file} cannot be read: {reason}", hint="--batch FILE reads YAML") from error
    whole = settings.read_mapping(text, file)
    base = Path(file).expanduser().absolute().parent  # where relative paths in it start
    faults: list[Fault] = []

    def fault(path: document.Path, message: str) -> None:
        faults.append(document.fault_at(file, text, path, message))

    for key in whole.keys() - {"defaults", "projects"}:
        fault([key], f"is not a key of a batch{naming.closest(key, ('defaults', 'projects'))}")
    defaults = _checked(whole.get("defaults") or {}, ["defaults"], fault)
    listed = whole.get("projects")
    if not isinstance(listed, list) or not listed:
        fault(["projects"], "must be a list of projects")
        listed = []
    projects: dict[str, Project] = {}
    for index, item in enumerate(listed):
        path: list[str | int] = ["projects", index]
        given = _checked({"name": item} if isinstance(item, str) else item, path, fault)
        name = str(given.get("name") or "")
        problem = naming.project_name_problem(name)
        if problem:
            fault([*path, "name"], f"'{name}' {problem}")
        elif name in projects:
            fault([*path, "name"], f"'{name}' is the name of an earlier project too")
        in_file = {key: given.get(key) or defaults.get(key) for key in settings.KEYS}
        own = {
            key: typed.get(key) or (settings.from_here(key, value, base, Path.cwd()) if value else value)
            for key, value in in_file.items()
        }
        parameters = {**(defaults.get("parameters") or {}), **(given.get("parameters") or {})}
        projects[name] = Project(name, {key: value for key, value in own.items() if value}, parameters)
    if faults:
        raise ParameterError(f"{file} is wrong", faults=faults)
    return list(projects.values())


def _checked(
    given: Any, path: list[str | int], fault: Callable[[document.Path, str], None]
) -> Mapping[str, Any]:
    """Return what is usable of a project or of the defaults; `fault` takes what is not."""
    if not isinstance(given, dict):
        fault(path, "must be a name, or a mapping")
        return {}
    usable = {}
    for key, value in given.items():
        if key not in _KEYS or (key == "name" and path == ["defaults"]):
            fault([*path, key], f"is not a key here{naming.closest(key, _KEYS)}")
        elif not isinstance(value, dict if key == "parameters" else str):
            fault([*path, key], f"must be {'a mapping' if key == 'parameters' else 'text'}")
        else:
            usable[key] = value
    return usable


def _create(project: Project, flags: Sequence[str], file: str) -> Ended:
    """Run `kickstart create` for one project: nothing that it does can harm another one."""
    # Settings go by the environment and parameters by standard input: arguments are for all to see.
    chosen = {_variable(key): value for key, value in project.settings.items()}
    environment = {key: value for key, value in os.environ.items() if key != "GITHUB_ACTIONS"}
    command = [sys.executable, "-m", "kickstart", "create", project.name, "--no-input", "--output", "json"]
    done = subprocess.run(
        [*command, "--values", "-", *flags],
        input=json.dumps(dict(project.parameters)),
        env={**environment, **chosen, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    try:
        result = json.loads(done.stdout)
    except ValueError:
        result = {"error": _lost(done.stderr)}
    for fault in result.get("error", {}).get("faults", ()):  # what stands in the file came by a pipe
        fault["where"] = fault["where"].replace("(standard input)", f"({file})")
    return Ended(project, done.returncode or (0 if "error" not in result else 1), result)


def _variable(key: str) -> str:
    return settings.PREFIX + key.upper().replace("-", "_")


def _lost(said: str) -> dict[str, Any]:
    last = next(reversed(said.strip().splitlines()), "its process ended without a result")
    return {"type": "KickstartError", "exitCode": 1, "message": last, "hint": "", "faults": []}


def _say(ended: Ended, console: Console) -> None:
    error = ended.result.get("error")
    word = {"changed": "created"}.get(ended.outcome, ended.outcome)
    color = "red" if error else "green" if ended.outcome == "changed" else "dim"
    console.print(f"{console.paint(word, color)}  {ended.project.name}")
    for line in _lines(error or {}):
        console.print(f"    {line}")


def _lines(error: Mapping[str, Any]) -> Iterator[str]:
    if error:
        yield str(error["message"])
        yield from (f"  {fault['where']}: {fault['message']}" for fault in error["faults"])


def _error(failed: Sequence[Ended], total: int) -> KickstartError:
    """Return the error of a batch: to run it again is the answer only if it is that for all."""
    codes = [each.code for each in failed]
    code = next((code for code in codes if code != RemoteError.exit_code), RemoteError.exit_code)
    kind = next((each for each in KickstartError.__subclasses__() if each.exit_code == code), KickstartError)
    faults = [
        Fault(each.project.name, str((each.result.get("error") or {}).get("message", "failed")))
        for each in failed
    ]
    return kind(
        f"{len(failed)} of {total} projects could not be created",
        faults=faults,
        hint="correct what is named, and run the same command again: it does only what is missing",
    )
