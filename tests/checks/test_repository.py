"""Charts and manifests of a whole repository, good and broken, through the real Helm."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kickstart.checks import rules
from kickstart.checks.charts import Engine
from kickstart.checks.findings import Rule, Unchecked
from kickstart.checks.repository import Wanted, environments
from tests.charts import check, engine, found, tree

CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "chart/values.yaml": "replicas: 1\nimage: web:1\n",
    "chart/templates/config.yaml": (
        "{{- /* settings */ -}}\n"
        "apiVersion: v1\n"
        "kind: ConfigMap\n"
        "metadata:\n"
        "  name: {{ .Release.Name }}\n"
        "data:\n"
        '  replicas: "{{ .Values.replicas }}"\n'
    ),
}
ENVIRONMENTS = {
    "chart/values-dev.yaml": "replicas: 2\n",
    "chart/values-prod.yaml": "replicas: 3\n",
    "chart/images/prod.yaml": "image: web@sha256:abc\n",
}
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.fixture(scope="module")
def helm() -> Engine:
    return engine()


def test_a_good_chart_has_no_finding(helm: Engine) -> None:
    report = check({**CHART, **ENVIRONMENTS}, helm=helm)

    assert found(report) == []
    assert (report.charts, report.environments, report.objects) == (("chart",), 2, 2)
    assert report.engine.startswith("helm 4.")


def test_a_chart_without_environments_is_rendered_with_its_defaults(helm: Engine) -> None:
    report = check(CHART, helm=helm)

    assert (report.environments, report.objects) == (1, 1)


def test_each_environment_has_its_own_values_and_images(helm: Engine) -> None:
    template = CONFIG + 'data:\n  image: "{{ .Values.image }}"\n  replicas: {{ .Values.replicas }}\n'
    report = check({**CHART, **ENVIRONMENTS, "chart/templates/config.yaml": template}, helm=helm)

    assert [(each.message, each.environments) for each in report.findings] == [
        ('2 is not of types "null", "string"', ("dev",)),
        ('3 is not of types "null", "string"', ("prod",)),
    ]


def test_a_finding_stands_at_the_line_of_the_template(helm: Engine) -> None:
    template = CHART["chart/templates/config.yaml"].replace(
        '"{{ .Values.replicas }}"', "{{ .Values.replicas }}"
    )

    (finding,) = check({**CHART, "chart/templates/config.yaml": template}, helm=helm).findings

    assert (finding.place, finding.object, finding.path) == (
        "chart/templates/config.yaml:7",
        "ConfigMap web",
        "data.replicas",
    )


def test_only_the_wanted_environments_are_rendered(helm: Engine) -> None:
    files = {**CHART, **ENVIRONMENTS}

    report = check(files, helm=helm, wanted=Wanted(environments=frozenset({"prod"})))

    assert (report.environments, environments(tree(files))) == (1, {"dev", "prod"})


def test_the_oldest_version_is_one_that_the_chart_admits(helm: Engine) -> None:
    chart = CHART["chart/Chart.yaml"] + 'kubeVersion: ">=1.34.0-0"\n'
    template = CONFIG + "data: {version: {{ .Capabilities.KubeVersion.Minor }}}\n"

    report = check({**CHART, "chart/Chart.yaml": chart, "chart/templates/config.yaml": template}, helm=helm)

    assert found(report, "schema/invalid") == [
        '34 is not of types "null", "string"',
        '37 is not of types "null", "string"',
    ]
    assert report.versions == ("1.34", "1.37")


def test_a_version_that_was_asked_for_and_the_chart_refuses_is_a_finding(helm: Engine) -> None:
    chart = CHART["chart/Chart.yaml"] + 'kubeVersion: ">=1.34.0-0"\n'

    report = check({**CHART, "chart/Chart.yaml": chart}, helm=helm, wanted=Wanted(versions=("1.30",)))

    assert found(report) == [
        "chart/Chart.yaml chart/render chart requires kubeVersion: >=1.34.0-0 "
        "which is incompatible with Kubernetes v1.30.0"
    ]


def test_objects_behind_a_capability_are_checked(helm: Engine, tmp_path: Path) -> None:
    from kickstart.tools.schemas import FolderLocation
    from tests.charts import schemas
    from tests.checks.test_schemas import DEFINITION

    (tmp_path / "widget.yaml").write_text(DEFINITION)
    template = (
        '{{- if .Capabilities.APIVersions.Has "example.com/v1/Widget" }}\n'
        "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {}\n"
        "{{- end }}\n"
    )

    report = check(
        {**CHART, "chart/templates/widget.yaml": template},
        helm=helm,
        known=schemas(FolderLocation(tmp_path)),
    )

    assert found(report) == ["chart/templates/widget.yaml:5 schema/invalid the field 'size' is missing"]


BROKEN = {
    "unclosed action": (
        {"chart/templates/x.yaml": "a: 1\n{{ if }}\n"},
        ["chart/templates/x.yaml:2 chart/render", "missing value for if"],
    ),
    "unknown function": (
        {"chart/templates/x.yaml": "a: {{ nope 1 }}\n"},
        ["chart/templates/x.yaml:1 chart/render", 'function "nope" not defined'],
    ),
    "nil pointer": (
        {"chart/templates/x.yaml": "a: {{ .Values.none.at.all }}\n"},
        ["chart/templates/x.yaml:1 chart/render", "nil pointer"],
    ),
    "fail": (
        {"chart/templates/x.yaml": '{{ fail "choose one" }}\n'},
        ["chart/templates/x.yaml:1 chart/render", "choose one"],
    ),
    "output that is not YAML": (
        {"chart/templates/x.yaml": "kind: A\n  apiVersion: v1\n"},
        ["chart/templates/x.yaml", "yaml/syntax", "mapping values are not allowed"],
    ),
    "a key that stands twice": (
        {"chart/templates/x.yaml": CONFIG + "data: {}\ndata: {a: b}\n"},
        ["chart/templates/x.yaml:5 yaml/duplicate-key", "the key 'data' stands twice"],
    ),
    "no object": (
        {"chart/templates/x.yaml": "just: data\n"},
        ["chart/templates/x.yaml yaml/no-object", "no apiVersion and kind"],
    ),
    "values that break the schema": (
        {
            "chart/values.schema.json": (
                '{"properties": {"replicas": {"minimum": 2}}, "additionalProperties": false}'
            ),
            "chart/values-dev.yaml": "replicaCuont: 3\n",
        },
        ["chart/values-dev.yaml chart/values", "replicaCuont", "minimum: got 1, want 2"],
    ),
    "values that are not YAML": (
        {"chart/values-dev.yaml": "a: [\n"},
        ["chart/Chart.yaml chart/render", "values-dev.yaml"],
    ),
    "a missing dependency": (
        {
            "chart/Chart.yaml": CHART["chart/Chart.yaml"]
            + "dependencies: [{name: redis, version: 1.0.0, repository: 'https://charts.example.com'}]\n"
        },
        ["chart/Chart.yaml chart/dependencies charts/ does not hold the dependency 'redis'"],
    ),
    "Chart.yaml that is not YAML": (
        {"chart/Chart.yaml": "name: [\n"},
        ["chart/Chart.yaml chart/render", "Chart.yaml"],
    ),
    "a binary template": (
        {"chart/templates/x.yaml": b"\xff\xfe\x00\x01"},
        ["chart/templates/x.yaml", "yaml/"],
    ),
}


@pytest.mark.parametrize(("files", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_chart_is_a_finding_that_names_the_place(
    helm: Engine, files: dict[str, str | bytes], expected: list[str]
) -> None:
    report = check({**CHART, **files}, helm=helm)

    said = "\n".join(found(report))
    assert [part for part in expected if part not in said] == [], said
    assert "/tmp/" not in said


def test_an_unknown_kind_is_said_and_not_passed(helm: Engine) -> None:
    report = check(
        {"a.yaml": "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {any: thing}\n"}
    )

    assert found(report) == []
    assert [(each.about, each.what, each.reason) for each in report.unchecked] == [
        ("kind", "Widget in example.com/v1", "its definition was not found")
    ]
    assert report.kinds == 0


def test_many_folders_cost_no_more_than_one_that_has_all_of_it() -> None:
    files = {
        f"f{number}/a.yaml": CONFIG.replace("{name: a}", f"{{name: a{number}}}") for number in range(1000)
    }
    began = time.process_time()

    report = check(files)

    assert (report.objects, found(report)) == (1000, [])
    assert time.process_time() - began < 3


def test_a_rule_that_falls_over_an_object_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Rule("test/broken", "error", "", "", "")
    monkeypatch.setattr(rules, "CHECKS", [(broken, lambda _: iter([1 / 0]))])

    report = check({"a/b.yaml": CONFIG})

    assert report.unchecked == (
        Unchecked("rule", "test/broken, for a", "ZeroDivisionError: division by zero"),
    )


def test_without_a_helm_every_environment_is_said_to_be_unchecked() -> None:
    report = check({**CHART, **ENVIRONMENTS, "other.yaml": CONFIG})

    assert [each.what for each in report.unchecked] == ["the chart chart in dev", "the chart chart in prod"]
    assert (report.engine, report.objects) == ("", 1)


def test_files_that_are_no_objects_are_left_alone() -> None:
    report = check(
        {
            "mkdocs.yml": "plugins: !!python/name:x {}\n",
            "broken.yaml": "a: [\n",
            "package.json": '{"kind": 1}',
            "big.json": "[" * 5000,
            "catalog-info.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: x}\n",
            ".github/workflows/ci.yaml": "on: push\non: pull_request\n",
            "image.png": b"\x89PNG\xff",
            "data.yaml": b"\xff\xfe",
        }
    )

    assert (found(report), report.unchecked, report.objects) == ([], (), 0)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [\n", "file.yaml:2 yaml/syntax"),
        (b"\xff\xfe", "file.yaml yaml/syntax is not UTF-8 text"),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nkind: Secret\n",
            "file.yaml:4 yaml/duplicate-key",
        ),
    ],
)
def test_a_single_file_that_was_named_must_be_readable(content: str | bytes, expected: str) -> None:
    assert found(check({"file.yaml": content}))[0].startswith(expected)


def test_the_items_of_a_list_are_objects() -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, date: {}}"
    text = f"apiVersion: v1\nkind: List\nitems:\n  - {item}\n"

    assert found(check({"a.yaml": text}), "schema/invalid") == ["there is no field 'date' here"]


def test_each_item_of_a_list_is_judged_at_its_own_line() -> None:
    head = "apiVersion: v1\nkind: List\nitems:\n"
    good = "  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
    wrong = "  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: b}\n    date: {}\n"

    assert found(check({"a.yaml": head + good + wrong + good.replace("name: a", "name: c")})) == [
        "a.yaml:8 schema/invalid there is no field 'date' here"
    ]


def test_a_comment_with_a_reason_ignores_a_rule_for_one_object() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: web}]}\n"
    wanted = Wanted(select=frozenset({"image/tag", "ignore/reason"}))
    reason = "# kickstart:ignore image/tag Nothing else is published.\n"

    plain = check({"a.yaml": pod}, wanted=wanted)
    ignored = check({"a.yaml": reason + pod}, wanted=wanted)
    other = check(
        {"a.yaml": reason + pod + "---\n" + pod.replace("name: a}\ns", "name: b}\ns")}, wanted=wanted
    )
    bare = check({"a.yaml": "# kickstart:ignore image/tag\n" + pod}, wanted=wanted)

    assert found(plain) == ["a.yaml:4 image/tag the image 'web' has no fixed version"]
    assert (found(ignored), ignored.suppressed) == ([], 1)
    assert [each.object for each in other.findings] == ["Pod b"]
    assert found(bare) == ["a.yaml:2 ignore/reason the comment that switches image/tag off gives no reason"]


def test_a_values_file_declares_what_others_make(helm: Engine) -> None:
    template = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nsecrets: [{name: pull}]\n"
    files = {**CHART, "chart/templates/account.yaml": template}
    declared = {
        **files,
        "chart/values.yaml": CHART["chart/values.yaml"] + "# kickstart:external Secret/pull\n",
    }

    assert found(check(files, helm=helm), "reference/secret") == ["there is no Secret pull"]
    assert found(check(declared, helm=helm)) == []


def test_a_store_outside_of_the_chart_may_be_referred_to(helm: Engine) -> None:
    secret = (
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\n"
        "spec: {secretStoreRef: {name: vault}}\n"
    )
    files = {**CHART, "chart/templates/secret.yaml": secret}
    store = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: vault}\n"

    assert found(check(files, helm=helm), "reference/store") == ["there is no SecretStore vault"]
    assert found(check({**files, "store.yaml": store}, helm=helm), "reference/store") == []


def test_a_chart_inside_another_is_rendered_with_it(helm: Engine) -> None:
    inner = {f"chart/charts/sub/{path.removeprefix('chart/')}": text for path, text in CHART.items()}
    inner["chart/charts/sub/Chart.yaml"] = CHART["chart/Chart.yaml"].replace("web", "sub")
    inner["chart/charts/sub/templates/config.yaml"] = CONFIG.replace("name: a", "name: sub") + "wrong: 1\n"

    report = check({**CHART, **inner}, helm=helm)

    assert report.charts == ("chart",)
    assert found(report) == [
        "chart/charts/sub/templates/config.yaml:4 schema/invalid there is no field 'wrong' here"
    ]


@pytest.mark.slow
def test_five_thousand_objects_take_seconds(helm: Engine) -> None:
    template = (
        "{{- range until 2500 }}\n"
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: web-{{ . }}}\n"
        "spec: {selector: {app: web-{{ . }}}, ports: [{port: 80, targetPort: 81}]}\n"
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-{{ . }}}\n"
        "spec:\n"
        "  selector: {matchLabels: {app: web-{{ . }}}}\n"
        "  template:\n"
        "    metadata: {labels: {app: web-{{ . }}}}\n"
        "    spec: {containers: [{name: web, image: 'web:1', ports: [{containerPort: 80}]}]}\n"
        "{{- end }}\n"
    )
    began = time.process_time()

    report = check({**CHART, "chart/templates/many.yaml": template}, helm=helm)

    assert report.objects == 5001
    assert len(found(report, "service/port")) == 2500
    assert time.process_time() - began < 20  # comparing each Service with each pod takes ten times as long
