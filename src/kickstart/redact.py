"""What may be shown of a text that can hold credentials."""

from __future__ import annotations

import re


def urls(text: str) -> str:
    """Return `text` without the user and password that any URL in it carries."""
    return re.sub(r"://[^/\s]*@", "://", text)
