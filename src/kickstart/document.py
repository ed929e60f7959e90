"""YAML and JSON documents as people write them: every fault has a line, no document is a bomb.

Backstage reads YAML 1.2, where `yes`, `on` and dates are text and a key stands once. PyYAML reads
1.1, so its resolver and its mapping constructor are replaced; parsing stays with libyaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import yaml

from kickstart.errors import Fault

MAX_BYTES = 1_048_576  # of one document; the largest public template has 60 KiB
MAX_NODES = 100_000  # after aliases are followed
MAX_DEPTH = 100

Path = Sequence[str | int]


class DocumentError(ValueError):
    """The document cannot be read; `line` is 1-based, 0 where no line is known."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


try:
    _Base: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML was built without libyaml
    _Base = yaml.SafeLoader


class _Loader(_Base):  # type: ignore[misc]
    """YAML 1.2 core schema, unique keys, merge keys."""


_SCALARS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("merge", r"<<", "<"),
)


def _resolve_scalars(kind: Any) -> None:
    """Make a loader or dumper take plain text for what YAML 1.2 takes it for."""
    for tag, pattern, signs in _SCALARS:
        first = [("" if sign == "\0" else sign) for sign in signs]
        kind.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), first)


_Loader.yaml_implicit_resolvers = {}
_resolve_scalars(_Loader)


def _construct_int(loader: Any, node: yaml.ScalarNode) -> int:
    text = node.value
    if len(text) > 3500:  # Python writes no longer ones, with a text that is not for our reader
        raise DocumentError(f"a number of {len(text)} digits", node.start_mark.line + 1)
    for prefix, base in (("0o", 8), ("0x", 16)):
        if text.startswith(prefix):
            return int(text[2:], base)
    return int(text)


def _construct_mapping(loader: Any, node: yaml.MappingNode) -> Any:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise DocumentError("a key that is not text", key.start_mark.line + 1)
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.value in seen:
            raise DocumentError(
                f"the key '{key.value}' stands twice, here and in line {seen[key.value]}",
                key.start_mark.line + 1,
            )
        seen[key.value] = key.start_mark.line + 1
    result: dict[str, Any] = {}
    yield result
    loader.flatten_mapping(node)
    for key, value in node.value:
        # JSON has only text as keys: 3000: and true: are the text they were written as.
        result[key.value] = loader.construct_object(value, deep=True)


# Only what JSON has: `!!set`, `!!timestamp` and `!!binary` would bring values that no template knows.
_Loader.yaml_constructors = {
    tag: construct
    for tag, construct in _Base.yaml_constructors.items()
    if tag is None or tag.rpartition(":")[2] in {"null", "bool", "float", "str", "seq"}
}
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
# `<<` merges as a key, and is text as a value.
_Loader.add_constructor("tag:yaml.org,2002:merge", lambda loader, node: node.value)


def load(text: str) -> Any:
    """Return the one YAML (or JSON) document in `text` as JSON values. Raises DocumentError."""
    return _load(text, _one)


def load_all(text: str) -> list[Any]:
    """Return every YAML document in `text` as JSON values. Raises DocumentError."""
    documents: list[Any] = _load(text, _every)
    return documents


def load_apart(text: str) -> list[tuple[Any, str]]:
    """Return every YAML document in `text` with the text that is its own, whose lines keep their numbers.

    Raises DocumentError.
    """
    found: list[tuple[Any, int, int]] = _load(text, _placed)
    if len(found) == 1:
        return [(found[0][0], text)]
    lines = text.splitlines(keepends=True)
    return [(value, "\n" * start + "".join(lines[start:end])) for value, start, end in found]


def _placed(loader: Any) -> list[tuple[Any, int, int]]:
    documents = []
    while loader.check_node():
        node = loader.get_node()
        start, end = node.start_mark, node.end_mark
        documents.append((_constructed(loader, node), start.line, end.line + (end.column > 0)))
    return documents


def _one(loader: Any) -> Any:
    node = loader.get_single_node()
    return None if node is None else _constructed(loader, node)


def _every(loader: Any) -> list[Any]:
    documents = []
    while loader.check_node():
        documents.append(_constructed(loader, loader.get_node()))
    return documents


def _constructed(loader: Any, node: yaml.Node) -> Any:
    check_size(node)
    return loader.construct_document(node)


