"""JavaScript's values in Python, and how JavaScript turns one kind into another.

undefined is UNDEFINED and null is None; numbers are int or float, arrays are list, objects are dict.
Text holds UTF-16 units, one a character, so that length, slices and loops count as JavaScript does.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from kickstart.template.language import UNDEFINED, EngineError, LimitError

SPACE: Final = (
    "\t\n\v\f\r \xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
RESERVED: Final = frozenset({"constructor", "prototype", "__proto__"})  # ways to a language's insides

_SAFE_INTEGER = 2**53
_SURROGATE = re.compile("[\ud800-\udfff]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_DECIMAL = re.compile(r"[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_RADIX = {"0x": 16, "0o": 8, "0b": 2}


class SafeText:
    """Text that `safe`, `escape` or a macro made. Always true, and an object to `==`."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Pattern:
    """A regular expression of a template; `last` is where a global one goes on."""

    __slots__ = ("flags", "last", "source")

    def __init__(self, source: str, flags: str) -> None:
        self.source = source
        self.flags = flags
        self.last = 0

    def __str__(self) -> str:
        flags = "".join(flag for flag in "gimy" if flag in self.flags)
        return f"/{self.source or '(?:)'}/{flags}"


class Function:
    """Something that can be called, and nothing else: it has no text and no JSON."""

    __slots__ = ()


class Budget:
    """What one rendering may use: steps, characters made, seconds; honest templates are far below."""

    STEPS = 2_000_000
    CHARACTERS = 64_000_000
    SECONDS = 20.0
    ITEMS = 100_000  # of one list; Backstage's own bound

    def __init__(self) -> None:
        self._steps = 0
        self._characters = 0
        self._deadline = time.monotonic() + self.SECONDS

    def spend(self, steps: int = 1) -> None:
        """Count `steps`. Raises LimitError."""
        before = self._steps >> 12
        self._steps += steps
        if self._steps > self.STEPS:
            raise LimitError(f"the template takes more than {self.STEPS:,} steps")
        if self._steps >> 12 != before and time.monotonic() > self._deadline:
            raise LimitError(f"the template takes more than {self.SECONDS:.0f} seconds")

    def makes(self, characters: int) -> None:
        """Count text that is about to be made, or was. Raises LimitError."""
        self._characters += characters
        if self._characters > self.CHARACTERS:
            raise LimitError(f"the template makes more than {self.CHARACTERS:,} characters of text")
        self.spend(1 + (characters >> 8))

    def holds(self, items: float) -> None:
        """Refuse a list that is too long, and count its items. Raises LimitError."""
        if items > self.ITEMS:
            raise LimitError(f"a list of more than {self.ITEMS:,} items")
        self.spend(int(items))


def holds_function(value: Any, budget: Budget) -> bool:
    """Tell whether a function is a value, or anywhere inside of it: none goes to a filter or a method."""
    if not isinstance(value, list | dict):
        return isinstance(value, Function)
    waiting, seen = [value], {id(value)}
    while waiting:
        found = waiting.pop()
        budget.spend(1 + (len(found) >> 4))
        for each in found.values() if isinstance(found, dict) else found:
            if isinstance(each, Function):
                return True
            if isinstance(each, list | dict) and id(each) not in seen:
                seen.add(id(each))
                waiting.append(each)
    return False


