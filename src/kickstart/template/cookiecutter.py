"""Rendering a folder as cookiecutter does when a portal's `fetch:cookiecutter` calls it.

A portal wraps the folder so that its whole content is the project, asks nothing, and runs no hooks.
"""

from __future__ import annotations

import fnmatch
import json
import posixpath
import re
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kickstart.errors import Fault, TemplateError
from kickstart.template.dialect.binary import is_binary
from kickstart.template.language import EngineError
from kickstart.template.skeleton import fault
from kickstart.tree import Entry

CONTEXT = "cookiecutter.json"
_MISSING = re.compile(r"^'dict object' has no attribute '(.*)'$")
# Of `_jinja2_env_vars`: what shapes the text, and loads nothing.
_SETTINGS = frozenset(
    {
        *(f"{kind}_{end}_string" for kind in ("block", "variable", "comment") for end in ("start", "end")),
        *("line_statement_prefix", "line_comment_prefix", "trim_blocks", "lstrip_blocks", "newline_sequence"),
    }
)


def render(
    entries: Mapping[str, Entry], values: Mapping[str, Any], copied: Sequence[str], shown: str
) -> dict[str, Entry]:
    """Return the rendered entries by their rendered paths.

    copied: patterns of paths that are copied, contents of folders with their names as they are. shown:
    the folder's name for error texts. Raises TemplateError with every file that is at fault.
    """
    renderer = _Renderer(_defaults(entries, shown), values, shown)
    rendered: dict[str, Entry] = {}
    faults: list[Fault] = []
    for path in entries:
        entry = entries[path]
        folder = next((each for each in _parents(path) if _is_copied(each, copied)), None)
        try:
            if folder is not None:
                target = renderer.text(folder) + path[len(folder) :]
            else:
                target = renderer.text(path)
                if not (_is_copied(path, copied) or entry.is_link or is_binary(entry.content)):
                    entry = renderer.entry(entry)
        except EngineError as error:
            faults.append(fault(f"{shown}/{path}", error))
            continue
        if target and not target.endswith("/"):
            rendered[posixpath.normpath(target)] = entry
    if faults:
        raise TemplateError("the skeleton cannot be rendered", faults=faults)
    return rendered


def _defaults(entries: Mapping[str, Entry], shown: str) -> dict[str, Any]:
    if CONTEXT not in entries:
        return {}
    try:
        found = json.loads(entries[CONTEXT].content)
    except ValueError as error:
        place = Fault(f"{shown}/{CONTEXT}", str(error))
        raise TemplateError(f"{CONTEXT} is not JSON", faults=[place]) from error
    return found if isinstance(found, dict) else {}


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: index + 1]) for index in range(len(parts))]


def _is_copied(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


class _Renderer:
    """Jinja2 as cookiecutter sets it up, in a sandbox."""

    def __init__(self, defaults: Mapping[str, Any], values: Mapping[str, Any], shown: str) -> None:
        whole = {**defaults, **values}
        asked = whole.get("_jinja2_env_vars")
        settings = {k: v for k, v in asked.items() if k in _SETTINGS} if isinstance(asked, dict) else {}
        self._is_plain = not settings  # else expressions may begin with anything
        self._new_lines = str(whole.get("_new_lines") or "")
        try:
            self._environment = ImmutableSandboxedEnvironment(
                undefined=jinja2.StrictUndefined,
                keep_trailing_newline=True,
                autoescape=False,  # files are not HTML
                **settings,
            )
        except (AssertionError, TypeError, AttributeError) as error:
            place = Fault(f"{shown}/{CONTEXT}", f"_jinja2_env_vars: {error or 'cannot be used'}")
            raise TemplateError("the settings of Jinja2 are wrong", faults=[place]) from error
        self._environment.filters["jsonify"] = _jsonify
        self._values: dict[str, Any] = {}
        # Mappings come last, since they may refer to everything else.
        for mappings in (False, True):
            for name, raw in whole.items():
                if isinstance(raw, dict) is mappings or name.startswith("_"):
                    try:
                        self._values[name] = raw if name.startswith("_") else self._value(raw)
                    except EngineError as error:
                        place = Fault(shown, f"the value '{name}', {raw!r}: {error.message}")
                        raise TemplateError("a value cannot be rendered", faults=[place]) from error

    def _value(self, raw: Any) -> Any:
        """Return a value as cookiecutter asks for it: numbers become text, of a list the first is taken."""
        if raw is None or isinstance(raw, bool):
            return raw
        if isinstance(raw, list):
            return self._value(raw[0]) if raw else ""
        return self._inner(raw)

    def _inner(self, raw: Any) -> Any:
        if raw is None or isinstance(raw, bool):
            return raw
        if isinstance(raw, dict):
            return {str(self._inner(name)): self._inner(value) for name, value in raw.items()}
        if isinstance(raw, list):
            return [self._inner(value) for value in raw]
        return self.text(str(raw))

    def text(self, source: str) -> str:
        """Return a rendered text. Raises EngineError."""
        if self._is_plain and "{" not in source:
            return source
        try:
            return self._environment.from_string(source).render(cookiecutter=self._values)
        except jinja2.TemplateSyntaxError as error:
            raise EngineError(error.message or "syntax error", error.lineno) from error
        except (RecursionError, MemoryError) as error:
            raise EngineError("endless recursion") from error
        except Exception as error:  # whatever the template's own expressions raise
            message = _MISSING.sub(r"cookiecutter has no value '\1'", str(error)) or type(error).__name__
            raise EngineError(message, _line_of(error)) from error

    def entry(self, entry: Entry) -> Entry:
        """Return an entry with its content rendered, and the line ends that its first line has."""
        try:
            text = entry.content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise EngineError(f"is not UTF-8 text (byte {error.start})") from error
        first = text.find("\n")
        found = "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
        rendered = self.text(text.replace("\r\n", "\n"))
        return Entry(rendered.replace("\n", self._new_lines or found).encode(), entry.mode)


def _line_of(error: Exception) -> int:
    """Return the line of the template in which an expression failed; 0 where none is known."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == "<template>"]
    return (frames[-1].lineno or 0) if frames else 0


def _jsonify(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=4)
