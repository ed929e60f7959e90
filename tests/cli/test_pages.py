"""Interactive mode asks page by page, and only what matters with the answers so far."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.cli.support import TWO_REPOSITORIES, heads, make_template

STORAGE = """\
    - title: Storage
      description: Where documents are kept.
      properties:
        storage:
          title: Storage
          type: string
          default: volume
          enum: [volume, bucket]
          enumNames: [A disk in the cluster, An object store]
          ui:help: A bucket is shared by all replicas.
      dependencies:
        storage:
          oneOf:
            - properties: {storage: {const: volume}}
            - properties:
                storage: {const: bucket}
                endpoint: {title: Endpoint, type: string, pattern: '^https://'}
              required: [endpoint]
  steps:
"""
FLAGS = ("--owner", "acme", "--visibility", "private", *("--set", "greeting=hi", "--set", "replicas=1"))
REST = ("--set", "debug=false", "--set", "tags=", "--set", "limits={cpu: 1m}")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """The two repositories, with a page whose second question depends on the first."""
    return make_template(tmp_path / "paged", TWO_REPOSITORIES.replace("  steps:\n", STORAGE))


@contextmanager
def asked(*arguments: str | Path) -> Iterator[pexpect.spawn[str]]:
    """Run create on a terminal of its own."""
    command = ["-m", "kickstart", "create", "my-chatbot", *map(str, arguments)]
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
    child = pexpect.spawn(sys.executable, command, env=environment, encoding="utf-8", timeout=15)
    try:
        yield child
    finally:
        child.close(force=True)


def rest(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    """Return how a run ended, and what it said last."""
    said = child.read()
    child.close()
    return child.exitstatus, said.replace("\r\n", "\n")


def test_a_page_has_its_title_description_help_and_choices(template: Path) -> None:
    with asked("-t", template, *FLAGS, *REST) as child:
        child.expect_exact("Storage (volume)")
        shown = (child.before or "").replace("\r\n", "\n")

    assert shown.strip().splitlines() == [
        "Storage (3 of 3)",
        "Where documents are kept.",
        "  A bucket is shared by all replicas.",
        "  1. volume  A disk in the cluster",
        "  2. bucket  An object store",
    ]


def test_a_question_is_asked_when_an_answer_makes_it_matter(template: Path, forge: Path) -> None:
    with asked("-t", template, *FLAGS, *REST) as child:
        child.expect_exact("Storage (volume)")
        child.sendline("2")
        child.expect_exact("Endpoint")
        child.sendline("http://insecure")
        child.expect("does not match")
        child.expect_exact("Endpoint")
        child.sendline("https://s3.example.com")
        child.expect_exact("Create this?")
        child.sendline("y")
        code, said = rest(child)

    assert code == 0
    assert "my-chatbot is ready." in said
    assert len(heads(forge)) == 2


def test_a_question_that_does_not_matter_is_not_asked(template: Path) -> None:
    with asked("-t", template, *FLAGS, *REST) as child:
        child.expect_exact("Storage (volume)")
        child.sendline("")
        child.expect_exact("Create this?")
        shown = child.before or ""

    assert "Endpoint" not in shown
    assert "create  repository acme/my-chatbot (on the local forge" in shown


def test_a_page_whose_parameters_were_all_given_is_left_out(template: Path) -> None:
    with asked("-t", template, *FLAGS, "--set", "storage=volume", *REST[:-2]) as child:
        child.expect_exact("Limits")
        shown = child.before or ""

    assert "Details (2 of 3)" in shown
    assert "Project (1 of 3)" not in shown


def test_no_as_json_is_an_outcome_of_its_own(template: Path, forge: Path) -> None:
    with asked("-t", template, *FLAGS, *REST, "--set", "storage=volume", "-o", "json") as child:
        child.expect_exact("Create this?")
        child.sendline("n")
        code, said = rest(child)

    declined = json.loads(said[said.index("{") :])
    assert (code, declined["outcome"]) == (0, "declined")
    assert [change["change"] for change in declined["changes"]] == ["create", "create"]
    assert not forge.exists()


def test_the_end_of_input_is_an_interruption(template: Path, forge: Path) -> None:
    with asked("-t", template, *FLAGS, *REST) as child:
        child.expect_exact("Storage (volume)")
        child.sendeof()
        code, said = rest(child)

    assert code == 130
    assert "Interrupted" in said
    assert not forge.exists()


def test_a_conflict_is_told_before_the_question(template: Path, forge: Path) -> None:
    (forge / "acme/my-chatbot.git").mkdir(parents=True)

    with asked("-t", template, *FLAGS, *REST, "--set", "storage=volume") as child:
        code, said = rest(child)

    assert code == 5
    assert "was not made by kickstart" in said
    assert "Create this?" not in said
