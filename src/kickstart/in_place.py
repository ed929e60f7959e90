"""A value of a YAML document, changed where it stands: what people wrote around it stays as it is."""

from __future__ import annotations

import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from kickstart import document

_BOM = "\ufeff"  # no part of the text, and counted by nothing that has places in it


def with_value(text: str, path: Sequence[str], value: str) -> str:
    """Return `text` with the text `value` at `path`, and all else as people wrote it.

    A scalar that is there is replaced, and every other byte stays; a key that is missing is added.
    Raises DocumentError when more would change than that.
    """
    if text.startswith(_BOM):
        return _BOM + with_value(text[1:], path, value)
    shown = ".".join(path)
    wanted = parent = json.loads(json.dumps(document.load(text)))  # a copy in which no alias shares anything
    if wanted is None:
        wanted = parent = {}
    for part in path[:-1]:
        if isinstance(parent, dict) and parent.get(part) is None:
            parent[part] = {}
        parent = parent[part] if isinstance(parent, dict) else None
    if not isinstance(parent, dict) or isinstance(parent.get(path[-1]), dict | list):
        raise document.DocumentError(f"has something else at {shown}", document.line_of(text, path))
    _, there = _pair_at(text, path)
    parent[path[-1]] = value
    for after in [_replaced(text, there, value)] if there else _added(text, path, value):
        try:
            if document.load(after) == wanted:
                return after
        except document.DocumentError:
            continue  # an anchor was lost
    raise document.DocumentError(f"cannot be changed at {shown} alone", document.line_of(text, path))


def _pair_at(text: str, path: Sequence[str]) -> tuple[Any, Any]:
    """Return key and value that stand at a path in the text itself; what `<<` brings stands elsewhere."""
    key, node = None, document.composed(text)
    for part in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        key, node = next((pair for pair in pairs if pair[0].value == part), (None, None))
    return key, node


def _replaced(text: str, node: yaml.ScalarNode, value: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    blank = " " if start == end else ""  # `key:` without a value
    return text[:start] + blank + json.dumps(value, ensure_ascii=False) + text[end:]


def _added(text: str, path: Sequence[str], value: str) -> Iterator[str]:
    """Yield `text` with a new key: as a line of its own, else as each way of indenting lists has it."""
    key, mapping = _pair_at(text, path[:-1])
    line = re.compile(r"[^\r\n]*(\r\n|\n|\r)").match(text, key.end_mark.index) if key else None
    if line and isinstance(mapping, yaml.MappingNode) and mapping.value and not mapping.flow_style:
        indent = " " * mapping.start_mark.column
        row = f"{indent}{path[-1]}: {json.dumps(value, ensure_ascii=False)}{line[1]}"
        yield text[: line.end()] + row + text[line.end() :]
    yield from _added_anew(text, path, value)


def _added_anew(text: str, path: Sequence[str], value: str) -> Iterator[str]:
    """Yield `text` written anew with a new key, where all other lines are kept."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    end = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    whole = text if text.endswith("\n") else text + end
    for sequence, offset in ((2, 0), (4, 2)):
        keeping = YAML()
        keeping.preserve_quotes = True
        keeping.width = sys.maxsize
        keeping.indent(mapping=2, sequence=sequence, offset=offset)
        content = mapping = keeping.load(text.replace("\r\n", "\n"))
        if content is None:  # nothing, or comments alone
            content = mapping = keeping.load(f"{text.rstrip()}\n{{}}\n".replace("\r\n", "\n"))
        for part in path[:-1]:
            if mapping.get(part) is None:
                mapping[part] = CommentedMap()
            mapping = mapping[part]
        # At the end of a mapping it would come behind the comments of what follows.
        place = len(mapping) if mapping is content else 0
        mapping.insert(place, path[-1], DoubleQuotedScalarString(value))
        stream = io.StringIO()
        keeping.dump(content, stream)
        after = stream.getvalue().replace("\n", end)
        lost = Counter(whole.splitlines(keepends=True)) - Counter(after.splitlines(keepends=True))
        if lost.total() <= 1:  # the line of a mapping that was empty
            yield after
