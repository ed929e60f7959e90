"""What `create` checks of charts and manifests, before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.charts import definitions, helm_program
from tests.checks.test_repository import CHART, ENVIRONMENTS
from tests.cli.support import FILES, Cli, heads, make_template, process

LATEST = (
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n"
    "    - {name: web, image: 'web:latest', resources: {requests: {cpu: 1}, limits: {memory: 1Gi}}}\n"
)


@pytest.fixture
def charted(tmp_path: Path) -> Path:
    """A template whose GitOps repository holds a chart."""
    chart = {f"gitops/{path}": str(text).encode() for path, text in {**CHART, **ENVIRONMENTS}.items()}
    # Two languages have braces; that of templates is ours here.
    return make_template(tmp_path / "charted", files={**FILES, **chart})


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A template whose GitOps repository holds an object with a fault, and two that only hurt."""
    return make_template(tmp_path / "broken", files={**FILES, "gitops/pod.yaml": LATEST.encode()})


def create(cli: Cli, template: Path, *more: str) -> tuple[int, str, str]:
    done = cli("create", "demo", "-t", template, "--owner", "acme", *more)
    return done.code, done.out, done.err


def test_an_error_stops_create_before_the_first_write(cli: Cli, broken: Path, forge: Path) -> None:
    code, _, err = create(cli, broken)

    assert code == 8
    assert err.splitlines() == [
        "Note: repository acme/demo-gitops has 1 warning: kickstart validate shows them",
        "Error: what the template makes would not work in a cluster: 1 error",
        "  pod.yaml:7: image/tag: Pod web: the image 'web:latest' has no fixed version",
        "Hint: docs/reference/rules.md explains each rule; to create it all the same: --no-validate",
    ]
    assert heads(forge) == {}


def test_a_dry_run_shows_the_plan_and_then_the_error(cli: Cli, broken: Path) -> None:
    code, out, err = create(cli, broken, "--dry-run")
    document = cli("create", "demo", "-t", broken, "--owner", "acme", "--dry-run", "-o", "json").json

    assert code == 8
    assert "create  repository acme/demo-gitops" in out
    assert "image/tag" in err
    assert document["error"]["exitCode"] == 8
    assert [fault["where"] for fault in document["error"]["faults"]] == ["pod.yaml:7"]
    assert [change["target"] for change in document["changes"]] == [
        "repository acme/demo",
        "repository acme/demo-gitops",
    ]


BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndate: {}\n"


@pytest.mark.parametrize(("more", "code"), [({}, 0), ({"gitops/wrong.yaml": BROKEN.encode()}, 8)])
def test_of_a_portals_template_only_what_no_cluster_takes_is_an_error(
    cli: Cli, tmp_path: Path, forge: Path, more: dict[str, bytes], code: int
) -> None:
    template = make_template(tmp_path / "t", files={**FILES, "gitops/pod.yaml": LATEST.encode(), **more})

    done = create(cli, template, "--dialect", "backstage")

    doubt = "Note: pod.yaml:7: image/tag: Pod web: the image 'web:latest' has no fixed version"
    assert done[0] == code, done[2]
    assert doubt in done[2].splitlines()
    assert ("schema/invalid" in done[2]) == bool(code)
    assert bool(heads(forge)) == (code == 0)


def test_a_template_of_a_chart_that_is_elsewhere_is_not_judged(cli: Cli, tmp_path: Path, forge: Path) -> None:
    text = b'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n{{- include "x" . }}\n'
    template = make_template(tmp_path / "t", files={**FILES, "gitops/app/templates/x.yaml": text})

    done = create(cli, template)

    assert done[0] == 0, done[2]
    assert "demo-gitops was NOT CHECKED in full (1 file of a chart that is not here)" in done[2]
    assert heads(forge)


def test_no_validate_creates_it_all_the_same(cli: Cli, broken: Path, forge: Path) -> None:
    code, _, err = create(cli, broken, "--no-validate")

    assert (code, len(heads(forge))) == (0, 2)
    assert "Note" not in err


