"""`kickstart validate`: what it prints, and which exit code it gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from tests.charts import helm_program
from tests.checks.test_repository import CHART, ENVIRONMENTS
from tests.cli.support import Cli, write_files

LATEST = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "web:latest"}
"""
GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A folder with one object, three things of which are wrong."""
    write_files(tmp_path / "manifests", {"apps/web.yaml": LATEST.encode()})
    return tmp_path / "manifests"


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    files = {path: str(text).encode() for path, text in {**CHART, **ENVIRONMENTS}.items()}
    write_files(tmp_path / "repository", files)
    return tmp_path / "repository"


def test_findings_are_listed_by_file_with_their_line_and_fix(cli: Cli, manifests: Path) -> None:
    done = cli("validate", manifests)

    assert done.code == 8
    assert done.out.splitlines() == [
        "apps/web.yaml",
        "   10  error  image/tag  Deployment web: the image 'web:latest' has no fixed version "
        "(spec.template.spec.containers.0.image)",
        "       Name a version, or better a digest.",
        "   10  warning  workload/resources  Deployment web: the container 'web' has no resources.requests "
        "and no resources.limits.memory (spec.template.spec.containers.0)",
        "       Set resources.requests and resources.limits.memory.",
        "   10  warning  workload/restricted  Deployment web: the container 'web' may run as root, has no "
        "seccompProfile, may escalate privileges, keeps capabilities (spec.template.spec.containers.0)",
        "       Set runAsNonRoot: true and seccompProfile.type: RuntimeDefault on the pod, and on each "
        "container allowPrivilegeEscalation: false and capabilities.drop: [ALL].",
        "",
        "Checked 1 object of 1 kind for Kubernetes 1.30 and 1.37.",
    ]
    assert done.err.splitlines() == [
        f"Error: {manifests}: 1 error, 2 warnings",
        "Hint: correct them; docs/reference/rules.md explains each rule, and how to ignore one",
    ]


def test_nothing_found_is_said_with_what_was_looked_at(cli: Cli, chart: Path) -> None:
    done = cli("validate", chart, "--helm", helm_program())

    assert (done.code, done.err) == (0, "")
    first, last = done.out.splitlines()
    assert first.startswith(
        "Checked 2 objects of 1 kind for Kubernetes 1.30 and 1.37, 2 environments rendered by helm 4."
    )
    assert last == "No findings."


def test_json_has_every_finding_and_everything_unchecked(cli: Cli, manifests: Path) -> None:
    write_files(
        manifests, {"widget.yaml": b"apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n"}
    )

    done = cli(
        "validate", manifests, "-o", "json", "--offline", "--select", "image", "--kube-version", "v1.34.2"
    )

    document = done.json
    assert (done.code, document["kind"], document["outcome"]) == (8, "Validate", "failed")
    assert document["error"]["message"] == f"{manifests}: 1 error"
    assert document["findings"] == [
        {
            "rule": "image/tag",
            "level": "error",
            "message": "the image 'web:latest' has no fixed version",
            "fix": "Name a version, or better a digest.",
            "file": "apps/web.yaml",
            "line": 10,
            "object": "Deployment web",
            "path": "spec.template.spec.containers.0.image",
            "environments": [],
        }
    ]
    assert document["kubernetesVersions"] == ["1.34"]
    assert [each["what"] for each in document["notChecked"]] == ["Widget in example.com/v1"]


def test_json_of_a_clean_repository_is_a_result(cli: Cli, chart: Path) -> None:
    done = cli("validate", chart, "-o", "json", "--helm", helm_program(), "--env", "prod")

    document = done.json
    assert (done.code, document["outcome"], document["environments"], document["findings"]) == (
        0,
        "clean",
        1,
        [],
    )
    assert document["engine"].startswith("helm ")


def test_sarif_is_valid_and_names_rule_file_and_line(cli: Cli, manifests: Path) -> None:
    write_files(manifests, {"über uns.yaml": LATEST.replace("name: web}", "name: x}").encode()})

    done = cli("validate", manifests, "--output", "sarif")

    document = json.loads(done.out)
    Sarif.model_validate(document)
    (run,) = document["runs"]
    results = [each for each in run["results"] if each["ruleId"] == "image/tag"]
    assert done.code == 8
    assert [each["locations"][0]["physicalLocation"] for each in results] == [
        {"artifactLocation": {"uri": "apps/web.yaml"}, "region": {"startLine": 10}},
        {"artifactLocation": {"uri": "%C3%BCber%20uns.yaml"}, "region": {"startLine": 10}},
    ]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    assert {each["level"] for each in run["results"]} == {"error", "warning"}


def test_sarif_of_a_clean_repository_has_no_result(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)

    done = cli("validate", tmp_path / "a.yaml", "-o", "sarif")

    assert (done.code, done.err) == (0, "")
    Sarif.model_validate(json.loads(done.out))
    assert json.loads(done.out)["runs"][0]["results"] == []


def test_without_helm_the_charts_are_said_to_be_unchecked(
    cli: Cli, chart: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "helm_python", None)

    done = cli("validate", chart)

    assert done.code == 4
    assert "NOT CHECKED:\n  the chart chart in dev: there is no Helm to render it\n" in done.out
    assert "No findings" not in done.out
    assert done.err.splitlines() == [
        "Error: charts were not checked, since there is no Helm",
        "Hint: install helm (or, beside kickstart: pip install helm-python-sdk), or name one: --helm PATH",
    ]


def test_a_folder_without_anything_to_check_has_not_passed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")

    done = cli("validate", tmp_path)

    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(f"{tmp_path} holds no chart and no manifest to check.\n")
    assert "No findings" not in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "there is no PATH to check"),
        (["/nowhere"], 4, "there is no file or folder /nowhere"),
        ([".", "--select", "image/tags"], 2, "there is no rule 'image/tags' (did you mean 'image/tag'?)"),
        ([".", "--ignore", "nothing"], 2, "there is no rule 'nothing'"),
        ([".", "--kube-version", "1.12"], 2, "Kubernetes '1.12' is not known"),
        ([".", "--kube-version", "latest"], 2, "--kube-version takes 1.30 to 1.37"),
        ([".", "--env", "qa"], 2, "there is no environment 'qa'"),
        ([".", "--schema-location", "/nowhere"], 4, "the schema location /nowhere is not a folder"),
        (
            [".", "--schema-location", "cluster", "--kubeconfig", "/nowhere/config"],
            4,
            "there is no kubeconfig: /nowhere/config does not exist",
        ),
        ([".", "--helm", "/nowhere/helm"], 4, "/nowhere/helm cannot be run"),
        ([".", "--output", "xml"], 2, "there is no output format 'xml'"),
    ],
)
def test_a_wrong_command_is_told_apart_from_a_finding(
    cli: Cli, arguments: list[str], code: int, said: str
) -> None:
    done = cli("validate", *arguments)

    assert done.code == code
    assert said in done.err


def test_an_environment_that_is_not_there_names_those_that_are(cli: Cli, chart: Path) -> None:
    done = cli("validate", chart, "--env", "qa")

    assert (done.code, "there are dev, prod" in done.err) == (2, True)


def test_rules_can_be_left_out_by_area(cli: Cli, manifests: Path) -> None:
    done = cli("validate", manifests, "--ignore", "workload", "--ignore", "image/tag")

    assert (done.code, done.out.splitlines()[-1]) == (0, "No findings.")


def test_the_schema_location_of_the_environment_is_used(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.checks.test_schemas import DEFINITION

    write_files(
        tmp_path,
        {
            "crds/w.yaml": DEFINITION.encode(),
            "more/empty.yaml": b"",
            "m/w.yaml": b"""
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {sise: 1}
""",
        },
    )
    monkeypatch.setenv("KICKSTART_SCHEMA_LOCATION", f"{tmp_path / 'more'},{tmp_path / 'crds'}")

    done = cli("validate", tmp_path / "m")

    assert "schema/invalid  Widget w: there is no field 'sise' here (spec.sise)" in done.out


def test_offline_no_cluster_is_asked(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"w.yaml": b"apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n"})
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setenv("KICKSTART_SCHEMA_LOCATION", "cluster:any")

    done = cli("validate", tmp_path, "--offline")

    assert done.code == 0
    assert "a cluster is asked by kickstart validate, without --offline" in done.out


def test_folders_that_are_passed_over_are_named_by_the_help_and_can_be_checked(
    cli: Cli, tmp_path: Path
) -> None:
    passed_over = (".hidden", "venv", "node_modules", "__pycache__")
    write_files(tmp_path, {f"{folder}/a.yaml": LATEST.encode() for folder in passed_over})

    done, named = cli("validate", tmp_path), cli("validate", tmp_path / ".hidden")
    told = cli("validate", "--help").out

    assert (done.code, named.code) == (0, 8)
    assert [folder for folder in passed_over[1:] if folder not in told] == []


def test_a_link_out_of_the_folder_is_said(cli: Cli, tmp_path: Path) -> None:
    write_files(tmp_path, {"in/a.yaml": GOOD.encode(), "out.yaml": LATEST.encode()})
    (tmp_path / "in" / "link.yaml").symlink_to("../out.yaml")

    done = cli("validate", tmp_path / "in")

    assert done.code == 0
    assert done.err == f"NOT CHECKED: link.yaml is a link out of {tmp_path / 'in'}\n"


def test_a_name_that_no_tree_holds_is_said(cli: Cli, tmp_path: Path) -> None:
    write_files(
        tmp_path, {"a\\b.yaml": LATEST.encode(), "c:d.yaml": b"", "1:2": b"", "in/a.yaml": GOOD.encode()}
    )
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.yaml")).write_text(LATEST)

    done, alone = cli("validate", tmp_path), cli("validate", tmp_path / "c:d.yaml")

    assert done.code == 0
    assert done.err.splitlines() == [
        f"NOT CHECKED: {name} has a name that no repository should hold"
        for name in ("a\\b.yaml", "c:d.yaml", "\\xdcff.yaml")
    ]
    assert (alone.code, alone.err.splitlines()[0][:17]) == (4, "Error: 'c:d.yaml'")


def test_the_rules_are_listed_with_what_they_find(cli: Cli) -> None:
    listed = cli("validate", "--list-rules")
    as_json = cli("validate", "--list-rules", "-o", "json").json

    assert listed.code == 0
    assert "image/tag                  error    images without a tag or digest" in listed.out
    assert as_json["outcome"] == "listed"
    assert [each["rule"] for each in as_json["rules"]] == [
        line.split()[0] for line in listed.out.splitlines()
    ]
    assert all(each["reason"] and each["fix"] for each in as_json["rules"])


def test_checking_loads_no_client_library(manifests: Path) -> None:
    code = (
        "import sys; from kickstart.cli import main; main(['validate', sys.argv[1]]); "
        "wanted = ('git', 'github', 'kubernetes', 'requests', 'rich.console'); "
        "print([name for name in wanted if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(manifests)], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
