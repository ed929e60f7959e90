"""Where the values of parameters come from: every source that a command has, the weakest first."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from pydantic import SecretStr

from kickstart import marker, naming, settings
from kickstart.cli import connect, picker
from kickstart.errors import Fault, ParameterError, unreadable
from kickstart.settings import Setting, Settings
from kickstart.template.catalog import Source
from kickstart.template.parameters import Form, Given, Parameters

if TYPE_CHECKING:
    from kickstart.cli.project import Earlier, Request


def collect(
    request: Request,
    resolved: Settings,
    recorded: Mapping[str, Any],
    form: Form,
    source: Source,
    *,
    on_github: bool,
    free: bool,
) -> dict[str, Given]:
    """Return the values that anything or anybody gave. Raises ParameterError for a command that is wrong.

    recorded: what the last run took. free: what a portal's template calls `name` need not be the project's.
    """
    found = _Values(form, free)
    owner = resolved.values.get("owner")
    if owner or not on_github:  # a login of this machine says nothing about an account there
        found.add_owner(owner, request.name, [step.action for step in source.template.spec.steps])
    found.add_configured(resolved.parameters)
    found.add_recorded(recorded.get("parameters") or {}, request.earlier)
    for file in request.values_files:
        found.add_file(file)
    found.add_settings(resolved.values)
    for assignment in request.assignments:
        found.add_assignment(assignment)
    if request.name:
        found.add_name(request.name)
    if found.faults:
        refused = {fault.where.removeprefix("--set ") for fault in found.faults}
        others = [each for each in _faults(form, found.given) if each.where not in refused]
        raise ParameterError("the command is wrong", faults=[*found.faults, *others], hint=_shown(source))
    return found.given


def resolve(form: Form, given: Mapping[str, Given], source: Source) -> Parameters:
    """Resolve the parameters; of what is missing, say how it is given."""
    try:
        return form.resolve(given)
    except ParameterError as error:
        error.faults = tuple(
            Fault(fault.where, f"{fault.message}; it is a secret, and kept nowhere: {_ways(fault.where)}")
            if fault.where not in given and _is_hidden(form, fault.where)
            else fault
            for fault in error.faults
        )
        missing = {fault.where for fault in error.faults} - given.keys()
        ways = [way for name, way in _WAYS.items() if name in missing and _is_typed(form, name)]
        error.hint = "; ".join([*ways, f"{_shown(source)} lists every parameter"])
        raise


# Of the parameters that have a place of their own on the command line.
_WAYS = {"name": "give NAME, as in: kickstart create my-chatbot", "owner": "--owner OWNER"}


def _is_typed(form: Form, name: str) -> bool:
    """Tell whether a parameter is what the command line means by it, and no entity of a catalog."""
    return name in form.properties and "ui:field" not in form.properties[name].schema


def _shown(source: Source) -> str:
    import shlex

    return f"kickstart template show {shlex.quote(source.origin)}"


def is_complete(form: Form, given: Mapping[str, Given]) -> bool:
    """Tell whether nothing is missing, and nothing wrong."""
    return not _faults(form, given)


def secrets(form: Form, given: Mapping[str, Given]) -> dict[str, SecretStr]:
    """Return what was given for parameters that nobody is to read, each as JSON."""
    return {
        name: SecretStr(json.dumps(form.convert(name, item.value) if item.text else item.value))
        for name, item in given.items()
        if _is_hidden(form, name)
    }


class _Values(Struct):
    """What was given so far, and what was wrong with it. free: as of `collect`."""

    form: Form
    free: bool
    given: dict[str, Given] = {}
    faults: list[Fault] = []

    def add_owner(self, setting: Setting | None, name: str, used: Iterable[str]) -> None:
        """The owner is a setting, and with it a portal's repository picker is filled as well.

        used: the actions of the template. In a portal's template nobody is the owner unasked, and whom a
        picker finds is in its catalog.
        """
        owner = str(setting.value) if setting else connect.default_owner()
        source = setting.source if setting else "your login name"
        if "owner" in self.form.properties:
            is_unasked = self.free or "default" in self.form.properties["owner"].schema
            if not self._is_for_catalog("owner") and (setting or not is_unasked):
                self.given["owner"] = Given(owner, source, text=True, filled_in=True)
        for each in self.form.properties.values():
            url = picker.address(each.schema, setting, owner, name, used) if name else ""
            if url:
                self.given[each.name] = Given(url, source, text=True, filled_in=True)

    def add_configured(self, configured: Mapping[str, Setting]) -> None:
        """Names in the environment are upper case, so that they are compared without case and sign."""
        plain = {_plain(name): name for name in self.form.properties}
        for name, setting in configured.items():
            known = name if name in self.form.properties else plain.get(_plain(name))
            from_environment = setting.source.startswith(settings.PREFIX)
            # A configuration file serves many templates; a variable was meant for this run.
            if known or from_environment:
                self.given[known or name] = Given(setting.value, setting.source, text=from_environment)

    def add_recorded(self, parameters: Mapping[str, Any], earlier: Earlier | None) -> None:
        source = marker.FILE_NAME if earlier else "the last run"
        for name, value in parameters.items():
            if name in self.form.properties:
                self.given[name] = Given(value, source)
        for name, secret in (earlier.secrets if earlier else {}).items():
            if name in self.form.properties:
                self.given[name] = Given(json.loads(secret.get_secret_value()), "this run")

    def add_file(self, file: str) -> None:
        text, shown = _read_values(file)
        for name, value in settings.read_mapping(text, shown).items():
            self.given[name] = Given(value, shown)

    def add_settings(self, values: Mapping[str, Setting]) -> None:
        """Flags are as strong as `--set`; another setting fills in what nothing has given."""
        for key in ("owner", "visibility"):
            setting = values.get(key)
            if setting and setting.source == "--visibility" and key not in self.form.properties:
                # Not to be left out without a word: who asks for private could get public.
                said = "the template has no such parameter, and says itself who can read its repositories"
                self.faults.append(Fault("--visibility", said))
            if not setting or key not in self.form.properties or self._is_for_catalog(key):
                continue
            if setting.source.startswith("--"):
                self.given[key] = Given(setting.value, setting.source, text=True)
            elif key == "visibility":
                self.given.setdefault(key, Given(setting.value, setting.source, text=True))

    def add_assignment(self, assignment: str) -> None:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            self.faults.append(Fault("--set", f"'{assignment}' is not of the form PARAMETER=VALUE"))
        elif _is_hidden(self.form, name):
            said = f"is a secret, which other users would see in the list of processes; {_ways(name)}"
            self.faults.append(Fault(f"--set {name}", said))
        else:
            self.given[name] = Given(value, "--set", text=True)

    def add_name(self, project: str) -> None:
        """The project's name is the parameter `name`, unless the template is free to mean another one."""
        other = self.given.get("name")
        if not self.free and other and other.source == "--set" and other.value != project:
            said = f"'{other.value}' is not the NAME of the command, {project}"
            self.faults.append(Fault("--set name", said))
        if "name" in self.form.properties and not (self.free and other):
            self.given["name"] = Given(project, "NAME", text=True)
        problem = naming.project_name_problem(project)
        if problem and (self.free or "name" not in self.form.properties):
            self.faults.append(Fault("NAME", f"'{project}' {problem}"))

    def _is_for_catalog(self, name: str) -> bool:
        """Tell whether a value names an entity of a portal's catalog, and no account on a forge."""
        return self.free and "ui:field" in self.form.properties[name].schema


def _faults(form: Form, given: Mapping[str, Given]) -> tuple[Fault, ...]:
    try:
        form.resolve(given)
    except ParameterError as error:
        return error.faults
    return ()


def _is_hidden(form: Form, name: str) -> bool:
    return name in form.properties and form.properties[name].is_hidden


def _ways(secret: str) -> str:
    return f"use --values -, or {settings.PARAMETER_PREFIX}{secret.upper()}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _read_values(file: str) -> tuple[str, str]:
    shown = "standard input" if file == "-" else file
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).expanduser().read_bytes()
        return content.decode("utf-8"), shown
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(
            f"{shown} cannot be read: {unreadable(error)}",
            hint="--values FILE reads YAML or JSON; - is stdin",
        ) from error
