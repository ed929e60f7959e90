"""`kickstart create --batch`: many projects, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kickstart import document, naming, settings
from kickstart.errors import Fault, KickstartError, ParameterError, RemoteError, unreadable

if TYPE_CHECKING:
    from kickstart.cli.console import Console

# Makes a plan and asks nobody but the forge.
_LOOKING = ("--dry-run", "--no-validate", "--no-bootstrap")
_REPOSITORY = r"(?:empty )?repository (.+)"
_KEYS = ("name", *settings.KEYS, "parameters")


class Project(Struct, frozen=True):
    """One project of the file: its settings, its parameters, and its place among them."""

    name: str
    settings: Mapping[str, str]
    parameters: Mapping[str, Any]
    place: int = 0


class Ended(Struct, frozen=True):
    """How one project's run ended. result: what it printed."""

    project: Project
    code: int
    result: Mapping[str, Any]

    @property
    def outcome(self) -> str:
        return str(self.result.get("outcome", "failed"))

    @property
    def repositories(self) -> list[str]:
        """The repositories that it would publish, or has published."""
        targets = (re.fullmatch(_REPOSITORY, each["target"]) for each in self.result.get("changes", ()))
        return list(dict.fromkeys(target[1] for target in targets if target))

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
    file: str, jobs: int, given: Mapping[str, str | None], options: Mapping[str, Any], console: Console
) -> None:
    """Create all projects of a file, at most `jobs` at a time; one that fails does not stop the others.

    given: settings for all of them, which win over the file. options: further ones of `create`, by their
    names. Raises ParameterError, before anything is written, where two would publish one repository, and
    at the end the error of those that failed.
    """
    text = _text(file)
    projects = _read(file, text, {key: value for key, value in given.items() if value is not None})
    flags = [flag for name, value in options.items() for flag in _flags(name, value)]
    is_planned = "--dry-run" in flags
    if len(projects) > 1 and not is_planned:
        # Whatever else is wrong stops its own project alone, and is told when its turn has come.
        looking = [*(flag for flag in flags if flag != "--wait"), *_LOOKING]
        _refuse_shared(list(_run(projects, looking, file, jobs)), file, text)
    ended = []
    for each in _run(projects, flags, file, jobs):
        _say(each, console)
        ended.append(each)
    outcomes = {each.outcome for each in ended}
    outcome = next((each for each in ("planned", "changed") if each in outcomes), "unchanged")
    body = {"outcome": outcome, "projects": [each.body() for each in ended]}
    failed = [each for each in ended if each.code]
    console.remember({"projects": body["projects"]})
    if is_planned:
        _refuse_shared(ended, file, text)
    if failed:
        raise _error(failed, len(ended))
    console.result(body)


def _run(projects: Sequence[Project], flags: Sequence[str], file: str, jobs: int) -> Iterator[Ended]:
    """Yield how each project's run ended, in the order of the file."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(lambda project: _create(project, flags, file), projects)
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C no further one is begun


def _refuse_shared(ended: Sequence[Ended], file: str, text: str) -> None:
    """Raise ParameterError with every repository that two projects would publish, or have published."""
    first: dict[tuple[str, str], str] = {}
    faults = []
    for each in ended:
        name, forge = each.project.name, _forge(each.project)
        for repository in each.repositories:
            other = first.setdefault((forge, repository), name)
            if other != name:
                said = f"'{name}' would publish {repository}, as '{other}' does"
                faults.append(document.fault_at(file, text, ["projects", each.project.place], said))
    if faults:
        raise ParameterError(
            f"projects of {file} would publish the same repository; nothing was written",
            faults=faults,
            hint="give one of them another name, owner or repository",
        )


def _forge(project: Project) -> str:
    """Return where a project is published."""
    found = settings.resolve(project.settings, os.environ, Path.cwd(), settings.home(os.environ).config)
    return f"{found.get('forge')} {found.get('github-url')}"


def _text(file: str) -> str:
    try:
        return Path(file).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(
            f"{file} cannot be read: {unreadable(error)}", hint="--batch FILE reads YAML"
        ) from error


def _read(file: str, text: str, typed: Mapping[str, str]) -> list[Project]:
    """Return the projects of a file. Raises ParameterError with everything that is wrong in it."""
    whole = settings.read_mapping(text, file, of="defaults and projects")
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
        chosen = {key: value for key, value in own.items() if value}
        projects[name] = Project(name, chosen, parameters, index)
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


def _flags(name: str, value: Any) -> list[str]:
    """Return an option as it is typed: once for each item of a list, and not at all without a value."""
    if isinstance(value, list):
        return [f"--{name}={each}" for each in value]
    if value is True:
        return [f"--{name}"]
    return [f"--{name}={value}"] if value else []


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
