"""Rendering texts and evaluating values, as Backstage's template engine does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from kickstart.template.dialect import compiler, syntax
from kickstart.template.dialect.compiler import Program, Run, Scope, Slots, State
from kickstart.template.dialect.scanner import Spelling
from kickstart.template.dialect.values import Budget, from_units, inward, outward, to_units
from kickstart.template.language import EngineError, LimitError

_MAX_SOURCE = 4 * 2**20  # characters; Backstage's own bound


class Renderer:
    """Renders with the filters and globals of a host besides the language's own.

    A host's function is given and returns JSON values; UNDEFINED stands for what is not there. What
    it cannot do it says with a ValueError.
    """

    def __init__(self, filters: Mapping[str, Callable[..., Any]], globals_: Mapping[str, Any]) -> None:
        self._filters = filters
        self._globals = globals_
        self._context: tuple[Mapping[str, Any], dict[str, Any]] | None = None

    def render(self, source: str, context: Mapping[str, Any], spelling: Spelling) -> str:
        """Return the rendered text. Raises EngineError."""
        program = compiled(source, spelling)
        out: list[str] = []
        program.emit(self._state(program, context, spelling), out)
        return from_units("".join(out))

    def evaluate(self, source: str, context: Mapping[str, Any]) -> Any:
        """Return the value of a text that is one `${{ }}`, else the rendered text. Raises EngineError."""
        program = compiled(source, Spelling())
        state = self._state(program, context, Spelling())
        if program.value is None:
            out: list[str] = []
            program.emit(state, out)
            return from_units("".join(out))
        return outward(program.value(state), state.run.budget)

    def _state(self, program: Program, context: Mapping[str, Any], spelling: Spelling) -> State:
        if self._context is None or self._context[0] is not context:
            self._context = (context, inward(context))
        # Templates can change lists; each starts from what was given.
        values = inward(context) if program.mutates else self._context[1]
        exports = Scope(Scope(None, values, closed=False, writable=False), {}, closed=True)
        budget = Budget()
        filters = {name: _hosted(name, each, budget) for name, each in self._filters.items()}
        globals_ = {
            name: _hosted(name, each, budget) if callable(each) else inward(each)
            for name, each in self._globals.items()
        }
        run = Run(budget, exports, filters, globals_, spelling.compat)
        return State(run, Scope(exports, {}, closed=True), Slots())


def _hosted(name: str, function: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    """Return a host's function for values of the language."""

    def call(*given: Any) -> Any:
        try:
            return inward(function(*[outward(each, budget) for each in given]))
        except ValueError as error:
            if isinstance(error, EngineError):
                raise
            raise EngineError(f"{name}: {error}") from error
        except TypeError as error:
            raise EngineError(f"{name}: it cannot be used like this") from error

    return call


@lru_cache(maxsize=128)  # what is met again is met soon: a path's parts, the texts of a step
def compiled(source: str, spelling: Spelling) -> Program:
    """Return a template, ready to run. Raises EngineError."""
    if len(source) > _MAX_SOURCE:
        raise LimitError(f"a text of more than {_MAX_SOURCE:,} characters")
    try:
        return compiler.compile_template(syntax.parse(to_units(source), spelling))
    except RecursionError as error:
        raise LimitError("nested too deeply", 1) from error
