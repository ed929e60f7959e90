from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kickstart import settings
from kickstart.errors import ParameterError
from kickstart.settings import Setting
from tests.unit.building import write

ALL = ["default", "user", "project", "environment", "flag"]


@pytest.mark.parametrize("strongest", range(len(ALL)), ids=ALL)
def test_the_nearest_source_wins_and_is_named(tmp_path: Path, strongest: int) -> None:
    user = write(tmp_path / "user", {"config.yaml": "forge: user\n"} if strongest >= 1 else {})
    project = tmp_path / "work/.kickstart/config.yaml"
    if strongest >= 2:
        write(tmp_path / "work", {".kickstart/config.yaml": "forge: project\n"})
    environment = {"KICKSTART_FORGE": "environment"} if strongest >= 3 else {}
    flags = {"forge": "flag" if strongest >= 4 else None, "owner": None}

    found = settings.resolve(flags, environment, tmp_path / "work", user)

    sources = ["default", str(user / "config.yaml"), str(project), "KICKSTART_FORGE", "--forge"]
    value = "local" if strongest == 0 else ALL[strongest]
    assert found.values["forge"] == Setting(value, sources[strongest])
    assert found.get("forge") == value
    assert found.get("owner") is None


def test_a_project_file_serves_the_folders_below_it(tmp_path: Path) -> None:
    write(tmp_path, {".kickstart/config.yaml": "owner: outer", "a/.kickstart/config.yaml": "owner: inner"})
    write(tmp_path, {"a/b/c/x": "", "d/x": ""})

    found = [
        settings.resolve({}, {}, tmp_path / folder, tmp_path / "none").get("owner")
        for folder in ("a/b/c", "a", "d", ".")
    ]

    assert found == ["inner", "inner", "outer", "outer"]


def test_parameters_of_all_sources_are_merged_with_their_source(tmp_path: Path) -> None:
    user = write(tmp_path / "user", {"config.yaml": "parameters: {a: 1, b: [x], c: u}"})
    write(tmp_path, {".kickstart/config.yaml": "parameters:\n  b: 2\n"})
    environment = {"KICKSTART_PARAMETER_c": "3", "KICKSTART_PARAMETER_D": "", "PARAMETER_e": "x"}

    found = settings.resolve({}, environment, tmp_path, user).parameters

    assert found == {
        "a": Setting(1, str(user / "config.yaml")),
        "b": Setting(2, str(tmp_path / ".kickstart/config.yaml")),
        "c": Setting("3", "KICKSTART_PARAMETER_c"),
        "D": Setting("", "KICKSTART_PARAMETER_D"),
    }


def test_variables_that_are_empty_or_no_settings_say_nothing(tmp_path: Path) -> None:
    environment = {"KICKSTART_FORGE": "", "KICKSTART_HOME": "/x", "KICKSTART_COLOUR": "red", "FORGE": "x"}

    found = settings.resolve({}, environment, tmp_path, tmp_path)

    assert {key: each.value for key, each in found.values.items()} == settings.DEFAULTS


