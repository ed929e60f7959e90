"""Strict schemas, Kubernetes' own and custom ones, and the rules in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from kickstart.checks import cel
from kickstart.checks.builtin import Builtin
from kickstart.checks.manifest import Manifest, load
from kickstart.checks.schemas import Problem, Schemas, Unknown, rules, strict
from kickstart.tools import upstream
from kickstart.tools.schemas import FolderLocation, FolderStore
from scripts import schemas as packing
from tests.charts import all_schemas, definitions, schemas

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        },
    },
}
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              x-kubernetes-validations:
                - {rule: "self.size <= self.most", message: size is above most}
                - {rule: "self.namespace != 'default' || self.__namespace__ == 'x'"}
              properties:
                size: {type: integer, minimum: 1}
                most: {type: integer, default: 3}
                port: {x-kubernetes-int-or-string: true}
                free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {}}}
                labels: {type: object, additionalProperties: {type: string}}
                maybe: {type: string, nullable: true, enum: [a]}
                namespace: {type: string, default: prod}
                any: {anyOf: [{required: [a]}, {required: [b]}], type: object, properties: {a: {}, b: {}}}
    - name: v1beta1
      served: true
      deprecated: true
      deprecationWarning: use v1
      storage: false
      schema: {openAPIV3Schema: {type: object}}
    - name: v1alpha1
      served: false
      storage: false
      schema: {openAPIV3Schema: {type: object}}
"""


@pytest.fixture
def widgets(tmp_path: Path) -> Schemas:
    (tmp_path / "widget.yaml").write_text(DEFINITION)
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "list.json").write_text("[1]")
    return Schemas([FolderLocation(tmp_path)], FolderStore(tmp_path / "store"))


def widget(spec: Any, version: str = "v1", **more: Any) -> Manifest:
    value = {
        "apiVersion": f"example.com/{version}",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": spec,
    }
    return Manifest({**value, **more}, json.dumps(value), "file.yaml")


def messages(found: list[Problem] | Unknown) -> list[str]:
    assert isinstance(found, list)
    return [f"{each.rule} {'.'.join(map(str, each.path))}: {each.message}" for each in found]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"size": 1}, []),
        ({"size": 1, "port": "http", "maybe": None, "labels": {"x": "y"}, "free": {"z": 1}}, []),
        ({"size": 1, "any": {"a": "x"}}, []),
        ({"size": 1, "sise": 2}, ["schema/invalid spec.sise: there is no field 'sise' here"]),
        ({}, ["schema/invalid spec: the field 'size' is missing"]),
        ({"size": 0}, ["schema/invalid spec.size: 0 is less than the minimum of 1"]),
        ({"size": "1"}, ['schema/invalid spec.size: "1" is not of type "integer"']),
        (
            {"size": 1, "port": 1.5},
            [
                "schema/invalid spec.port: 1.5 is not valid under any of the schemas "
                "listed in the 'anyOf' keyword"
            ],
        ),
        ({"size": 1, "labels": {"x": 1}}, ['schema/invalid spec.labels.x: 1 is not of type "string"']),
        ({"size": 1, "maybe": "b"}, ['schema/invalid spec.maybe: "b" is not one of "a" or null']),
        ({"size": 1, "any": {"a": "x", "c": 1}}, ["schema/invalid spec.any.c: there is no field 'c' here"]),
    ],
)
def test_a_custom_kind_is_checked_strictly(widgets: Schemas, spec: Any, expected: list[str]) -> None:
    assert messages(widgets.problems(widget(spec), "1.37")) == expected


def test_the_metadata_of_a_custom_kind_is_checked_too(widgets: Schemas) -> None:
    wrong = widget({"size": 1}, metadata={"name": "w", "lables": {}})

    assert messages(widgets.problems(wrong, "1.37")) == [
        "schema/invalid metadata.lables: there is no field 'lables' here"
    ]


