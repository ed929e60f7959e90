"""What is read out of a plan, and the command where there is no cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from kickstart import doctor
from kickstart.errors import TemplateError
from kickstart.plan import REQUIRES
from kickstart.template import catalog
from kickstart.tools import Kind
from tests.cli.support import Cli, cli, home
from tests.unit.building import plan, source

__all__ = ["cli", "home"]

PROJECT = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop}
spec:
  destinations: [{namespace: shop-dev}, {namespace: "shop-pr-*"}]
  namespaceResourceWhitelist:
    - {group: "", kind: Service}
    - {group: keda.sh, kind: ScaledObject}
    - {group: keda.sh, kind: NeverWritten}
"""
CHART = """\
{{- if .Values.scaled }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
---
apiVersion: v1
kind: Service
---
apiVersion: keda.sh/v1alpha1
# Not in the project's list.
kind: TriggerAuthentication
{{- end }}
"""
STEPS = [
    {"action": "fetch:plain", "input": {"url": "./files"}},
    {"action": "publish:github", "input": {"repoUrl": "github.com?owner=acme&repo=shop"}},
]


def planned(folder: Path, requires: str = "", **values: str) -> doctor.Needs:
    properties = {"class": {"type": "string", "default": ""}}
    files = {"files/argocd/project.yaml": PROJECT, "files/chart/templates/all.yaml": CHART}
    made = source(folder, STEPS, properties=properties, files=files)
    file = folder / "template.yaml"
    text = file.read_text().replace(
        "  name: shop\n", f"  name: shop\n  annotations:\n    {REQUIRES}: |\n      {requires}\n", 1
    )
    file.write_text(text)
    return doctor.needs(plan(catalog.load(file, folder, made.origin, ""), **values))


def test_the_kinds_are_those_that_are_allowed_in_the_versions_that_are_written(tmp_path: Path) -> None:
    found = planned(tmp_path)

    assert found.kinds == (Kind("v1", "Service"), Kind("keda.sh/v1alpha1", "ScaledObject"))
    assert found.namespaces == ("shop-dev",)


def test_the_annotation_knows_the_parameters(tmp_path: Path) -> None:
    found = planned(tmp_path, "storageClass: ${{ parameters.class | dump }}", **{"class": "fast"})

    assert found.requires.storage_class == "fast"


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        ("storageClas: fast", "Extra inputs are not permitted"),
        ("gpus: many", "valid integer"),
        ("a: [", "line"),
    ],
)
def test_a_wrong_annotation_is_found_at_its_line(tmp_path: Path, requires: str, said: str) -> None:
    with pytest.raises(TemplateError, match=f"the annotation {REQUIRES} is wrong") as caught:
        planned(tmp_path, requires)
    assert "template.yaml:" in caught.value.faults[0].where


def test_an_expression_that_fails_is_found_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=f"the annotation {REQUIRES} is wrong") as caught:
        planned(tmp_path, "gpus: ${{ 1 / 0 }}")
    assert "template.yaml:" in caught.value.faults[0].where


def test_without_a_cluster_the_machine_is_examined_all_the_same(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "t0ken")

    done = cli("doctor", "--kubeconfig", tmp_path / "none", "--output", "json")

    assert done.code == 4
    found = {each["what"]: (each["state"], each["fix"]) for each in done.json["checks"]}
    assert found["Git"] == ("ok", "")
    assert found["GitHub credentials"] == ("ok", "")
    assert found["cluster"] == ("missing", "name one with --kubeconfig FILE or KUBECONFIG")
    assert "t0ken" not in done.out + done.err


def test_the_table_says_how_to_fix_each_line(cli: Cli, tmp_path: Path) -> None:
    done = cli("doctor", "--kubeconfig", tmp_path / "none")

    assert "missing  cluster             there is no kubeconfig: " in done.out
    assert "                             name one with --kubeconfig FILE or KUBECONFIG\n" in done.out
    assert "Error: 1 requirement is not met" in done.err
