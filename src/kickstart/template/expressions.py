"""Values of steps: every `${{ }}` in a JSON value replaced, lone expressions keeping their type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kickstart.template.language import UNDEFINED, EngineError, Language, LimitError

Path = tuple[str | int, ...]


class ExpressionError(ValueError):
    """An expression that cannot be evaluated, at `path` within the value."""

    def __init__(self, path: Path, error: EngineError) -> None:
        super().__init__(error.message)
        self.path = path
        self.message = f"{error.expression}: {error.message}" if error.expression else error.message


def evaluate(
    value: Any,
    context: Mapping[str, Any],
    engine: Language,
    path: Path = (),
    kept: list[ExpressionError] | None = None,
) -> Any:
    """Return `value` with every text in it evaluated; keys are never touched.

    An undefined value drops its key, and leaves a null in a list. A portal passes a text that it
    cannot evaluate on as it is, and says nothing; here `kept` is told. Raises ExpressionError.
    """
    if isinstance(value, str):
        try:
            return engine.evaluate(value, context)
        except EngineError as error:
            failed = ExpressionError(path, error)
            if not engine.is_portal or isinstance(error, LimitError):
                raise failed from error
            if kept is not None:
                kept.append(failed)
            return value
    if isinstance(value, Mapping):
        evaluated = {key: evaluate(item, context, engine, (*path, key), kept) for key, item in value.items()}
        return {key: item for key, item in evaluated.items() if item is not UNDEFINED}
    if isinstance(value, list):
        items = [evaluate(item, context, engine, (*path, index), kept) for index, item in enumerate(value)]
        return [None if item is UNDEFINED else item for item in items]
    if isinstance(value, float) and value.is_integer() and engine.is_portal:
        return int(value)  # 1.0 is written as 1 there
    return value


def is_truthy(value: Any) -> bool:
    """Tell whether an `if` holds: JavaScript's idea of truth, except that an empty list is false."""
    if value is UNDEFINED or value is None:
        return False
    if isinstance(value, Mapping):
        return True
    if isinstance(value, float) and value != value:
        return False
    return bool(value)


def why_empty(text: str, context: Mapping[str, Any], engine: Language) -> str:
    """Say which names that a text reads have no value; "" when that is no reason for its being empty."""
    try:
        chains = engine.names(text)
    except EngineError:
        return ""
    reasons = []
    for chain in dict.fromkeys(chains):
        place: Any = context
        for name in chain if chain[0] in context else ():
            if not isinstance(place, Mapping):
                break  # a method of a text, or an item of a list
            place = place.get(name)
        if place is None or place is UNDEFINED or place == "":
            given = chain[0] == "parameters" and chain[1] not in context["parameters"]
            reasons.append(f"'{chain[1]}' was not given" if given else f"{'.'.join(chain)} is empty")
    return ", ".join(reasons)


def found_at(value: Any, path: Path) -> Any:
    """Return what is at a path in a value, or UNDEFINED."""
    try:
        for part in path:
            value = value[part]
    except (KeyError, IndexError, TypeError):
        return UNDEFINED
    return value


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
