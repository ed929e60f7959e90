"""Durations, as the options take them."""

from __future__ import annotations

import pytest

from kickstart import durations
from kickstart.errors import ParameterError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400)])
def test_durations(text: str, seconds: float) -> None:
    assert durations.seconds(text) == seconds


def test_a_duration_without_a_unit_is_refused() -> None:
    with pytest.raises(ParameterError, match="'5' is not a duration"):
        durations.seconds("5")


@pytest.mark.parametrize("text", ["9" * 400 + "s", "9" * 5000 + "h", "999999999h", "1\u0663s"])
def test_a_duration_that_nobody_can_wait_for_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match=r"is not a duration|is longer than a year"):
        durations.seconds(text)
