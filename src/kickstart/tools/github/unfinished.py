"""The description by which an empty repository is known as ours.

The very call that creates the repository sets it, and the first change after the push replaces it:
whoever sees it knows what is the matter.
"""

from __future__ import annotations

import re

_TEXT = "kickstart is publishing the project {} here"
_PATTERN = re.compile(re.escape(_TEXT).replace(r"\{\}", r"([-a-z0-9]+)") + "(?:: (.*))?")
MAX_LENGTH = 350  # characters of a description; GitHub's limit


def description(project: str, text: str = "") -> str:
    """Return the description of a repository that is being published, and will have `text`."""
    return f"{_TEXT.format(project)}: {text}"[:MAX_LENGTH] if text else _TEXT.format(project)


def project_of(description: str | None) -> str | None:
    """Return the project for which a repository was begun, or None where it was not, or is finished."""
    found = _PATTERN.fullmatch(description or "")
    return found.group(1) if found else None


def text_of(description: str | None) -> str:
    """Return the text that an unfinished repository will have."""
    found = _PATTERN.fullmatch(description or "")
    return (found.group(2) or "") if found else ""
