"""The description by which an empty repository is known as ours.

The very call that creates the repository sets it, and the first change after the push replaces it:
whoever sees it knows what is the matter.
"""

from __future__ import annotations

import re

_TEXT = "kickstart is publishing the project {} here"
_PATTERN = re.compile(re.escape(_TEXT).replace(r"\{\}", r"([-a-z0-9]+)"))


def description(project: str) -> str:
    """Return the description of a repository that is being published."""
    return _TEXT.format(project)


def project_of(description: str | None) -> str | None:
    """Return the project for which a repository was begun, or None where it was not, or is finished."""
    found = _PATTERN.fullmatch(description or "")
    return found.group(1) if found else None
