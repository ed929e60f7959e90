"""The two repositories of rag-chatbot agree: what the chart sets, asks and measures, the application has."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kickstart.cli import main
from tests.kubernetes.test_gitops import CHOICES, environments, helm, objects, rendered

__all__ = ["helm"]

# What Kubernetes, Prometheus and the query itself add to a series, besides the application's own labels.
SCRAPED = {"namespace", "service", "pod", "le"}


@dataclass(frozen=True)
class Application:
    """The source repository, read and not run: its packages are not installed here."""

    folder: Path

    def module(self, name: str) -> ast.Module:
        return ast.parse((self.folder / "src/chatbot" / f"{name}.py").read_text("utf-8"))

    def constant(self, module: str, name: str) -> Any:
        for node in self.module(module).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return ast.literal_eval(node.value)
        raise KeyError(name)

    def settings(self) -> dict[str, str]:
        """Each variable that is read, and its default as it is written."""
        (settings,) = [
            node
            for node in self.module("settings").body
            if isinstance(node, ast.ClassDef) and node.name == "Settings"
        ]
        return {
            node.target.id.upper(): ast.unparse(node.value or ast.Constant(None))
            for node in settings.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }

    def default(self, name: str) -> int:
        match = re.search(r"\d+", self.settings()[name])
        assert match
        return int(match[0])

    def required(self, given: dict[str, str]) -> set[str]:
        names = set(self.constant("settings", "REQUIRED"))
        for (name, value), more in self.constant("settings", "REQUIRED_WITH").items():
            if given.get(name) == value:
                names |= set(more)
        return names | ({"LLAMA_MODEL"} if given.get("LLAMA_ENDPOINT") else set())

    def series(self) -> dict[str, set[str]]:
        """Each time series that the application exposes, with its labels."""
        found: dict[str, set[str]] = {}
        for node in ast.walk(self.module("metrics")):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            kind, name = ast.unparse(node.func), str(node.args[0].value)
            lists = [*node.args, *(word.value for word in node.keywords if word.arg == "labels")]
            labels = {
                label for each in lists if isinstance(each, ast.List) for label in ast.literal_eval(each)
            }
            suffixes = {"Histogram": ["_bucket", "_sum", "_count"], "Counter": [""], "Gauge": [""]}
            for suffix in suffixes.get(kind.removesuffix("MetricFamily"), []):
                found[name + suffix] = labels
        return found


@pytest.fixture(scope="module", params=list(CHOICES.values()), ids=list(CHOICES))
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, helm: Path) -> Any:
    """The application and all objects of every environment, for one way to fill in the form."""
    gitops = rendered(tmp_path_factory.mktemp("project"), request.param)
    found = {environment: objects(helm, gitops, environment) for environment in environments(gitops)}
    return Application(gitops.parent / "my-chatbot"), found


Project = tuple[Application, dict[str, list[dict[str, Any]]]]


def containers(
    found: list[dict[str, Any]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, str]]]:
    """Yield (pod, container, environment) of everything that runs the application's image."""
    maps = {each["metadata"]["name"]: each["data"] for each in found if each["kind"] == "ConfigMap"}
    for each in found:
        if each["kind"] not in ("Deployment", "Job"):
            continue
        pod = each["spec"]["template"]["spec"]
        for container in pod["containers"]:
            if "/my-chatbot" not in container["image"]:
                continue
            environ: dict[str, str] = {}
            for source in container.get("envFrom", []):
                environ |= maps[source["configMapRef"]["name"]]
            for entry in container.get("env", []):
                environ[entry["name"]] = entry.get("value", "from a secret")
            yield pod, container, environ


@pytest.mark.slow
def test_every_variable_that_the_chart_sets_is_read(project: Project) -> None:
    application, found = project

    unread = {
        name
        for environment in found.values()
        for _, _, environ in containers(environment)
        for name in environ
        if name not in application.settings()
    }

    assert unread == set()


@pytest.mark.slow
def test_every_variable_that_the_application_needs_is_set(project: Project) -> None:
    application, found = project

    for environment in found.values():
        configured = {container["name"]: environ for _, container, environ in containers(environment)}
        for name in ("app", "migrate"):
            environ = configured[name]
            assert {each for each in application.required(environ) if not environ.get(each)} == set()
            assert environ["APP_MODE"] == "production"


