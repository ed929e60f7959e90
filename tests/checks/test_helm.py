"""The Helm that renders: a program, or the engine in a Python package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kickstart.cli import checking
from kickstart.errors import PreflightError
from kickstart.tools import helm as tools_helm
from kickstart.tools.helm import HelmLibrary, HelmProgram, release_name
from scripts import tools
from tests.charts import check, found, helm_program, tree
from tests.checks.test_repository import CHART, ENVIRONMENTS

FILES = {path.removeprefix("chart/"): text for path, text in {**CHART, **ENVIRONMENTS}.items()}


def library() -> HelmLibrary:
    try:
        return HelmLibrary()
    except ImportError:
        pytest.skip("NOT CHECKED: the engine in helm-python-sdk, which is not installed: pip install .[helm]")


def test_a_program_renders_one_environment_and_says_its_version() -> None:
    helm = HelmProgram(helm_program())

    text, error = helm.render("web", tree(FILES), ["values-dev.yaml"], "web-dev", "1.37", ["example.com/v1"])

    assert error == ""
    assert 'replicas: "2"' in text
    assert helm.name.startswith("helm 4.") and str(helm_program()) in helm.name


@pytest.mark.parametrize("name", ["/FOLDER", "../../../FOLDER", ".."])
def test_a_charts_name_leads_to_no_folder_of_the_user(name: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("mine")
    name = name.replace("/FOLDER", str(kept))

    HelmProgram(helm_program()).render(name, tree(FILES), [], "web", "1.37", [])

    assert [(each.name, each.read_text()) for each in kept.iterdir()] == [("file", "mine")]


@pytest.mark.slow
@pytest.mark.parametrize("version", tools.HELM_VERSIONS)
def test_every_supported_helm_finds_the_same(version: str) -> None:
    try:
        helm = HelmProgram(tools.helm(version))
    except tools.UnavailableError as error:
        pytest.skip(f"NOT CHECKED: helm {version}, since {error}")
    broken = {
        **CHART,
        "chart/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nx: 1\n",
    }

    assert f"helm {version}" in helm.name
    assert found(check(broken, helm=helm)) == [
        "chart/templates/x.yaml:4 schema/invalid there is no field 'x' here"
    ]


def test_a_program_that_hangs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setattr(tools_helm, "VERSION_TIMEOUT", 0.2)

    with pytest.raises(PreflightError, match="did not say its version within 0 seconds"):
        HelmProgram(program)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo not helm", "is no Helm: not helm"),
        ("echo broken >&2; exit 3", "is no Helm: broken"),
        ("echo v2.17.0", "is Helm 2.17.0; Helm 3 or 4 is needed"),
        ("exit 0", "is no Helm: it says nothing"),
    ],
)
def test_a_program_that_is_no_helm_is_refused(tmp_path: Path, script: str, said: str) -> None:
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)

    with pytest.raises(PreflightError, match=said) as caught:
        HelmProgram(program)

    assert "KICKSTART_HELM" in caught.value.hint


def test_a_program_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "helm").write_text("#!/bin/sh\n")

    with pytest.raises(PreflightError, match="cannot be run: Permission denied"):
        HelmProgram(tmp_path / "helm")


def test_a_named_helm_wins_over_the_one_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = helm_program()
    (tmp_path / "helm").symlink_to(real)
    monkeypatch.setenv("PATH", str(tmp_path))

    on_path, named = checking.engine(None), checking.engine(str(real))
    monkeypatch.setenv("KICKSTART_HELM", str(real))
    by_environment = checking.engine(None)

    assert [each and each.name.split("(")[1] for each in (on_path, named, by_environment)] == [
        f"{tmp_path / 'helm'})",
        f"{real})",
        f"{real})",
    ]


def test_without_any_helm_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "helm_python", None)

    assert checking.engine(None) is None


def test_the_library_renders_as_the_program_does() -> None:
    helm, engine = HelmProgram(helm_program()), library()

    for values in (["values-dev.yaml"], ["values-prod.yaml", "images/prod.yaml"]):
        texts = [each.render("web", tree(FILES), values, "web", "1.37", [])[0] for each in (helm, engine)]
        assert texts[0].split() == texts[1].split()


def test_what_the_library_does_not_do_is_said_or_done_for_it() -> None:
    engine = library()
    files = {
        **CHART,
        "chart/Chart.yaml": CHART["chart/Chart.yaml"]
        + 'kubeVersion: ">=1.30.0"\ndependencies: [{name: redis, version: 1.0.0, repository: "https://x.example.com"}]\n',
        "chart/templates/a.yaml": '{{ if .Capabilities.APIVersions.Has "x/v1" }}\nkind: A\n  b: 1\n{{ end }}',
        "chart/templates/b.yaml": "kind: A\n  apiVersion: v1\n",
    }

    report = check(files, helm=engine)

    assert [each.what for each in report.unchecked] == [
        "branches of chart that look at .Capabilities",
        "kubeVersion of chart",
    ]
    assert found(report, "chart/dependencies") == ["charts/ does not hold the dependency 'redis'"]
    assert len(found(report, "yaml/syntax")) == 1
    assert report.engine.endswith("(helm-python-sdk 0.2.2)")


@pytest.mark.parametrize(
    ("name", "release"),
    [("my-chatbot", "my-chatbot"), ("My_Chart 2", "my-chart-2"), ("x" * 60, "x" * 53), ("__", "release")],
)
def test_a_release_has_a_name_that_helm_takes(name: str, release: str) -> None:
    assert release_name(name) == release
