"""How long something may take, as people write it."""

from __future__ import annotations

import re

from kickstart.errors import ParameterError

_LONGEST = 365 * 24 * 3600  # seconds; sockets take no more than some centuries
_UNITS = {"h": 3600, "m": 60, "s": 1}


def seconds(text: str) -> float:
    """Read a duration such as `90s`, `5m` or `1h30m`. Raises ParameterError."""
    parts = re.findall(r"([0-9]{1,9})([hms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ParameterError(f"'{text}' is not a duration", hint="write it as 90s, 5m or 1h30m")
    total = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if total > _LONGEST:
        raise ParameterError(f"'{text}' is longer than a year")
    return float(total)
