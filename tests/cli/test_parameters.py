"""Where parameters and settings come from, and which one wins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli, heads


def sources(err: str) -> dict[str, tuple[Any, str]]:
    """Return value and source of each parameter that `-v` listed."""
    rows = [line.split("  ") for line in err.splitlines() if line.startswith("  ")]
    fields = [[part.strip() for part in row if part.strip()] for row in rows]
    return {name: (json.loads(value), source) for name, value, source in fields}


def planned(cli: Cli, pair: Path, *arguments: str, stdin: str = "") -> Mapping[str, Any]:
    """Return the parameters of a plan."""
    done = cli(
        *("create", "my-chatbot", "-t", pair, "--owner", "acme", "--dry-run", "-o", "json"),
        *arguments,
        stdin=stdin,
    )
    assert done.code == 0, done.err
    parameters: Mapping[str, Any] = done.json["parameters"]
    return parameters


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("greeting=good morning", "greeting", "good morning"),
        ("greeting=a=b", "greeting", "a=b"),
        ("greeting=", "greeting", ""),
        ("greeting=007", "greeting", "007"),
        ("greeting=true", "greeting", "true"),
        ("replicas=3", "replicas", 3),
        ("debug=true", "debug", True),
        ("debug=false", "debug", False),
        ("tags=a, b", "tags", ["a", "b"]),
        ('tags=["a,b", "c"]', "tags", ["a,b", "c"]),
        ("tags=", "tags", []),
        ("limits={cpu: 200m}", "limits", {"cpu": "200m"}),
    ],
)
def test_set_reads_text_as_the_type_that_the_template_wants(
    cli: Cli, pair: Path, assignment: str, name: str, value: object
) -> None:
    parameters = planned(cli, pair, "--set", assignment)

    assert parameters[name] == value
    assert type(parameters[name]) is type(value)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("replicas=three", "replicas (--set): must be a whole number"),
        ("replicas=2.5", "replicas (--set): must be a whole number"),
        ("replicas=10", "replicas (--set): must be less than or equal to 9"),
        ("debug=perhaps", "debug (--set): must be true or false"),
        ("visibility=privat", "'privat' is not one of private, internal, public (did you mean 'private'?)"),
        ("greating=hi", "the template has no such parameter (did you mean 'greeting'?)"),
        ("greeting", "--set: 'greeting' is not of the form PARAMETER=VALUE"),
        ("=hi", "--set: '=hi' is not of the form PARAMETER=VALUE"),
    ],
)
def test_a_wrong_set_is_refused_with_its_reason(cli: Cli, pair: Path, assignment: str, message: str) -> None:
    done = cli("create", "my-chatbot", "-t", pair, "--owner", "acme", "--set", assignment)

    assert done.code == 2
    assert message in done.err
    assert "Hint: kickstart template show" in done.err


def test_every_wrong_parameter_is_reported_at_once(cli: Cli, pair: Path, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("tags: 5\nunknown: 1\n")

    done = cli(
        *("create", "Not_A_Name" * 5, "-t", pair, "--owner", "acme", "-f", tmp_path / "values.yaml"),
        *("--set", "replicas=x", "--set", "debug=perhaps"),
    )

    named = sorted(line.split()[0].rstrip(":") for line in done.err.splitlines() if line.startswith("  "))
    assert done.code == 2
    assert named == ["debug", "name", "replicas", "tags", "unknown"]


@pytest.mark.parametrize("text", ["replicas: 4\ngreeting: '5'\n", '{"replicas": 4, "greeting": "5"}'])
def test_values_are_read_from_yaml_and_json(cli: Cli, pair: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "values"
    file.write_text(text)

    parameters = planned(cli, pair, "--values", str(file))

    assert (parameters["replicas"], parameters["greeting"]) == (4, "5")


def test_values_are_read_from_stdin(cli: Cli, pair: Path) -> None:
    assert planned(cli, pair, "--values", "-", stdin="replicas: 4\n")["replicas"] == 4


def test_an_empty_values_file_gives_nothing(cli: Cli, pair: Path, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("# all as it is\n")

    assert planned(cli, pair, "-f", str(tmp_path / "values.yaml"))["replicas"] == 1


def test_of_several_values_files_the_last_one_wins_and_set_wins_over_all(
    cli: Cli, pair: Path, tmp_path: Path
) -> None:
    (tmp_path / "team.yaml").write_text("replicas: 2\ngreeting: team\ntags: [team]\n")
    (tmp_path / "mine.yaml").write_text("greeting: mine\ntags: [mine]\n")

    parameters = planned(
        *(cli, pair, "-f", str(tmp_path / "team.yaml"), "-f", str(tmp_path / "mine.yaml")),
        *("--set", "tags=set"),
    )

    assert (parameters["replicas"], parameters["greeting"], parameters["tags"]) == (2, "mine", ["set"])


def test_every_source_wins_over_the_weaker_ones_and_is_named(
    cli: Cli,
    pair: Path,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = tmp_path / "work"
    (work / "deep/er").mkdir(parents=True)
    (work / ".kickstart").mkdir()
    (home / "config").mkdir()
    project_file, user_file = work / ".kickstart/config.yaml", home / "config/config.yaml"
    user_file.write_text(
        "owner: from-user\nparameters: {greeting: user, replicas: 2, tags: [user], debug: true}\n"
    )
    project_file.write_text(
        f"template: {pair}\nparameters: {{greeting: project, replicas: 3, tags: [project], other-one: 1}}\n"
    )
    monkeypatch.setenv("KICKSTART_PARAMETER_GREETING", "environment")
    monkeypatch.setenv("KICKSTART_PARAMETER_REPLICAS", "4")
    (tmp_path / "values.yaml").write_text("greeting: values\n")
    monkeypatch.chdir(work / "deep/er")

    done = cli(
        *("create", "my-chatbot", "--dry-run", "-v"),
        *("--values", tmp_path / "values.yaml", "--set", "visibility=public"),
    )

    assert done.code == 0
    assert sources(done.err) == {
        "name": ("my-chatbot", "NAME"),
        "owner": ("from-user", str(user_file)),
        "visibility": ("public", "--set"),
        "greeting": ("values", str(tmp_path / "values.yaml")),
        "replicas": (4, "KICKSTART_PARAMETER_REPLICAS"),
        "tags": (["project"], str(project_file)),
        "debug": (True, str(user_file)),
        "limits": ({"cpu": "100m"}, "default"),
    }


def test_settings_come_from_flags_before_the_environment_before_files(
    cli: Cli, pair: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config").mkdir()
    (home / "config/config.yaml").write_text(
        f"template: {pair}\nforge: local:{tmp_path}/file\nowner: file\nvisibility: internal\n"
    )
    monkeypatch.setenv("KICKSTART_FORGE", f"local:{tmp_path}/environment")
    monkeypatch.setenv("KICKSTART_OWNER", "environment")

    done = cli("create", "my-chatbot", "--owner", "flag", "-o", "json")

    assert done.code == 0
    assert sorted(heads(tmp_path / "environment")) == ["flag/my-chatbot-gitops.git", "flag/my-chatbot.git"]
    assert done.json["parameters"]["visibility"] == "internal"


def test_without_an_owner_it_is_the_login_name(cli: Cli, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "Ada.Lovelace_1")

    done = cli("create", "my-chatbot", "-t", pair, "--dry-run", "-v")

    assert sources(done.err)["owner"] == ("Ada-Lovelace-1", "your login name")


def test_the_visibility_flag_gives_the_parameter(cli: Cli, pair: Path) -> None:
    assert planned(cli, pair, "--visibility", "public")["visibility"] == "public"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("owner: acme\ntemplat: x\n", 2, "templat: is not a setting (did you mean 'template'?)"),
        ("owner: [acme]\n", 1, "owner: must be text"),
        ("owner: acme\n\nparameters: 5\n", 3, "parameters: must be a mapping"),
        ("owner: a\nowner: b\n", 2, "the key 'owner' stands twice, here and in line 1"),
    ],
)
def test_a_wrong_configuration_file_is_named_with_its_line(
    cli: Cli, pair: Path, home: Path, text: str, line: int, message: str
) -> None:
    file = home / "config/config.yaml"
    file.parent.mkdir()
    file.write_text(text)

    done = cli("create", "my-chatbot", "-t", pair)

    assert done.code == 2
    assert f"{file}:{line}: {message}" in done.err


def test_an_unknown_variable_for_a_parameter_is_refused(
    cli: Cli, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KICKSTART_PARAMETER_GREETNG", "hi")

    done = cli("create", "my-chatbot", "-t", pair, "--owner", "acme")

    assert done.code == 2
    assert "GREETNG (KICKSTART_PARAMETER_GREETNG): the template has no such parameter" in done.err


def test_a_values_file_that_is_not_utf_8_on_stdin_is_refused(cli: Cli, pair: Path) -> None:
    done = cli(
        "create", "my-chatbot", "-t", pair, "--owner", "acme", "--values", "-", stdin=b"greeting: \xff\n"
    )

    assert done.code == 2
    assert "Error: standard input cannot be read: it is not UTF-8 text\nHint: --values FILE" in done.err


@pytest.mark.parametrize("name", ["postgresStorageSize", "documentsStorageSize"])
def test_the_built_in_template_says_how_a_size_is_written(cli: Cli, name: str) -> None:
    done = cli("create", "demo", "--owner", "acme", "--set", f"{name}=20", "--set", "objectStore=seaweedfs")

    assert done.code == 2
    assert "A number with Mi, Gi or Ti, as in 20Gi." in done.err
