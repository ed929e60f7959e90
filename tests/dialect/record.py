"""Records what Backstage makes of every case and of every whole template, so that tests need no Node."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.dialect import portal, whole
from tests.dialect.cases import all_cases
from tests.dialect.shapes import SHAPES

FILE = Path(__file__).parent / "recorded.json"
WHOLE = Path(__file__).parent / "recorded_templates.json"


def answers() -> list[list[Any]]:
    """Return [today's result, the older engine's where it differs] for every case, in order."""
    found = portal.ask("engines.js", all_cases(), portal.modules(portal.TODAY), portal.modules(portal.BEFORE))
    rows = []
    for each in found:
        today, before = _short(each["today"]), _short(each.get("before", each["today"]))
        rows.append([today] if today == before else [today, before])
    return rows


def _short(result: dict[str, Any]) -> Any:
    """Return a text as it is, a value in a list, undefined as an empty list, and an error as null."""
    if "error" in result:
        return None
    return result["text"] if "text" in result else [result["value"]] if "value" in result else []


def recorded() -> list[list[Any]]:
    """Return what was recorded."""
    loaded: list[list[Any]] = json.loads(FILE.read_text("utf-8"))
    return loaded


def whole_answers() -> dict[str, Any]:
    """Return what Backstage makes of every whole template, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(shape.write(Path(folder, shape.name)), shape.values) for shape in SHAPES]
        found = whole.theirs(jobs, Path(folder, "out"))
    return {shape.name: answer for shape, answer in zip(SHAPES, found, strict=True)}


def whole_recorded() -> dict[str, Any]:
    """Return what was recorded of whole templates."""
    loaded: dict[str, Any] = json.loads(WHOLE.read_text("utf-8"))
    return loaded


def main() -> None:
    """Write both files."""
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in answers()]
    FILE.write_text("[\n" + ",\n".join(rows) + "\n]\n", "utf-8")
    found = whole_answers()
    WHOLE.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
    print(f"{len(rows)} cases and {len(found)} templates")


if __name__ == "__main__":
    main()
