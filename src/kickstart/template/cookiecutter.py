"""Rendering a folder as cookiecutter does when a portal's `fetch:cookiecutter` calls it.

A portal wraps the folder so that its whole content is the project, asks nothing, and runs no hooks.
"""

from __future__ import annotations

import fnmatch
import json
import posixpath
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from kickstart.errors import Fault, TemplateError
from kickstart.naming import closest
from kickstart.template.dialect.binary import is_binary
from kickstart.template.language import EngineError
from kickstart.template.skeleton import fault
from kickstart.tree import Entry

CONTEXT = "cookiecutter.json"
_MISSING = re.compile(r"^'dict object' has no attribute '(.*)'$")
_READ_FIRST = ("_jinja2_env_vars", "_new_lines")
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


class Problem(Struct, frozen=True):
    """What would fail in a file or in its path. name: the value that it needs, and that nobody gives."""

    path: str
    line: int
    message: str
    name: str = ""


def problems(
    entries: Mapping[str, Entry], values: Mapping[str, Any], copied: Sequence[str], shown: str
) -> Iterator[Problem]:
    """Yield what would fail, without rendering. values: what a step gives, whose texts may be expressions.

    Raises TemplateError for what no file can be read without.
    """
    defaults = _defaults(entries, shown)
    settings = {name: each for name, each in {**defaults, **values}.items() if name in _READ_FIRST}
    renderer = _Renderer(settings, {}, shown)
    known = {*defaults, *values, "_template", "_output_dir", "_repo_dir", "_checkout"}
    for path in entries:
        entry = entries[path]
        texts = [(path, True)]
        inside = any(_is_copied(each, copied) for each in (path, *_parents(path)))
        if not (inside or entry.is_link or is_binary(entry.content)):
            texts.append((entry.content.decode("utf-8", "replace"), False))
        for text, is_path in texts:
            try:
                names = renderer.names(text)
            except EngineError as error:
                yield Problem(path, 0 if is_path else error.line, error.message)
                continue
            for name, line in names:
                if name not in known:
                    message = f"cookiecutter has no value '{name}'{closest(name, known)}"
                    yield Problem(path, 0 if is_path else line, message, name)


def _defaults(entries: Mapping[str, Entry], shown: str) -> dict[str, Any]:
    if CONTEXT not in entries:
        return {}
    try:
        found = json.loads(entries[CONTEXT].content)
    except (ValueError, RecursionError) as error:
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
                        place = Fault(shown, f"the value '{name}': {error.message}")  # which may be a secret
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
            raise EngineError((error.message or "syntax error").rstrip("."), error.lineno) from error
        except (RecursionError, MemoryError) as error:
            raise EngineError("endless recursion") from error
        except Exception as error:  # whatever the template's own expressions raise
            message = _MISSING.sub(r"cookiecutter has no value '\1'", str(error)) or type(error).__name__
            raise EngineError(message, _line_of(error)) from error

    def names(self, source: str) -> list[tuple[str, int]]:
        """Return the values that a text cannot be rendered without, with their lines. Raises EngineError."""
        try:
            whole = self._environment.parse(source)
        except jinja2.TemplateSyntaxError as error:
            raise EngineError((error.message or "syntax error").rstrip("."), error.lineno) from error
        except RecursionError as error:
            raise EngineError("nested too deeply") from error
        provided = {
            id(node.node)
            for node in (*whole.find_all(nodes.Test), *whole.find_all(nodes.Filter))
            if node.name in {"defined", "undefined", "default", "d"}
        }
        return [
            (node.attr, node.lineno)
            for node in whole.find_all(nodes.Getattr)
            if isinstance(node.node, nodes.Name)
            and node.node.name == "cookiecutter"
            and id(node) not in provided
        ]

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
