"""What expressions say, as far as it can be told without running them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kickstart.naming import closest
from kickstart.template.dialect import host, syntax
from kickstart.template.dialect.engine import Reading, filters_used, names_read
from kickstart.template.dialect.filters import FILTERS
from kickstart.template.dialect.scanner import Spelling
from kickstart.template.filters import plugged_in
from kickstart.template.language import EngineError, Language, is_plain

# What is meant for this engine, and lacks the sign by which it is known. Helm's names begin with a dot.
NAKED = re.compile(r"(?<![$\\{])\{\{-?\s*((values|parameters|steps|each|cookiecutter)\.(\w+)[^{}]*)\}\}")


def readings(text: str, spelling: Spelling) -> list[Reading]:
    """Return what the expressions of a text read; nothing where it cannot be parsed."""
    return names_read(parsed(text, spelling))


def parsed(text: str, spelling: Spelling) -> syntax.Body:
    """Return the tags of a text; none where it cannot be parsed, which is found elsewhere."""
    try:
        return [] if is_plain(text) and not spelling.compat else syntax.parse(text, spelling)
    except EngineError:
        return []


def unknown_filters(body: syntax.Body, language: Language) -> Iterator[tuple[Reading, str]]:
    """Yield each filter that nobody has, with what to say of it."""
    if not language.is_portal:  # Jinja2's filters are checked when a template is compiled
        return
    for reading in filters_used(body):
        (name,) = reading.chain
        if name not in (known := {*FILTERS, *host.FILTERS, "jsonify"}) and name not in plugged_in():
            yield reading, f"there is no filter '{name}'{closest(name, known)}"
