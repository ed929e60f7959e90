"""Kubernetes objects as they stand in files: with their lines, and with every key only once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from kickstart.document import DocumentError, check_depth, check_size, line_of

Path = tuple[str | int, ...]

MAX_BYTES = 8_000_000  # of one file; etcd takes 1.5 MB an object, and a chart may render thousands


class ManifestError(ValueError):
    """A document that is not YAML, or no object; `line` is 1-based in the text that was read."""

    def __init__(self, message: str, line: int, rule: str = "yaml/syntax") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.rule = rule


@dataclass(frozen=True, eq=False)
class Manifest:
    """One object. `file` and `line` say where its text starts; `rendered` text has lines of its own.

    within: where in the text it is, among the items of a List.
    """

    value: dict[str, Any]
    text: str = field(repr=False)
    file: str
    line: int = 1
    rendered: bool = False
    within: Path = ()

    @property
    def api_version(self) -> str:
        return str(self.value.get("apiVersion", ""))

    @property
    def group(self) -> str:
        """The API group; "" is Kubernetes' first one."""
        return self.api_version.rpartition("/")[0]

    @property
    def kind(self) -> str:
        return str(self.value.get("kind", ""))

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return mapping(self.value.get("metadata"))

    @property
    def name(self) -> str:
        return str(self.metadata.get("name") or self.metadata.get("generateName") or "")

    @cached_property
    def labels(self) -> dict[str, Any]:
        return mapping(self.metadata.get("labels"))

    @cached_property
    def annotations(self) -> dict[str, Any]:
        return mapping(self.metadata.get("annotations"))

    @cached_property
    def spec(self) -> dict[str, Any]:
        return mapping(self.value.get("spec"))

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    def line_of(self, path: Path) -> int:
        """Return the line in this object's own text of the value at `path`, or of its nearest ancestor."""
        return line_of(self.text, (*self.within, *path)) or 1

    @cached_property
    def ignored(self) -> dict[str, str]:
        """Rules that a comment in the text switches off for this object, each with its reason."""
        return {rule: reason.strip() for rule, reason in _IGNORE.findall(self.text)}


_IGNORE = re.compile(r"^[ \t]*# kickstart:ignore ([a-z-]+/[a-z-]+)[ \t:-]*(.*)$", re.M)
_EXTERNAL = re.compile(r"^[ \t]*# kickstart:external ([A-Za-z]+)/([-a-z0-9.]+)", re.M)


def external(text: str) -> set[tuple[str, str]]:
    """Return kind and name of the objects that comments in a text say are made elsewhere."""
    return set(_EXTERNAL.findall(text))


def mapping(value: Any) -> dict[str, Any]:
    """Return a mapping, or an empty one where there is none: a schema says so elsewhere."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Return a list, or an empty one where there is none."""
    return value if isinstance(value, list) else []


def mappings(value: Any) -> list[dict[str, Any]]:
    """Return the mappings of a list."""
    return [each for each in items(value) if isinstance(each, dict)]


def texts(value: Any) -> list[str]:
    """Return the texts of a list."""
    return [each for each in items(value) if isinstance(each, str)]


def text(value: Any) -> str:
    """Return a scalar as text, and anything else as none."""
    return str(value) if isinstance(value, str | int | float) else ""


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value inside `value`, itself first, with its path."""
    yield path, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from walk(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from walk(each, (*path, index))


def documents(text: str) -> Iterator[tuple[int, str]]:
    """Yield each document of a file with the line it starts at."""
    line = 1
    for part in re.split(r"^---(?=\s|$)", text, flags=re.M):
        if part.strip():
            yield line, part
        line += part.count("\n")


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML as Kubernetes reads it: that of Go, where dates and 12:30 are text, and a key stands once."""


# YAML 1.1's own resolvers but for dates and numbers in base 60, which Go does not have.
_Loader.yaml_implicit_resolvers = {
    sign: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] not in {"timestamp", "int", "float"}
    ]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)
# The first that fits wins: a whole number is no float.
for _resolvers in _Loader.yaml_implicit_resolvers.values():
    _resolvers.sort(key=lambda each: each[0].endswith(":float"))


def _construct_mapping(loader: Any, node: yaml.MappingNode) -> Any:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ManifestError("a key that is not text", key.start_mark.line + 1)
        if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
            raise ManifestError(
                f"the key '{key.value}' stands twice, here and in line {seen[key.value]}",
                key.start_mark.line + 1,
                "yaml/duplicate-key",
            )
        seen[key.value] = key.start_mark.line + 1
    result: dict[str, Any] = {}
    yield result
    loader.flatten_mapping(node)
    for key, value in node.value:
        result[key.value] = loader.construct_object(value, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
_Loader.add_constructor(None, lambda loader, node: loader.construct_yaml_str(node))


def load(text: str) -> Any:
    """Return the value of one document. Raises ManifestError, with the line in `text`."""
    if len(text) > MAX_BYTES:
        raise ManifestError(f"{len(text):,} characters; at most {MAX_BYTES:,} are read", 1)
    try:
        check_depth(text)
        if "&" in text and "*" in text and (root := yaml.compose(text, Loader=_Base)):
            check_size(root)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise ManifestError(what, mark.line + 1 if mark else 1) from error
    except yaml.YAMLError as error:
        raise ManifestError(str(error).splitlines()[0], 1) from error
    except DocumentError as error:
        raise ManifestError(error.message, error.line) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"a value that cannot be read: {error}", 1) from error