def test_what_is_there_already_is_not_checked_again(cli: Cli, broken: Path) -> None:
    create(cli, broken, "--no-validate")

    code, out, err = create(cli, broken)

    assert (code, "unchanged" in out, "Note" in err) == (0, True, False)


def test_a_warning_is_said_and_stops_nothing(cli: Cli, broken: Path, forge: Path) -> None:
    (broken / "gitops/pod.yaml").write_text(LATEST.replace("latest", "1.0"))

    code, _, err = create(cli, broken)

    assert (code, len(heads(forge))) == (0, 2)
    assert "Note: repository acme/demo-gitops has 1 warning: kickstart validate shows them" in err


def test_without_helm_one_note_says_what_was_not_checked(
    cli: Cli, charted: Path, forge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name, *more, **others: None)
    monkeypatch.setitem(sys.modules, "helm_python", None)

    code, _, err = create(cli, charted)

    assert (code, len(heads(forge))) == (0, 2)
    assert [line for line in err.splitlines() if line.startswith("Note")] == [
        "Note: repository acme/demo-gitops was NOT CHECKED in full (no Helm): see kickstart validate --help"
    ]


def test_a_helm_that_does_not_work_is_no_reason_to_stop(
    cli: Cli, charted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helm").write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    (tmp_path / "helm").chmod(0o755)
    monkeypatch.setenv("KICKSTART_HELM", str(tmp_path / "helm"))

    code, _, err = create(cli, charted)

    assert code == 0
    assert f"was NOT CHECKED in full ({tmp_path / 'helm'} is no Helm: broken): see" in err


def test_a_chart_is_rendered_and_checked(
    cli: Cli, charted: Path, forge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KICKSTART_HELM", str(helm_program()))
    wrong = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndate: {}\n"

    good = create(cli, charted, "--dry-run")
    (charted / "gitops/chart/templates/wrong.yaml").write_text(wrong)
    bad = create(cli, charted)

    assert (good[0], good[2]) == (0, "")
    assert bad[0] == 8
    assert (
        "chart/templates/wrong.yaml:4: schema/invalid: ConfigMap x: there is no field 'date' here" in bad[2]
    )
    assert heads(forge) == {}


def test_definitions_are_never_fetched_for_it(
    cli: Cli, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda address, **more: asked.append(address))
    text = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: a, namespace: argocd}\n"
    (broken / "gitops/pod.yaml").write_text(text)

    code, _, err = create(cli, broken)

    assert (code, asked) == (0, [])
    assert (
        "Note: repository acme/demo-gitops was NOT CHECKED in full (no definitions of 1 kind): "
        "see kickstart validate --help"
    ) in err


def test_a_template_without_objects_loads_no_checks(pair: Path, tmp_path: Path) -> None:
    before = (
        "import atexit, sys; atexit.register(lambda: print('CHECKS', 'kickstart.checks' in sys.modules))\n"
    )
    env = {"KICKSTART_HOME": str(tmp_path / "home")}

    done = process("create", "demo", "-t", pair, "--owner", "acme", "--dry-run", env=env, before=before)

    assert (done.code, done.out.splitlines()[-1]) == (0, "CHECKS False")


@pytest.mark.slow
def test_the_built_in_template_passes_and_loads_no_client_library(tmp_path: Path) -> None:
    before = (
        "import atexit, sys\n"
        "names = ('git', 'github', 'kubernetes', 'requests', 'rich.console')\n"
        "atexit.register(lambda: print('LOADED', [name for name in names if name in sys.modules]))\n"
    )
    env = {
        "KICKSTART_HOME": str(tmp_path / "home"),
        "KICKSTART_HELM": str(helm_program()),
        "KICKSTART_SCHEMA_LOCATION": str(definitions()),
    }

    done = process("create", "my-chatbot", "--owner", "acme", "--dry-run", env=env, before=before)

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "LOADED []"


def test_the_help_that_the_note_points_to_says_how_everything_is_checked(cli: Cli) -> None:
    told = " ".join(cli("validate", "--help").out.split())

    assert "needs a Helm on this machine" in told
    assert "Definitions of custom kinds are fetched the first time and kept" in told
