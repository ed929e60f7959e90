"""Values of steps: every `${{ }}` in a JSON value replaced, lone expressions keeping their type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Undefined

from kickstart.template.engine import Engine, EngineError

Path = tuple[str | int, ...]


class ExpressionError(ValueError):
    """An expression that cannot be evaluated, at `path` within the value."""

    def __init__(self, path: Path, error: EngineError) -> None:
        super().__init__(error.message)
        self.path = path
        self.message = f"{error.expression}: {error.message}" if error.expression else error.message


def evaluate(value: Any, context: Mapping[str, Any], engine: Engine, path: Path = ()) -> Any:
    """Return `value` with every text in it evaluated; keys are never touched.

    An undefined value drops its key, and leaves a null in a list. Raises ExpressionError.
    """
    if isinstance(value, str):
        try:
            return engine.evaluate(value, context)
        except EngineError as error:
            raise ExpressionError(path, error) from error
    if isinstance(value, Mapping):
        evaluated = {key: evaluate(item, context, engine, (*path, key)) for key, item in value.items()}
        return {key: item for key, item in evaluated.items() if not isinstance(item, Undefined)}
    if isinstance(value, list):
        items = [evaluate(item, context, engine, (*path, index)) for index, item in enumerate(value)]
        return [None if isinstance(item, Undefined) else item for item in items]
    return value


def is_truthy(value: Any) -> bool:
    """Tell whether an `if` holds: JavaScript's idea of truth, except that an empty list is false."""
    if isinstance(value, Undefined) or value is None:
        return False
    if isinstance(value, Mapping):
        return True
    if isinstance(value, float) and value != value:
        return False
    return bool(value)


def texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield every text in `value` with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, (*path, index))
