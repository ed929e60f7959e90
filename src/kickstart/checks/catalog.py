"""All rules: those over objects, and those by which reading, rendering and schemas find something."""

from __future__ import annotations

from kickstart.checks import rules
from kickstart.checks.findings import ERROR, WARNING, Rule

_OWN = (
    Rule(
        "yaml/syntax",
        ERROR,
        "files and rendered templates that are not YAML",
        "Neither Helm nor Argo CD can read them.",
        "Correct the file at the line that is named; a chart's own text is often indented wrongly.",
    ),
    Rule(
        "yaml/duplicate-key",
        ERROR,
        "keys that stand twice in a mapping",
        "Which of the two values counts depends on who reads it.",
        "Remove one of them.",
    ),
    Rule(
        "yaml/no-object",
        ERROR,
        "rendered documents without apiVersion or kind",
        "Kubernetes takes objects only.",
        "Give the document apiVersion and kind, or render it under a condition.",
    ),
    Rule(
        "chart/render",
        ERROR,
        "charts that Helm cannot render",
        "Argo CD renders with the same engine, and stops at the same place.",
        "Correct the template or the values that Helm names.",
    ),
    Rule(
        "chart/values",
        ERROR,
        "values that the chart's own schema refuses",
        "Helm checks values.schema.json before it renders.",
        "Correct the values file; `values.schema.json` says what it may hold.",
    ),
    Rule(
        "chart/dependencies",
        ERROR,
        "charts whose dependencies are not in charts/",
        "Helm refuses to render them, or leaves out what they would add.",
        "helm dependency update, and commit charts/ or Chart.lock.",
    ),
    Rule(
        "chart/metadata",
        ERROR,
        "folders with templates and values, but without a Chart.yaml",
        "Argo CD takes such a folder for plain manifests, and stops at the first {{ }}.",
        "Add a Chart.yaml with apiVersion: v2, name and version.",
    ),
    Rule(
        "schema/invalid",
        ERROR,
        "objects that an API server refuses",
        "A field is unknown, missing or of another type; a lenient server drops it without a word.",
        "Correct the field; `kubectl explain` shows what there is.",
    ),
    Rule(
        "schema/removed",
        ERROR,
        "kinds that a supported version of Kubernetes does not have",
        "The sync fails with 'no matches for kind'.",
        "Move to the version that is named, or support fewer versions with --kube-version.",
    ),
    Rule(
        "schema/not-served",
        ERROR,
        "custom resources in a version that is not served",
        "The definition still knows the version, but the API server refuses it.",
        "Move to the version that is served.",
    ),
    Rule(
        "schema/deprecated",
        WARNING,
        "custom resources in a version that goes away",
        "A later release of the operator does not serve it.",
        "Move to the version that the message names.",
    ),
    Rule(
        "schema/rule",
        ERROR,
        "objects that break a validation rule of their kind",
        "The API server evaluates these rules (CEL) when the object is applied.",
        "Correct what the message names.",
    ),
    Rule(
        "ignore/reason",
        ERROR,
        "comments that switch a rule off and do not say why",
        "The next reader cannot tell a decision from a mistake.",
        "Write the reason behind the rule: # kickstart:ignore RULE REASON.",
    ),
)
RULES: dict[str, Rule] = {rule.id: rule for rule in _OWN} | rules.RULES