def test_every_fault_of_every_file_is_reported_with_its_line(tmp_path: Path) -> None:
    user = write(tmp_path / "user", {"config.yaml": "owner: acme\nvisiblity: private\nforge: 5\n"})
    write(tmp_path, {".kickstart/config.yaml": "parameters: [a]\ntemplate: ''\nparameter: {}\n"})

    with pytest.raises(ParameterError) as raised:
        settings.resolve({}, {}, tmp_path, user)

    file, project = user / "config.yaml", tmp_path / ".kickstart/config.yaml"
    assert [str(fault) for fault in raised.value.faults] == [
        f"{file}:2: visiblity: is not a setting (did you mean 'visibility'?)",
        f"{file}:3: forge: must be text",
        f"{project}:1: parameters: must be a mapping",
        f"{project}:2: template: must be text",
        f"{project}:3: parameter: is not a setting (did you mean 'parameters'?)",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: 1\na: 2", "cannot be read"),
        ("- a", "must be a mapping of settings, and is a list"),
        ("text", "must be a mapping of settings, and is a single value"),
        (b"\xff", "cannot be read: it is not UTF-8 text$"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_by_name(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    user = write(tmp_path, {"config.yaml": content})

    with pytest.raises(ParameterError, match=said) as raised:
        settings.resolve({}, {}, tmp_path / "work", user)

    assert str(user / "config.yaml") in raised.value.message


@pytest.mark.parametrize(
    ("text", "mapping"), [("", {}), ("# nothing", {}), ("{a: {b: yes}}", {"a": {"b": "yes"}})]
)
def test_a_values_file_is_a_mapping(text: str, mapping: dict[str, Any]) -> None:
    assert settings.read_mapping(text, "values.yaml") == mapping


def test_a_fault_of_a_values_file_has_its_line() -> None:
    with pytest.raises(ParameterError) as raised:
        settings.read_mapping("a: 1\nb: 2\na: 3\n", "values.yaml")

    assert [str(fault) for fault in raised.value.faults] == [
        "values.yaml:3: the key 'a' stands twice, here and in line 1"
    ]


def test_one_variable_puts_all_folders_of_the_user_in_one_place(tmp_path: Path) -> None:
    found = settings.home({"KICKSTART_HOME": str(tmp_path)})

    assert found == settings.Home(
        tmp_path / "config", tmp_path / "data", tmp_path / "state", tmp_path / "cache"
    )


def test_without_it_each_purpose_has_a_folder_of_its_own() -> None:
    found = settings.home({})

    folders = [found.config, found.data, found.state, found.cache]
    assert len(set(folders)) == 4
    assert all("kickstart" in str(folder) and folder.is_absolute() for folder in folders)


@pytest.mark.parametrize("below", [".", "deep/er"])
def test_a_relative_path_in_a_project_file_starts_where_the_file_is(tmp_path: Path, below: str) -> None:
    work = write(
        tmp_path / "work", {".kickstart/config.yaml": "forge: local:forge\ntemplate: ./templates/shop\n"}
    )
    here = work / below
    here.mkdir(parents=True, exist_ok=True)

    found = settings.resolve({}, {}, here, tmp_path / "user")

    assert found.get("forge") == f"local:{work}/forge"
    assert (here / found.get("template")).resolve() == work / "templates/shop"
    assert found.get("template").startswith("./")


def test_a_relative_path_of_a_flag_starts_where_the_command_runs(tmp_path: Path) -> None:
    work = write(tmp_path / "work", {".kickstart/config.yaml": "forge: local:other\n"})

    found = settings.resolve({"forge": "local:mine", "template": "./t"}, {}, work, tmp_path / "user")

    assert found.get("forge") == f"local:{work}/mine"
    assert found.get("template") == "./t"


@pytest.mark.parametrize("spec", ["local", "local:", "local:/srv/forge", "github"])
def test_a_forge_without_a_relative_path_stays_as_it_is(tmp_path: Path, spec: str) -> None:
    write(tmp_path, {".kickstart/config.yaml": f"forge: '{spec}'\n"})

    assert settings.resolve({}, {}, tmp_path, tmp_path / "user").get("forge") == spec


def test_a_home_folder_is_found_and_a_missing_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    found = settings.resolve({"forge": "local:~/forge"}, {}, tmp_path, tmp_path / "user")

    assert found.get("forge") == f"local:{tmp_path}/forge"
    with pytest.raises(
        ParameterError, match="local:~nobody-at-all/x is in a home folder that does not exist"
    ):
        settings.resolve({"forge": "local:~nobody-at-all/x"}, {}, tmp_path, tmp_path / "user")


@pytest.mark.parametrize("line", ["github-url: https://ghe.test", "forge: github:https://ghe.test"])
def test_a_project_file_does_not_choose_who_gets_a_token(tmp_path: Path, line: str) -> None:
    write(tmp_path, {".kickstart/config.yaml": f"owner: acme\n{line}\n"})
    write(tmp_path / "user", {"config.yaml": f"{line}\n"})

    with pytest.raises(ParameterError) as raised:
        settings.resolve({}, {}, tmp_path, tmp_path / "user")

    (fault,) = raised.value.faults
    assert fault.where.endswith(".kickstart/config.yaml:2")
    assert "would choose who gets your token: give it by --github-url, or in " in fault.message


@pytest.mark.parametrize("key", settings.KEYS)
def test_every_setting_has_a_variable_and_a_key_in_files(tmp_path: Path, key: str) -> None:
    variable = f"KICKSTART_{key.upper().replace('-', '_')}"
    write(tmp_path / "user", {"config.yaml": f"{key}: from-file\n"})

    by_file = settings.resolve({}, {}, tmp_path, tmp_path / "user")
    by_variable = settings.resolve({}, {variable: "from-variable"}, tmp_path, tmp_path / "user")

    assert by_file.get(key) == "from-file"
    assert by_variable.values[key] == Setting("from-variable", variable)
