"""What the two template languages share: how they are asked, and how they say that something is wrong.

kickstart's own is strict (engine.py); Backstage's does what a portal does (dialect/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

_LIVE = re.compile(r"\$\{\{|\{%|\{#")


class EngineError(ValueError):
    """A template that cannot be compiled or rendered; `line` is 1-based in its source."""

    def __init__(self, message: str, line: int = 0, expression: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.expression = expression


class LimitError(EngineError):
    """A template that needs more than any honest one does."""


class Undefined:
    """The value of an expression that has none."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()


class Placeholder(str):
    """Stands as text for a value that only a portal has, and has such a one for each of its members.

    It reads `<STEP.OUTPUT>`, and a member's `<STEP.OUTPUT.NAME>`.
    """

    __slots__ = ()

    def member(self, name: str) -> Placeholder:
        """Return what stands for a member."""
        return Placeholder(f"{self[:-1]}.{name}>")


class Language(Protocol):
    """Renders texts and evaluates expressions. Every method raises EngineError."""

    @property
    def is_portal(self) -> bool:
        """Whether it does what a portal does: a text that cannot be evaluated stays as it is."""
        ...

    def render(self, source: str, context: Mapping[str, Any], **settings: bool) -> str:
        """Return `source` with everything in it replaced.

        settings: trim_blocks and lstrip_blocks, as Jinja2 and Nunjucks have them.
        """
        ...

    def evaluate(self, source: str, context: Mapping[str, Any]) -> Any:
        """Return the value of a text that is one expression, else the rendered text.

        The value of an undefined expression is UNDEFINED.
        """
        ...

    def names(self, source: str) -> list[tuple[str, ...]]:
        """Return each chain of names that `source` reads, as ("steps", "fetch", "output")."""
        ...

    def remembered(self, source: str, compute: Callable[[], Any]) -> Any:
        """Return `compute()`, plain data that depends on `source` and this language alone."""
        ...


def is_plain(text: str) -> bool:
    """Tell whether `text` holds nothing that rendering could change."""
    return _LIVE.search(text) is None