def _load(text: str, read: Callable[[Any], Any]) -> Any:
    loader = None
    try:
        _refuse_bombs(text)
        loader = _Loader(text)
        return read(loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError(what, mark.line + 1 if mark else 0) from error
    except yaml.YAMLError as error:
        raise DocumentError(str(error).splitlines()[0]) from error
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise DocumentError("holds a character that UTF-8 has not", line) from error
    except (ValueError, KeyError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"a value that does not fit its tag: {error}") from error
    except RecursionError as error:
        raise DocumentError(f"nested deeper than {MAX_DEPTH} levels") from error
    finally:
        if loader is not None:
            loader.dispose()


def _refuse_bombs(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise DocumentError(f"the document has {len(text):,} characters; at most {MAX_BYTES:,} are read")
    check_depth(text)


def check_depth(text: str) -> None:
    """Raise DocumentError for a text that nests deeper than MAX_DEPTH, before it is composed."""
    # libyaml's composer recurses in C, where Python's own limit does not help: look before.
    # A level takes a bracket, or a column of spaces and of the signs that open a level.
    half = MAX_DEPTH // 2
    if text.count("[") + text.count("{") <= half and not re.search(rf"^[-?: \t]{{{half}}}", text, re.M):
        return
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Base):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                raise DocumentError(f"nested deeper than {MAX_DEPTH} levels", _line(event))
    except yaml.YAMLError:
        return  # the loader finds it again and says where


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def check_size(root: yaml.Node) -> None:
    """Refuse a document that aliases blow up, and one that contains itself."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        known = sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in open_nodes:
            raise DocumentError("a value that contains itself", node.start_mark.line + 1)
        open_nodes.add(id(node))
        total = 1
        if isinstance(node, yaml.MappingNode):
            total += sum(size(value) for _, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            total += sum(size(value) for value in node.value)
        open_nodes.discard(id(node))
        if total > MAX_NODES:
            raise DocumentError(f"more than {MAX_NODES:,} values after aliases", node.start_mark.line + 1)
        sizes[id(node)] = total
        return total

    size(root)


@lru_cache(1)  # of a document with many faults
def composed(text: str) -> yaml.Node | None:
    """Return the nodes of a document, which know their places in `text`. Raises what PyYAML raises."""
    node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    return node


def line_of(text: str, path: Path) -> int:
    """Return the 1-based line of the value at `path`, or of its nearest ancestor; 0 if unreadable.

    Composes the document once more, so that only an error pays for lines.
    """
    try:
        node = composed(text)
    except (yaml.YAMLError, DocumentError):
        return 0
    line = node.start_mark.line + 1 if node else 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def fault_at(file: str, text: str, path: Path, message: str) -> Fault:
    """Return a fault that names `file`, the line of `path` in its `text`, and the path itself."""
    where = ".".join(str(part) for part in path)
    line = line_of(text, path)
    place = f"{file}:{line}" if line else file
    return Fault(place, f"{where}: {message}" if where else message)


class _Dumper(yaml.SafeDumper):
    """Readable YAML: block style, keys in their given order, lists indented, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # Line ends of YAML 1.1, which would be folded; PyYAML escapes them only in double quotes.
        style = '"' if re.search("[\x85\u2028\u2029]", data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_resolve_scalars(_Dumper)  # text that 1.2 reads as a number needs quotes, even where 1.1 does not
_Dumper.add_representer(str, _Dumper.represent_str)
_Dumper.add_multi_representer(str, _Dumper.represent_str)  # a kind of text of our own


class _BlockDumper(_Dumper):
    """The same, with texts of several lines as they are read."""

    def represent_text(self, data: str) -> yaml.ScalarNode:
        if "\n" not in data:
            return self.represent_str(data)
        # A block cannot hold blanks before the end of a line, which nobody sees anyway.
        seen = re.sub(r"[ \t]+$", "", data, flags=re.M)
        return self.represent_scalar("tag:yaml.org,2002:str", seen, "|")


_BlockDumper.add_representer(str, _BlockDumper.represent_text)
_BlockDumper.add_multi_representer(str, _BlockDumper.represent_text)


def dump(value: Any, *, blocks: bool = False) -> str:
    """Return `value` as YAML with one newline at its end.

    blocks: for people alone: texts of several lines stand in blocks, without blanks at a line's end.
    """
    text: str = yaml.dump(
        value,
        Dumper=_BlockDumper if blocks else _Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=100,
    )
    return text.removesuffix("...\n") if blocks else text  # to people it looks as if something were cut
