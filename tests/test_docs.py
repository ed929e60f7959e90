"""The documentation agrees with the code, and its links lead somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from kickstart import errors
from kickstart.cli import main

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / ".github").glob("*.md"),
        *(ROOT / "examples").glob("README.md"),
        *(ROOT / "examples" / "templates").glob("*/README.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "reference" / "output.schema.json").read_text("utf-8"))


@pytest.mark.slow
def test_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_to_a_file(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    relative = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith("#")]

    assert [link for link in relative if not (page.parent / link).exists()] == []


def _anchors(page: Path) -> set[str]:
    """Return what a link to a heading of a page ends with, as code hosts make it."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ +(.+?)\s*$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_a_heading_lead_to_one(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    parts = [link.partition("#") for link in re.findall(r"\]\(([^)\s]+\.md#[^)\s]+|#[^)\s]+)\)", text)]
    wrong = [
        f"{to}#{title}"
        for to, _, title in parts
        if "://" not in to and title not in _anchors(page.parent / to if to else page)
    ]

    assert wrong == []


def test_every_page_is_on_the_map() -> None:
    overview = (ROOT / "docs" / "README.md").read_text("utf-8")
    pages = {
        str(page.relative_to(ROOT / "docs"))
        for page in PAGES
        if page.is_relative_to(ROOT / "docs") and page.name != "README.md"
    }

    assert {page for page in pages if f"({page})" not in overview} == set()


@pytest.mark.parametrize("page", ["README.md", "docs/reference/exit-codes.md"])
def test_every_exit_code_is_documented(page: str) -> None:
    classes: list[type[errors.KickstartError]] = [
        errors.KickstartError,
        *errors.KickstartError.__subclasses__(),
    ]
    codes = {0, errors.INTERRUPTED, *(each.exit_code for each in classes)}

    documented = re.findall(r"^\| (\d+) \|", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE)

    assert sorted(map(int, documented)) == sorted(codes)


def test_nobody_is_told_to_install_kickstart_from_a_package_index() -> None:
    """On the public one another program has that name."""
    by_name = re.compile(r"(?:pip|pipx|uv|uvx)\b[^\n]* (?:install|--from|run|add) +['\"]?kickstart\b")
    files = [*PAGES, *(ROOT / "src").rglob("*.py"), *(ROOT / ".github").rglob("*.y*ml")]

    assert [str(file) for file in files if by_name.search(file.read_text("utf-8"))] == []


SMALLEST = str(ROOT / "examples" / "templates" / "smallest")
PROJECT = ["--owner", "acme", "--template", SMALLEST]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["create", "demo", *PROJECT, "--dry-run"], 0),
        (["create", "demo", *PROJECT], 0),
        (["create", "demo", *PROJECT, "--set", "nothing=1"], 2),
        (["template", "list"], 0),
        (["template", "show"], 0),
        (["template", "validate"], 0),
        (["template", "lint"], 0),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else str(value),
)
def test_json_output_is_as_the_schema_says(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    given = main([*arguments, "--output", "json"])

    assert given == code
    document = json.loads(capsys.readouterr().out)
    jsonschema_rs.Draft202012Validator(SCHEMA).validate(document)
