"""Backstage's own code still says what was recorded, and takes our own template: make test-backstage."""

from __future__ import annotations

import pytest

from tests.dialect import portal
from tests.dialect.record import answers, recorded, whole_answers, whole_recorded

if portal.missing():
    pytest.skip(f"NOT TESTED AGAINST BACKSTAGE: {portal.missing()}", allow_module_level=True)


def test_the_engines_say_what_was_recorded() -> None:
    assert answers() == recorded()


def test_whole_templates_render_as_was_recorded() -> None:
    assert whole_answers() == whole_recorded()
