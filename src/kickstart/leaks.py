"""Secrets in what a plan would publish."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from kickstart.actions.base import Effect
from kickstart.errors import Fault, TemplateError

# How JSON, Python and YAML lay out a text of several lines.
_LAYOUT = re.compile(r"""\\[nrt]|[\s\\"']""")


def refuse(effects: Iterable[tuple[str, Effect]], secrets: Mapping[str, SecretStr]) -> None:
    """Stop where a secret would be in a file or in a repository's description, whatever was meant.

    effects: each with the id of its step. Raises TemplateError with every place.
    """
    pairs = list(effects)
    faults: list[Fault] = []
    for name, hidden in secrets.items():
        secret = hidden.get_secret_value()
        for step, effect in pairs if secret else ():
            places = [
                *(text for text, content in effect.texts.items() if _tells(content, secret)),
                *(path for path, entry in effect.tree.items() if _holds(entry.content, secret)),
                *(path for path in effect.tree if secret in path),
            ]
            faults += [
                Fault(f"step '{step}'", f"would write the secret '{name}' into {place}")
                for place in dict.fromkeys(places)
            ]
    if faults:
        raise TemplateError(
            "a secret would be published", faults=faults, hint="pass it to an action's 'secrets' instead"
        )


def _holds(content: bytes, secret: str) -> bool:
    is_long = "\n" in secret
    return secret.encode() in content or (is_long and _tells(content.decode("utf-8", "replace"), secret))


def _tells(text: str, secret: str) -> bool:
    """Tell whether a text has a secret in it, one of several lines also where they are indented."""
    if "\n" in secret:
        return _LAYOUT.sub("", secret) in _LAYOUT.sub("", text)
    forms = (secret, json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    return any(form in text for form in forms)
