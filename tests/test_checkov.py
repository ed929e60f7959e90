"""`make checkov`: what counts as a fault."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from scripts.checkov import ACCEPTED, faults


def failed(resource: str, check: str = "CKV_K8S_8") -> dict[str, Any]:
    return {
        "resource": resource,
        "check_id": check,
        "check_name": "Liveness probe",
        "file_path": "/dev/chart.yaml",
    }


@pytest.mark.parametrize(
    ("resource", "check", "expected"),
    [
        ("Pod.demo.demo-test", "CKV_K8S_8", []),
        (
            "Deployment.demo.demo-test",
            "CKV_K8S_8",
            [
                "dev/chart.yaml: Deployment/demo-test: CKV_K8S_8: Liveness probe",
                "checkov.yaml: CKV_K8S_8 needs no entry for Pod/*-test",
            ],
        ),
        (
            "Pod.demo.demo-test",
            "CKV_K8S_9",
            [
                "dev/chart.yaml: Pod/demo-test: CKV_K8S_9: Liveness probe",
                "checkov.yaml: CKV_K8S_8 needs no entry for Pod/*-test",
            ],
        ),
    ],
)
def test_what_is_accepted_holds_for_its_check_and_objects_alone(
    resource: str, check: str, expected: list[str]
) -> None:
    accepted = [{"check": "CKV_K8S_8", "objects": ["Pod/*-test"], "reason": "It ends by itself."}]

    assert faults([failed(resource, check)], accepted) == expected


def test_all_that_is_accepted_has_a_reason() -> None:
    accepted = yaml.safe_load(ACCEPTED.read_text("utf-8"))

    assert all(each.keys() == {"check", "objects", "reason"} and each["reason"] for each in accepted)
