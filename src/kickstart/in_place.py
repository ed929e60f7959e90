"""A value of a YAML document, changed where it stands: what people wrote around it stays as it is."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

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
    is_there = path[-1] in parent
    parent[path[-1]] = value
    for after in [_replaced(text, path, value)] if is_there else _added(text, path, value):
        try:
            if document.load(after) == wanted:
                return after
        except document.DocumentError:
            continue  # an anchor was lost
    raise document.DocumentError(f"cannot be changed at {shown} alone", document.line_of(text, path))


def _replaced(text: str, path: Sequence[str], value: str) -> str:
    node: Any = document.composed(text)
    for part in path:
        node = next(item for key, item in node.value if key.value == part)
    start, end = node.start_mark.index, node.end_mark.index
    blank = " " if start == end else ""  # `key:` without a value
    return text[:start] + blank + json.dumps(value, ensure_ascii=False) + text[end:]


def _added(text: str, path: Sequence[str], value: str) -> Iterator[str]:
    """Yield `text` with a new key, for each way of indenting lists that keeps the other lines."""
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