def test_versions_that_are_not_served_deprecated_or_unknown_are_told_apart(widgets: Schemas) -> None:
    assert messages(widgets.problems(widget({}, "v1alpha1"), "1.37")) == [
        "schema/not-served apiVersion: example.com/v1alpha1 of Widget is not served; "
        "what is served is example.com/v1, example.com/v1beta1"
    ]
    assert messages(widgets.problems(widget({}, "v1beta1"), "1.37"))[-1:] == [
        "schema/deprecated apiVersion: use v1"
    ]
    assert messages(widgets.problems(widget({}, "v2"), "1.37")) == [
        "schema/not-served apiVersion: Widget has no version example.com/v2; "
        "there is example.com/v1, example.com/v1alpha1, example.com/v1beta1"
    ]
    unknown = widgets.problems(Manifest({"apiVersion": "other.io/v1", "kind": "X"}, "", "f"), "1.37")
    assert unknown == Unknown("its definition was not found")


def test_rules_see_defaults_and_escaped_names(widgets: Schemas) -> None:
    def judged(spec: Any) -> list[str]:
        return messages(
            [
                each
                for each in cel.evaluate(widgets.rules(widget(spec)), widget(spec).value)
                if isinstance(each, Problem)
            ]
        )

    assert judged({"size": 3}) == []
    assert judged({"size": 4}) == ["schema/rule spec: size is above most"]
    assert judged({"size": 4, "most": 5}) == []
    assert judged({"size": 1, "namespace": "default"}) == [
        "schema/rule spec: breaks the rule self.namespace != 'default' || self.__namespace__ == 'x'"
    ]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("self.quantity() > 1", "quantity"),
        ("self.a == oldSelf.a", "in the cluster"),
        ("self.none", "none"),
        ("self.a", "it gave int"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_not_passed(rule: str, reason: str) -> None:
    (found,) = cel.evaluate({"rules": [{"rule": rule}]}, {"a": 1})

    assert isinstance(found, cel.Unevaluated)
    assert reason in found.reason.lower() or reason in found.reason


def test_rules_are_evaluated_where_they_stand() -> None:
    tree = rules(
        {
            "properties": {
                "list": {
                    "items": {
                        "x-kubernetes-validations": [
                            {"rule": "self > 1", "messageExpression": "string(self) + ' is small'"}
                        ]
                    }
                },
                "map": {
                    "additionalProperties": {
                        "x-kubernetes-validations": [{"rule": "self != ''", "message": "empty"}]
                    }
                },
            }
        }
    )

    found = list(cel.evaluate(tree, {"list": [2, 1], "map": {"a": "", "b": "x"}, "other": 0}))

    assert found == [
        Problem("schema/rule", ("list", 1), "1 is small"),
        Problem("schema/rule", ("map", "a"), "empty"),
    ]


def test_evaluating_rules_loads_no_command_line() -> None:
    code = (
        "import sys; from kickstart.checks import cel; "
        "list(cel.evaluate({'rules': [{'rule': 'self == 1'}]}, 1)); "
        "sys.exit(any(name.split('.')[0] in {'typer', 'rich', 'prompt_toolkit'} for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_second_run_reads_what_the_first_has_converted(tmp_path: Path) -> None:
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "widget.yaml").write_text(DEFINITION)
    location, store = FolderLocation(tmp_path / "crds"), FolderStore(tmp_path / "store")

    first = messages(Schemas([location], store).problems(widget({}), "1.37"))
    kept = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "store").iterdir()}
    second = messages(Schemas([location], store).problems(widget({}), "1.37"))

    assert first == second == ["schema/invalid spec: the field 'size' is missing"]
    assert {file.name: file.stat().st_mtime_ns for file in (tmp_path / "store").iterdir()} == kept
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("pattern", ["*", "*-0", "*[!0-9]"], ids=["all", "the schema", "the list"])
def test_a_torn_store_is_converted_again(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "widget.yaml").write_text(DEFINITION)
    store = tmp_path / "store"
    Schemas([FolderLocation(tmp_path)], FolderStore(store)).problems(widget({}), "1.37")
    for file in store.glob(pattern):
        file.write_text("{")

    found = Schemas([FolderLocation(tmp_path)], FolderStore(store)).problems(widget({}), "1.37")

    assert messages(found) == ["schema/invalid spec: the field 'size' is missing"]


# Kubernetes' own kinds