@pytest.mark.slow
def test_every_command_of_the_chart_is_one_of_the_application(project: Project) -> None:
    application, found = project
    commands = application.constant("__main__", "COMMANDS")

    for environment in found.values():
        for _, container, _ in containers(environment):
            match container.get("command", []):
                case ["python", "-m", module, command]:
                    assert module == "chatbot"
                    assert command in commands
                case ["python", "-m", module]:
                    path = application.folder / "src" / module.replace(".", "/")
                    assert (path / "__main__.py").is_file()


@pytest.mark.slow
def test_ports_and_probes_are_where_the_application_answers(project: Project) -> None:
    application, found = project
    routes = json.loads((application.folder / "openapi.json").read_text("utf-8"))["paths"]
    ports = {
        "app": {"http": application.default("LISTEN_API"), "metrics": application.default("LISTEN_METRICS")},
        "frontend": {"http": application.default("LISTEN_FRONTEND")},
    }

    for environment in found.values():
        for _, container, _ in containers(environment):
            if container["name"] not in ports:
                continue
            assert {port["name"]: port["containerPort"] for port in container["ports"]} == ports[
                container["name"]
            ]
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                asked = container[probe]["httpGet"]
                assert asked["port"] == "http"
                if container["name"] == "app":
                    assert asked["path"] in routes
                else:
                    page = (application.folder / "src/chatbot/frontend/__main__.py").read_text("utf-8")
                    assert f'Route("{asked["path"]}"' in page


@pytest.mark.slow
def test_a_pod_is_given_the_time_that_its_last_answers_may_take(project: Project) -> None:
    _, found = project

    for environment in found.values():
        for pod, container, environ in containers(environment):
            if "lifecycle" not in container:
                continue
            drain = int(environ["DRAIN_SECONDS"])
            pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert pod["terminationGracePeriodSeconds"] > pause + drain


def expressions(found: list[dict[str, Any]]) -> Iterator[str]:
    """Yield every query of the alerts and dashboards."""
    for each in found:
        if each["kind"] == "PrometheusRule":
            yield from (rule["expr"] for group in each["spec"]["groups"] for rule in group["rules"])
        if each["kind"] == "ConfigMap" and "-dashboard-" in each["metadata"]["name"]:
            for dashboard in each["data"].values():
                quoted = re.findall(r'(?<="expr": )"(?:[^"\\]|\\.)*"', dashboard)
                yield from (json.loads(text) for text in quoted)


@pytest.mark.slow
def test_every_series_that_alerts_and_dashboards_read_is_exposed(project: Project) -> None:
    application, found = project
    series = application.series()
    seen = set()

    for environment in found.values():
        for expression in expressions(environment):
            ours = re.findall(r'(\w+)\{([^}]*service="my-chatbot-app"[^}]*)\}', expression)
            labels = SCRAPED.union(*(series.get(name, set()) for name, _ in ours))
            for name, matchers in ours:
                if name == "up":
                    continue
                seen.add(name)
                assert name in series, expression
                assert set(re.findall(r"(\w+)=", matchers.replace("=~", "=").replace("!~", "="))) <= labels
            for grouping in re.findall(r"by \(([^)]*)\)", expression) if ours else []:
                assert {label.strip() for label in grouping.split(",")} <= labels, expression

    if any(each["kind"] == "PrometheusRule" for environment in found.values() for each in environment):
        assert {"http_request_duration_seconds_bucket", "documents", "db_pool_wait_seconds_bucket"} <= seen


@pytest.mark.parametrize("name", ["json", "test", "typing", "fastapi", "support", "chatbot"])
def test_no_name_of_a_project_hides_a_module_that_it_imports(name: str, tmp_path: Path) -> None:
    assert main(["render", name, "--owner", "acme", "--quiet", "-d", str(tmp_path)]) == 0
    source = tmp_path / name

    ours = [path.stem for folder in ("src", "tests", "eval") for path in (source / folder).iterdir()]

    assert "chatbot" in ours
    assert set(ours) & sys.stdlib_module_names == set()
    locked = (source / "requirements-dev.lock").read_text("utf-8")
    assert (
        set(ours) & {each.replace("-", "_") for each in re.findall(r"^([a-z0-9-]+)==", locked, re.M)} == set()
    )
