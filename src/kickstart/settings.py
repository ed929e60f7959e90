"""Settings: flags > environment > project file > user file > defaults, each value with its source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kickstart import document
from kickstart.errors import Fault, ParameterError, unreadable
from kickstart.naming import closest

PROJECT_FILE = Path(".kickstart/config.yaml")
USER_FILE = "config.yaml"
PREFIX = "KICKSTART_"
PARAMETER_PREFIX = "KICKSTART_PARAMETER_"

KEYS: dict[str, str] = {
    "template": "The template: a name, a folder or its file, or a Git URL with @REF.",
    "forge": "Where repositories are published: local, local:DIR or github.",
    "github-url": "The URL of a GitHub Enterprise, for the forge github.",
    "owner": "The user or organisation that owns the repositories.",
    "visibility": "Who can read the repositories: private, internal or public.",
    "context": "The context of the kubeconfig whose cluster is bootstrapped.",
    "argocd-namespace": "The namespace of Argo CD.",
}
DEFAULTS = {"template": "rag-chatbot", "forge": "local", "argocd-namespace": "argocd"}


class Setting(Struct, frozen=True):
    """A value and where it came from."""

    value: Any
    source: str


class Settings(Struct, frozen=True):
    """What commands go by. `parameters` are defaults that a configuration file or the environment gives."""

    values: Mapping[str, Setting]
    parameters: Mapping[str, Setting] = {}

    def get(self, key: str) -> Any:
        """Return a setting's value, or None where nobody gave one."""
        found = self.values.get(key)
        return found.value if found else None


class Home(Struct, frozen=True):
    """Folders of this user's, one for each purpose."""

    config: Path
    data: Path
    state: Path
    cache: Path


def home(environment: Mapping[str, str]) -> Home:
    """Return the user's folders; KICKSTART_HOME puts all of them below one folder."""
    override = environment.get(f"{PREFIX}HOME")
    if override:
        top = Path(override).expanduser().absolute()
        return Home(top / "config", top / "data", top / "state", top / "cache")
    import platformdirs

    return Home(
        platformdirs.user_config_path("kickstart"),
        platformdirs.user_data_path("kickstart"),
        platformdirs.user_state_path("kickstart"),
        platformdirs.user_cache_path("kickstart"),
    )


def resolve(flags: Mapping[str, Any], environment: Mapping[str, str], folder: Path, user: Path) -> Settings:
    """Return the settings that hold in `folder`. Raises ParameterError with every fault.

    flags: those that were given; None means not given. user: the user's configuration folder.
    """
    values: dict[str, Setting] = {key: Setting(value, "default") for key, value in DEFAULTS.items()}
    parameters: dict[str, Setting] = {}
    faults: list[Fault] = []
    for file, base in _files(folder, user):
        _read_file(file, values, parameters, faults, user if base != user else None)
        for key, setting in values.items():
            if setting.source == str(file):
                values[key] = Setting(from_here(key, setting.value, base, folder), setting.source)
    for name, text in environment.items():
        if name.startswith(PARAMETER_PREFIX):
            parameters[name.removeprefix(PARAMETER_PREFIX)] = Setting(text, name)
        elif name.startswith(PREFIX) and _key(name) in KEYS and text:
            values[_key(name)] = Setting(text, name)
    for key, value in flags.items():
        if value == "":  # as of a variable that a pipeline does not have
            raise ParameterError(f"--{key} is empty", hint=f"give it a value, or leave --{key} out")
        if value is not None:
            values[key] = Setting(value, f"--{key}")
    # Absolute, so that the journal of this run can be resumed from elsewhere.
    values["forge"] = Setting(
        from_here("forge", values["forge"].value, folder, folder), values["forge"].source
    )
    if faults:
        raise ParameterError("the configuration is wrong", faults=faults)
    return Settings(values, parameters)


def _key(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower().replace("_", "-")


def project_file(folder: Path) -> Path | None:
    """Return the nearest project file in `folder` or above it."""
    return next(
        (each / PROJECT_FILE for each in (folder, *folder.parents) if (each / PROJECT_FILE).is_file()), None
    )


def _files(folder: Path, user: Path) -> list[tuple[Path, Path]]:
    """Return the configuration files, the weaker first, each with the folder its relative paths start at."""
    files = [(user / USER_FILE, user)]
    project = project_file(folder)
    if project is not None:
        files.append((project, project.parents[1]))
    return [(file, base) for file, base in files if file.is_file()]


def from_here(key: str, value: str, base: Path, here: Path) -> str:
    """Return a setting whose relative path starts at `base` as one that holds in the folder `here`."""
    kind, _, place = value.partition(":")
    if key == "forge" and kind == "local" and place:
        try:
            folder = (base / Path(place).expanduser()).absolute()
            # One folder has one name, which is part of what is rendered: not one for each way to it.
            return f"local:{folder.resolve() if '..' in folder.parts else folder}"
        except RuntimeError as error:
            raise ParameterError(f"{value} is in a home folder that does not exist") from error
    if key == "template" and value.startswith("."):
        # Relative again: it becomes the template's origin, which others can read.
        return f"./{Path(os.path.relpath(base / value, here)).as_posix()}"
    return value


def read_mapping(text: str, shown: str, of: str = "parameters") -> dict[str, Any]:
    """Return the mapping in a file that holds one. Raises ParameterError naming file and line."""
    try:
        content = document.load(text)
    except document.DocumentError as error:
        where = f"{shown}:{error.line}" if error.line else shown
        raise ParameterError(f"{shown} cannot be read", faults=[Fault(where, error.message)]) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        kind = "a list" if isinstance(content, list) else "a single value"
        raise ParameterError(f"{shown} must be a mapping of {of}, and is {kind}")
    return content


def _read_file(
    file: Path,
    values: dict[str, Setting],
    parameters: dict[str, Setting],
    faults: list[Fault],
    user: Path | None,
) -> None:
    """Read one file. user: of a project's file, the user's configuration folder."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{file} cannot be read: {unreadable(error)}") from error
    for key, value in read_mapping(text, str(file), of="settings").items():
        if key == "parameters":
            if isinstance(value, dict):
                parameters.update({name: Setting(item, str(file)) for name, item in value.items()})
            else:
                faults.append(document.fault_at(str(file), text, [key], "must be a mapping"))
        elif key not in KEYS:
            near = closest(key, [*KEYS, "parameters"])
            faults.append(document.fault_at(str(file), text, [key], f"is not a setting{near}"))
        elif not isinstance(value, str) or not value:
            faults.append(document.fault_at(str(file), text, [key], "must be text"))
        elif user and (key == "github-url" or value.startswith("github:")):
            # A project's file may be somebody else's.
            said = f"would choose who gets your token: give it by --github-url, or in {user / USER_FILE}"
            faults.append(document.fault_at(str(file), text, [key], said))
        else:
            values[key] = Setting(value, str(file))