def test_kinds_of_kubernetes_are_checked_for_each_version() -> None:
    known = schemas()
    gateway = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1beta3",
        "kind": "FlowSchema",
        "metadata": {"name": "x"},
    }
    wrong = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replica": 1}}  # type: ignore[dict-item]

    assert messages(known.problems(Manifest(DEPLOYMENT, "", "f"), "1.30")) == []
    assert messages(known.problems(Manifest(wrong, "", "f"), "1.37")) == [
        "schema/invalid spec.replica: there is no field 'replica' here"
    ]
    assert messages(known.problems(Manifest(gateway, "", "f"), "1.30")) == []
    assert messages(known.problems(Manifest(gateway, "", "f"), "1.37")) == [
        "schema/removed apiVersion: Kubernetes 1.37 has no FlowSchema in "
        "flowcontrol.apiserver.k8s.io/v1beta3; it serves flowcontrol.apiserver.k8s.io/v1"
    ]


def test_the_packed_schemas_are_those_of_the_package() -> None:
    assert packing.PACKED.read_bytes() == packing.packed()


@pytest.mark.parametrize("version", Builtin().versions)
def test_packed_schemas_judge_as_the_package_does(version: str) -> None:
    objects = [
        DEPLOYMENT,
        {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "x": 1}},  # type: ignore[dict-item]
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "x"},
            "spec": {"ports": [{"port": "80"}]},
        },
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "x"},
            "spec": {"schedule": "* * * * *"},
        },
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 3}},
    ]

    for value in objects:
        try:
            kubernetes_validate.validate(value, version, strict=True)
            refused = False
        except kubernetes_validate.ValidationError:
            refused = True
        assert bool(schemas().problems(Manifest(value, "", "f"), version)) == refused, (version, value)


# The definitions of other projects


def test_every_definition_can_be_used(tmp_path: Path) -> None:
    """None is beyond the validator, and every rule in them is at least understood."""
    known = all_schemas()

    for api_version, kind in sorted(known.kinds()):
        empty = Manifest({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}, "", "f")
        assert not isinstance(known.problems(empty, "1.37"), Unknown), kind
        for rule in _rules(known.rules(empty)):
            cel._program(rule)


def _rules(tree: Any) -> list[str]:
    found = [each["rule"] for each in tree.get("rules", ())]
    for below in (*tree.get("properties", {}).values(), tree.get("items", {}), tree.get("additional", {})):
        found += _rules(below) if below else []
    return found


def test_the_releases_have_the_files_of_the_definitions_that_tests_use() -> None:
    there = {file.name for file in definitions().rglob("*.yaml")}
    listed = {
        address.rsplit("/", 1)[1]
        for api, kind in upstream.kinds()
        for group, _, version in [api.partition("/")]
        for address in upstream.addresses(group, version, kind)
    }
    bundle = {name for name in there if ".istio.io_" in name}  # one file upstream, taken apart here

    assert there - bundle <= listed
    assert {kind for kind in all_schemas().kinds() if kind in set(upstream.kinds())} == set(upstream.kinds())


def test_a_misplaced_field_of_a_real_kind_is_found() -> None:
    text = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: llama}
spec: {predictor: {model: {modelFormat: {name: vLLM}}}, resources: {}}
"""

    found = all_schemas().problems(Manifest(load(text), text, "f"), "1.37")

    assert messages(found) == ["schema/invalid spec.resources: there is no field 'resources' here"]


def test_a_real_rule_refuses_what_its_schema_takes() -> None:
    text = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web.example.com], http: [{timeout: 0s, route: [{destination: {host: web}}]}]}
"""
    manifest = Manifest(load(text), text, "f")
    known = all_schemas()

    assert messages(known.problems(manifest, "1.37")) == []
    assert list(cel.evaluate(known.rules(manifest), manifest.value)) == [
        Problem("schema/rule", ("spec", "http", 0, "timeout"), "must be a valid duration greater than 1ms")
    ]


def test_the_converter_leaves_no_go_only_pattern() -> None:
    made = strict({"properties": {"for": {"type": "string", "pattern": "^(?i)[0-9]+[smh]$"}}})

    assert made["properties"]["for"]["pattern"] == "(?i)^[0-9]+[smh]$"
