"""Real Helm and real definitions for tests, and how to ask for checks with them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from kickstart.checks import repository
from kickstart.checks.charts import Engine
from kickstart.checks.findings import Report
from kickstart.checks.repository import Wanted
from kickstart.checks.schemas import Location, Schemas
from kickstart.tools.helm import HelmProgram
from kickstart.tools.schemas import FolderLocation, FolderStore
from kickstart.tree import Entry, Tree
from scripts import tools

ROOT = Path(__file__).parents[1]
# Read before the tests forget the environment of this machine.
CRDS = Path(os.environ.get("KICKSTART_SCHEMA_LOCATION") or ROOT.parent / "shared" / "crds")
STORE = ROOT / ".cache" / "schemas"


def helm_program() -> Path:
    """Return a helm, fetched at first use; skips the test where there is none."""
    found = shutil.which("helm")
    if found:
        return Path(found)
    try:
        return tools.helm()
    except tools.UnavailableError as error:
        pytest.skip(f"NOT CHECKED: no chart is rendered, since {error}")


def definitions() -> Path:
    """Return the folder with the definitions of all kinds; skips the test where it is missing."""
    if not CRDS.is_dir():
        pytest.skip(
            f"NOT CHECKED: custom resources have no schemas, since {CRDS} does not exist; "
            "name a folder with KICKSTART_SCHEMA_LOCATION"
        )
    return CRDS


def schemas(*locations: Location) -> Schemas:
    """Return the schemas at some locations; without any, those of Kubernetes' own kinds."""
    return Schemas(list(locations), FolderStore(STORE))


def all_schemas() -> Schemas:
    """Return the schemas of Kubernetes and of all custom kinds that tests know."""
    return schemas(FolderLocation(definitions()))


def engine() -> Engine:
    return HelmProgram(helm_program())


def tree(files: Mapping[str, str | bytes]) -> Tree:
    """Return a tree of text."""
    return Tree(
        {
            path: Entry(content.encode() if isinstance(content, str) else content)
            for path, content in files.items()
        }
    )


def check(
    files: Mapping[str, str | bytes],
    *,
    known: Schemas | None = None,
    helm: Engine | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - frozen
) -> Report:
    """Check files."""
    return repository.check(tree(files), known or schemas(), helm, wanted)


def found(report: Report, rule: str | None = None) -> list[str]:
    """Return what was found, as `file:line rule message`; or the messages of one rule."""
    if rule is not None:
        return [each.message for each in report.findings if each.rule.id == rule]
    return [f"{each.place} {each.rule.id} {each.message}" for each in report.findings]
