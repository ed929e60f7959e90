"""Numbers with a given number of digits: toFixed, toPrecision and toExponential. Half goes away from zero."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

from kickstart.template.dialect.values import number_text
from kickstart.template.language import EngineError

_EXACT = Context(prec=400)
_MOST = 100  # digits


def fixed(value: float, digits: int | None) -> str:
    """Return `value` with `digits` after the point, 0 if there is none given."""
    places = _checked(digits or 0, 0)
    if abs(value) >= 1e21:
        return number_text(value)
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _EXACT)
    return f"{rounded if value else abs(rounded):f}"  # what rounds to zero keeps its sign, zero has none


def precision(value: float, digits: int | None) -> str:
    """Return `value` with `digits` in all, as it is if there are none given."""
    if digits is None:
        return number_text(value)
    places = _checked(digits, 1)
    mantissa, exponent = _scientific(value, places)
    if exponent < -6 or exponent >= places:
        return f"{mantissa}e{exponent:+d}"
    return f"{Decimal(f'{mantissa}e{exponent}').quantize(Decimal(1).scaleb(exponent - places + 1)):f}"


def exponential(value: float, digits: int | None) -> str:
    """Return `value` with one digit before the point and `digits` after it, or as many as it has."""
    if digits is None:
        places = len(Decimal(repr(value)).normalize().as_tuple().digits)
    else:
        places = _checked(digits, 0) + 1
    mantissa, exponent = _scientific(value, places)
    return f"{mantissa}e{exponent:+d}"


def _checked(digits: int, least: int) -> int:
    if not least <= digits <= _MOST:
        raise EngineError(f"the number of digits must be between {least} and {_MOST}")
    return digits


def _scientific(value: float, places: int) -> tuple[str, int]:
    """Return a mantissa of `places` digits, and the exponent."""
    exact = Decimal(value)
    if not exact:
        return ("0." + "0" * (places - 1) if places > 1 else "0"), 0
    exponent = exact.adjusted()
    step = Decimal(1).scaleb(1 - places)
    rounded = exact.scaleb(-exponent, _EXACT).quantize(step, ROUND_HALF_UP, _EXACT)
    if abs(rounded) >= 10:
        rounded, exponent = (rounded / 10).quantize(step), exponent + 1
    return f"{rounded:f}", exponent
