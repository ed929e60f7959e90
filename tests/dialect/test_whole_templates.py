"""Whole templates give the files, modes and inputs that Backstage's own runner gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kickstart import actions
from tests.dialect import whole
from tests.dialect.record import whole_recorded
from tests.dialect.shapes import SHAPES, Shape

RECORDED = whole_recorded()


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_whole_template_gives_what_backstage_gives(shape: Shape, tmp_path: Path) -> None:
    found = whole.ours(shape.write(tmp_path), shape.values)

    theirs = RECORDED[shape.name]
    assert theirs["error"] is None
    assert found["files"] == theirs["files"]
    own = {name: inputs for name, inputs in theirs["inputs"].items() if name not in actions.ACTIONS}
    assert found["inputs"] == own
    assert [_texts(item) for item in theirs["output"].get("links", [])] == found["links"]
    assert [_texts(item) for item in theirs["output"].get("text", [])] == found["texts"]


def _texts(item: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in item.items()}