def inward(value: Any) -> Any:
    """Return a JSON value as a template sees it: a copy, with texts in UTF-16 units."""
    if isinstance(value, str):
        return to_units(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float) or value is UNDEFINED:
        return value
    if isinstance(value, Mapping):
        keys = [str(key) for key in value]
        for key in keys:
            if key in RESERVED:
                raise EngineError(f"a value may not be called '{key}'")
        return record({to_units(str(key)): inward(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return [inward(item) for item in value]
    if isinstance(value, Function):
        return value
    return to_units(str(value))


def outward(value: Any, budget: Budget) -> Any:
    """Return a template's value as JSON has it; UNDEFINED stays what it is at the top."""
    budget.spend()
    if isinstance(value, str):
        return from_units(value)
    if isinstance(value, bool) or value is None or value is UNDEFINED or isinstance(value, int):
        return value
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return None  # as JSON.stringify writes it
        # Beyond 2 ** 53 the shortest digits that mean this double, as JavaScript writes it.
        return int(number_text(value)) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, SafeText):
        return from_units(value.text)
    if isinstance(value, list):
        items = [outward(item, budget) for item in value]
        return [None if item is UNDEFINED else item for item in items]
    if isinstance(value, dict):
        pairs = {from_units(key): outward(item, budget) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item is not UNDEFINED}
    if isinstance(value, Pattern):
        return str(value)
    raise EngineError("a function is no value")


def to_units(text: str) -> str:
    """Return `text` with every character outside the first plane as its two surrogates."""
    if text.isascii() or not _ASTRAL.search(text):
        return text
    return _ASTRAL.sub(lambda found: _pair(ord(found[0])), text)


def _pair(code: int) -> str:
    code -= 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def from_units(text: str) -> str:
    """Return text as UTF-8 can write it: pairs joined, lone surrogates replaced."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def number(value: int | float) -> int | float:
    """Return `value` as the double that JavaScript has; whole numbers stay int while both agree."""
    if isinstance(value, int) and not -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


def record(entries: dict[str, Any]) -> dict[str, Any]:
    """Return `entries` in JavaScript's order: array indices by size, then the rest as given."""
    if not any(key[:1].isdigit() for key in entries):
        return entries
    indices = sorted((key for key in entries if _is_index(key)), key=int)
    return {**{key: entries[key] for key in indices}, **entries}


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and (key == "0" or key[0] != "0") and int(key) < 2**32 - 1


def index_of(key: str, length: int) -> int | None:
    """Return the position that a property's name means in something of `length`, or None."""
    return int(key) if len(key) < 16 and _is_index(key) and int(key) < length else None


def is_true(value: Any) -> bool:
    """Tell whether JavaScript takes `value` for true."""
    if isinstance(value, list | dict):
        return True
    if isinstance(value, float):
        return value == value and value != 0
    if isinstance(value, SafeText | Pattern | Function):
        return True
    return bool(value)


def number_text(value: float) -> str:
    """Return a number as JavaScript prints it."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))  # from the left
    digits = digits.rstrip("0")
    size = len(digits)
    if size <= point <= 21:
        return sign + digits + "0" * (point - size)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    shown = point - 1
    rest = f".{digits[1:]}" if size > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if shown >= 0 else '-'}{abs(shown)}"


def printed(value: Any, budget: Budget) -> str:
    """Return what `${{ }}` prints. Raises EngineError for functions."""
    if isinstance(value, str):
        return value
    if value is None or value is UNDEFINED:
        return ""
    return text_of(value, budget)


def text_of(value: Any, budget: Budget) -> str:
    """Return String(value). Raises EngineError for functions."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, SafeText):
        return value.text
    if isinstance(value, list):
        budget.spend(len(value) + 1)
        text = ",".join([printed(item, budget) for item in value])
        budget.makes(len(text))
        return text
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, Pattern):
        return str(value)
    raise EngineError("a function cannot be printed; call it with ()")


def number_of(value: Any, budget: Budget) -> int | float:
    """Return Number(value). Raises EngineError for functions."""
    if value is True:
        return 1
    if value is False or value is None:
        return 0
    if isinstance(value, int | float):
        return value
    if value is UNDEFINED:
        return math.nan
    return _parsed(text_of(value, budget))


def _parsed(text: str) -> int | float:
    text = text.strip(SPACE)
    if not text:
        return 0
    base = _RADIX.get(text[:2].lower())
    try:
        if base:
            return number(int(text[2:], base)) if "_" not in text and text[2:3] not in "+- " else math.nan
        if not _DECIMAL.fullmatch(text) or not text.isascii():
            return math.nan
        if text.lstrip("+-").isdigit() and len(text) < 17 and text[0] != "-":
            return number(int(text))
        return float(text)  # float takes "Infinity" too
    except ValueError:
        return math.nan


def whole(value: Any, budget: Budget) -> int:
    """Return a position as JavaScript's methods take it: truncated, NaN as 0, infinite as very far."""
    found = number_of(value, budget)
    if isinstance(found, int):
        return found
    if math.isnan(found):
        return 0
    return int(max(min(found, 2.0**53), -(2.0**53)))


def is_primitive(value: Any) -> bool:
    """Tell whether `value` is compared by what it holds, not by which one it is."""
    return isinstance(value, str | bool | int | float) or value is None or value is UNDEFINED


def strictly_equal(left: Any, right: Any) -> bool:
    """Return left === right."""
    if left is right:
        return not (isinstance(left, float) and math.isnan(left))
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    return isinstance(left, str) and isinstance(right, str) and left == right


def loosely_equal(left: Any, right: Any, budget: Budget) -> bool:
    """Return left == right, as JavaScript has it."""
    if strictly_equal(left, right):
        return True
    if not is_primitive(left):
        if not is_primitive(right):
            return False
        left = text_of(left, budget)
    elif not is_primitive(right):
        right = text_of(right, budget)
    if left is None or left is UNDEFINED or right is None or right is UNDEFINED:
        return (left is None or left is UNDEFINED) and (right is None or right is UNDEFINED)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return strictly_equal(number_of(left, budget), number_of(right, budget))


def order(left: Any, right: Any, budget: Budget) -> float:
    """Return -1, 0 or 1 as left is less than, like or greater than right; NaN when neither."""
    first = left if is_primitive(left) else text_of(left, budget)
    second = right if is_primitive(right) else text_of(right, budget)
    if isinstance(first, str) and isinstance(second, str):
        return (first > second) - (first < second)
    one, two = number_of(first, budget), number_of(second, budget)
    if one != one or two != two:
        return math.nan
    return (one > two) - (one < two)


def add(left: Any, right: Any, budget: Budget) -> Any:
    """Return left + right: text as soon as one side is."""
    if isinstance(left, int) and isinstance(right, int):
        return number(left + right)
    first = left if is_primitive(left) else text_of(left, budget)
    second = right if is_primitive(right) else text_of(right, budget)
    if isinstance(first, str) or isinstance(second, str):
        text = text_of(first, budget) + text_of(second, budget)
        budget.makes(len(text))
        return text
    return number(number_of(first, budget) + number_of(second, budget))


def divide(left: float, right: float) -> float:
    """Return left / right."""
    if right == 0:
        if left == 0 or left != left:
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)
    return left / right


def modulo(left: float, right: float) -> float:
    """Return left % right, with the sign of `left`."""
    try:
        found = math.fmod(left, right)
    except ValueError:
        return math.nan
    return int(found) if found.is_integer() and (found or left >= 0) else found  # -0.0 has no int


def power(left: float, right: float) -> float:
    """Return left ** right."""
    if right != right or (abs(left) == 1 and math.isinf(right)):
        return math.nan
    try:
        found = float(left) ** float(right)
    except OverflowError:
        return math.inf if left > 0 or right % 2 == 0 else -math.inf
    except ZeroDivisionError:
        odd = right == int(right) and int(right) % 2 == 1
        return math.copysign(math.inf, left) if odd else math.inf
    return math.nan if isinstance(found, complex) else found
