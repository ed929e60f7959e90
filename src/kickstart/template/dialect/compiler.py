"""From nodes to closures, and what they need while they run.

Two kinds of variables, as in Nunjucks: a loop's, a macro's and a macro's parameters are bound where
they are written (slots), everything else is looked up in the scopes that are open at the moment. A
macro sees what the top of its template has set, and not what is around its call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kickstart.naming import closest
from kickstart.template.dialect import syntax
from kickstart.template.dialect.filters import FILTERS, TESTS
from kickstart.template.dialect.methods import member
from kickstart.template.dialect.values import (
    Budget,
    Function,
    Pattern,
    SafeText,
    add,
    divide,
    holds_function,
    is_true,
    loosely_equal,
    modulo,
    number,
    number_of,
    order,
    power,
    printed,
    record,
    strictly_equal,
    text_of,
)
from kickstart.template.language import UNDEFINED, EngineError, LimitError, Placeholder


class Scope:
    """Variables that are open at the moment. A closed scope keeps assignments to itself."""

    __slots__ = ("closed", "parent", "values", "writable")

    def __init__(self, parent: Scope | None, values: dict[str, Any], *, closed: bool, writable: bool = True):
        self.parent = parent
        self.values = values
        self.closed = closed
        self.writable = writable

    def get(self, name: str) -> Any:
        """Return a variable's value, or _MISSING when there is none."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        return _MISSING

    def assign(self, name: str, value: Any) -> None:
        """Give a variable a value where it is, or here if it is nowhere."""
        scope = self
        while not scope.closed and name not in scope.values and scope.parent and scope.parent._takes(name):
            scope = scope.parent
        scope.values[name] = value

    def _takes(self, name: str) -> bool:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.writable
            if scope.closed:
                return False
            scope = scope.parent
        return False


_MISSING: Any = object()


class Slots:
    """What is bound where it is written. A call block's body shares those around it."""

    __slots__ = ("parent", "values")

    def __init__(self, parent: Slots | None = None) -> None:
        self.parent = parent
        self.values: dict[int, Any] = {}

    def get(self, slot: int) -> Any:
        holder: Slots | None = self
        while holder is not None:
            if slot in holder.values:
                return holder.values[slot]
            holder = holder.parent
        return UNDEFINED

    def set(self, slot: int, value: Any) -> None:
        holder: Slots | None = self
        while holder is not None:
            if slot in holder.values:
                break
            holder = holder.parent
        (holder or self).values[slot] = value


class Run(Struct):
    """One rendering."""

    budget: Budget
    exports: Scope
    filters: Mapping[str, Callable[..., Any]]  # of the host, before the language's own
    globals: Mapping[str, Any]
    compat: bool


class State(Struct):
    """Where a rendering is."""

    run: Run
    scope: Scope
    slots: Slots


Value = Callable[[State], Any]
Emit = Callable[[State, list[str]], None]


class Native(Function):
    """A function of the language."""

    __slots__ = ("call", "members")

    def __init__(self, call: Callable[..., Any] | None, members: Callable[[str], Any] | None = None) -> None:
        self.call = call
        self.members = members


class MacroFunction(Function):
    """A macro or a call block's body, with the scope that it was made in."""

    __slots__ = ("body", "scope", "slots")

    def __init__(self, body: _MacroBody, scope: Scope, slots: Slots | None) -> None:
        self.body = body
        self.scope = scope
        self.slots = slots


class _MacroBody(Struct):
    positional: list[tuple[str, int]]
    defaults: list[tuple[str, Value]]
    emit: Emit


class _Region(Struct, frozen=True):
    """A part of a template in which the same names are bound.

    exports_macros, exports_values: whether what is made here is seen by macros.
    """

    bound: dict[str, int] = {}
    exports_macros: bool = True
    exports_values: bool = False

    def inner(self, **changes: Any) -> _Region:
        return replace(self, bound=dict(self.bound), **changes)


class Program(Struct, frozen=True):
    """A template, ready to run. value: of a template that is nothing but one `${{ }}`."""

    emit: Emit
    value: Value | None
    mutates: bool


def compile_template(body: syntax.Body) -> Program:
    """Return what runs `body`."""
    compiler = _Compiler()
    region = _Region(exports_values=True)
    if len(body) == 1 and isinstance(body[0], syntax.Output):
        value = _located(body[0], compiler.value(body[0].value, region))
        return Program(_print(value), value, compiler.mutates)
    return Program(compiler.body(body, region), None, compiler.mutates)


def _located(tag: syntax.Tag, act: Callable[..., Any]) -> Callable[..., Any]:
    """Return `act`, with the tag's place added to what goes wrong in it."""

    def located(*given: Any) -> Any:
        try:
            return act(*given)
        except EngineError as error:
            if not error.line:
                error.line, error.expression = tag.line, tag.shown
            raise
        except RecursionError as error:
            raise LimitError("endless recursion", tag.line, tag.shown) from error

    return located


def _names_loop(body: syntax.Body) -> bool:
    """Tell whether anything in a loop's body is called `loop`: only then is one made in each round."""
    waiting: list[syntax.Node] = [*body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, syntax.Name) and node.name == "loop":
            return True
        if isinstance(node, syntax.Set | syntax.For) and "loop" in node.targets:
            return True
        waiting.extend(syntax.children(node))
    return False


def _print(value: Value) -> Emit:
    def emit(state: State, out: list[str]) -> None:
        found = value(state)
        if not isinstance(found, str):
            found = printed(found, state.run.budget)
        state.run.budget.makes(len(found))
        out.append(found)

    return emit


_MUTATING = frozenset(
    {"add", "append", "clear", "copyWithin", "delete", "fill", "insert", "pop", "push", "remove", "reverse"}
    | {"set", "shift", "sort", "splice", "unshift"}
)


class _Compiler:
    """Makes closures; each method is for the node that it is named after."""

    def __init__(self) -> None:
        self._slots = count()
        self.mutates = False

    def body(self, tags: syntax.Body, region: _Region) -> Emit:
        parts = [self._tag(tag, region) for tag in tags]
        if len(parts) == 1:
            return parts[0]

        def emit(state: State, out: list[str]) -> None:
            for part in parts:
                part(state, out)

        return emit

    def _tag(self, tag: syntax.Tag, region: _Region) -> Emit:
        if isinstance(tag, syntax.Text):
            text = tag.shown

            def emit(state: State, out: list[str]) -> None:
                state.run.budget.makes(len(text))
                out.append(text)

            return emit
        made: Emit = getattr(self, f"_{type(tag).__name__.lower()}")(tag, region)
        return _located(tag, made)

    def _output(self, tag: syntax.Output, region: _Region) -> Emit:
        return _print(self.value(tag.value, region))

    def _if(self, tag: syntax.If, region: _Region) -> Emit:
        branches = [
            (_located(each, self.value(each.condition, region)), self.body(each.body, region))
            for each in tag.branches
        ]
        otherwise = self.body(tag.otherwise, region) if tag.otherwise else None

        def emit(state: State, out: list[str]) -> None:
            for condition, body in branches:
                if is_true(condition(state)):
                    body(state, out)
                    return
            if otherwise:
                otherwise(state, out)

        return emit

    def _for(self, tag: syntax.For, region: _Region) -> Emit:
        items = self.value(tag.items, region)
        # How often the loop ran: it stays when the same loop is met again with nothing to loop over.
        length_slot = next(self._slots)
        inner = region.inner(exports_macros=False, exports_values=False)
        slots = [next(self._slots) for _ in tag.targets]
        inner.bound.update(zip(tag.targets, slots, strict=True))
        body = self.body(tag.body, inner)
        otherwise = self.body(tag.otherwise, inner) if tag.otherwise else None
        targets = tag.targets
        asks = _names_loop(tag.body)

        def emit(state: State, out: list[str]) -> None:
            value = items(state)
            values, length, is_list = _entries(value, len(targets))
            scope = Scope(state.scope, {}, closed=False)
            inside = State(state.run, scope, state.slots)
            if is_true(value):
                state.slots.set(length_slot, length)
            else:
                length = state.slots.get(length_slot)
            total = number_of(length, state.run.budget)
            for index, entry in enumerate(values):
                state.run.budget.spend(2)
                if len(targets) == 1:
                    scope.values[targets[0]] = entry
                    state.slots.set(slots[0], entry)
                else:
                    for position, (target, slot) in enumerate(zip(targets, slots, strict=True)):
                        part = _part(entry, position)
                        state.slots.set(slot, part)
                        if not is_list and position < 2:
                            scope.values[target] = part
                if asks:
                    scope.values["loop"] = {
                        "index": index + 1,
                        "index0": index,
                        "revindex": total - index,
                        "revindex0": total - index - 1,
                        "first": index == 0,
                        "last": index == total - 1,
                        "length": length,
                    }
                body(inside, out)
            if otherwise and not is_true(length):
                otherwise(inside, out)

        return emit

    def _set(self, tag: syntax.Set, region: _Region) -> Emit:
        value = (
            self._captured(tag.value, region, own_scope=False)
            if isinstance(tag.value, syntax.Capture)
            else self.value(tag.value, region)
        )
        targets = [(name, region.bound.get(name)) for name in tag.targets]

        def emit(state: State, out: list[str]) -> None:
            found = value(state)
            for name, slot in targets:
                state.scope.assign(name, found)
                if slot is not None:
                    state.slots.set(slot, found)
                if region.exports_values:
                    state.run.exports.values[name] = found

        return emit

    def _macro(self, tag: syntax.Macro, region: _Region) -> Emit:
        slot = next(self._slots)
        region.bound[tag.name] = slot
        body = self._macro_body(tag, _Region())

        def emit(state: State, out: list[str]) -> None:
            function = MacroFunction(body, state.run.exports, None)
            state.slots.values[slot] = function
            if region.exports_macros:
                state.run.exports.values[tag.name] = function

        return emit

    def _macro_body(self, tag: syntax.Macro | syntax.CallBlock, region: _Region) -> _MacroBody:
        positional = []
        for name in tag.parameters.positional:
            region.bound[name] = region.bound.get(name, next(self._slots))
            positional.append((name, region.bound[name]))
        defaults = [(name, self.value(default, region)) for name, default in tag.parameters.defaults]
        return _MacroBody(positional, defaults, self.body(tag.body, region))

    def _callblock(self, tag: syntax.CallBlock, region: _Region) -> Emit:
        target = self.value(tag.call.target, region)
        arguments = self._arguments(tag.call.arguments, region)
        body = self._macro_body(tag, region.inner(exports_macros=False, exports_values=False))

        def emit(state: State, out: list[str]) -> None:
            function = target(state)
            if not isinstance(function, MacroFunction):
                raise EngineError("'call' is possible with macros only")
            positional, keyword = arguments(state)
            caller = MacroFunction(body, state.scope, state.slots)
            made = _call_macro(function, positional, {**keyword, "caller": caller}, state.run)
            out.append(made.text)

        return emit

    def _block(self, tag: syntax.Block, region: _Region) -> Emit:
        body = self.body(tag.body, _Region())

        def emit(state: State, out: list[str]) -> None:
            body(State(state.run, Scope(state.scope, {}, closed=True), Slots()), out)

        return emit

    def _switch(self, tag: syntax.Switch, region: _Region) -> Emit:
        value = self.value(tag.value, region)
        cases = [(self.value(each, region), self.body(body, region), bool(body)) for each, body in tag.cases]
        default = self.body(tag.default, region) if tag.default else None

        def emit(state: State, out: list[str]) -> None:
            wanted = value(state)
            falls = False
            for each, body, does in cases:
                falls = falls or strictly_equal(wanted, each(state))
                if falls and does:
                    body(state, out)
                    return
            if default:
                default(state, out)

        return emit

    def value(self, node: syntax.Node, region: _Region) -> Value:
        made: Value = getattr(self, f"_{type(node).__name__.lower()}_value")(node, region)
        return made

    def _literal_value(self, node: syntax.Literal, region: _Region) -> Value:
        value = node.value
        return lambda state: value

    def _regex_value(self, node: syntax.Regex, region: _Region) -> Value:
        from kickstart.template.dialect.patterns import check

        check(node.source, node.flags)
        return lambda state: Pattern(node.source, node.flags)

    def _name_value(self, node: syntax.Name, region: _Region) -> Value:
        name = node.name
        slot = region.bound.get(name)
        if slot is not None:
            return lambda state: state.slots.get(slot)

        def value(state: State) -> Any:
            found = state.scope.get(name)
            return found if found is not _MISSING else _global(name, state.run)

        return value

    def _listing_value(self, node: syntax.Listing, region: _Region) -> Value:
        items = [self.value(item, region) for item in node.items]
        return lambda state: [item(state) for item in items]

    def _group_value(self, node: syntax.Group, region: _Region) -> Value:
        items = [self.value(item, region) for item in node.items]
        return items[0] if len(items) == 1 else lambda state: [item(state) for item in items][-1]

    def _pairs_value(self, node: syntax.Pairs, region: _Region) -> Value:
        pairs = [(name, self.value(each, region)) for name, each in node.pairs]
        return lambda state: record({name: each(state) for name, each in pairs})

    def _lookup_value(self, node: syntax.Lookup, region: _Region) -> Value:
        target = self.value(node.target, region)
        if isinstance(node.key, syntax.Slice):
            return self._sliced(target, node.key, region)
        if isinstance(node.key, syntax.Literal) and isinstance(node.key.value, str):
            name = node.key.value
            self.mutates = self.mutates or name in _MUTATING

            def by_name(state: State) -> Any:
                found = target(state)
                if type(found) is dict and name in found:
                    return found[name]
                return _member(found, name, state.run)

            return by_name
        key = self.value(node.key, region)
        self.mutates = self.mutates or not isinstance(node.key, syntax.Literal)

        def by_key(state: State) -> Any:
            found, wanted = target(state), key(state)
            if type(found) is list and type(wanted) is int:
                return found[wanted] if 0 <= wanted < len(found) else UNDEFINED
            return _member(found, text_of(wanted, state.run.budget), state.run)

        return by_key

    def _sliced(self, target: Value, node: syntax.Slice, region: _Region) -> Value:
        parts = [self.value(each, region) for each in (node.start, node.stop, node.step)]

        def value(state: State) -> Any:
            found = target(state)
            start, stop, step = (part(state) for part in parts)
            return _slice(found if is_true(found) else [], start, stop, step, state.run)

        return value

    def _slice_value(self, node: syntax.Slice, region: _Region) -> Value:
        raise EngineError("':' stands outside of a slice")

    def _arguments(
        self, node: syntax.Arguments, region: _Region
    ) -> Callable[[State], tuple[list[Any], dict[str, Any]]]:
        positional = [self.value(each, region) for each in node.positional]
        keyword = [(name, self.value(each, region)) for name, each in node.keyword]

        def arguments(state: State) -> tuple[list[Any], dict[str, Any]]:
            return [each(state) for each in positional], {name: each(state) for name, each in keyword}

        return arguments

    def _call_value(self, node: syntax.Call, region: _Region) -> Value:
        target = self.value(node.target, region)
        arguments = self._arguments(node.arguments, region)
        shown = _shown(node.target)

        def value(state: State) -> Any:
            function = target(state)
            state.run.budget.spend(4)
            if isinstance(function, MacroFunction):
                positional, keyword = arguments(state)
                return _call_macro(function, positional, keyword, state.run)
            if not isinstance(function, Native) or function.call is None:
                raise EngineError(f"{shown} is {_kind(function)} and cannot be called")
            positional, keyword = arguments(state)
            if keyword:
                raise EngineError(f"{shown} takes no named arguments")
            return function.call(*positional)

        return value

    def _filter_value(self, node: syntax.Filter, region: _Region) -> Value:
        name = node.name
        arguments = self._arguments(node.arguments, region)

        def value(state: State) -> Any:
            own = state.run.filters.get(name)
            positional, keyword = arguments(state)
            state.run.budget.spend(4)
            if own is not None:
                if keyword:
                    raise EngineError(f"the filter '{name}' takes no named arguments")
                return own(*positional)
            known = "dump" if name == "jsonify" and state.run.compat else name
            if known not in FILTERS:
                near = closest(name, [*FILTERS, *state.run.filters])
                raise EngineError(f"there is no filter '{name}'{near}")
            for each in (*positional, *keyword.values()):
                if holds_function(each, state.run.budget):
                    raise EngineError(f"the filter '{name}' takes no functions")
            return FILTERS[known](state.run.budget, *positional, **keyword)

        return value

    def _unary_value(self, node: syntax.Unary, region: _Region) -> Value:
        operand = self.value(node.operand, region)
        if node.sign == "not":
            return lambda state: not is_true(operand(state))

        def value(state: State) -> Any:
            found = number_of(operand(state), state.run.budget)
            if node.sign == "+":
                return found
            if node.sign == "-":
                return -found if found or isinstance(found, float) else -0.0
            return math.floor(found) if math.isfinite(found) else found

        return value

    def _binary_value(self, node: syntax.Binary, region: _Region) -> Value:
        left, right = self.value(node.left, region), self.value(node.right, region)
        sign = node.sign
        if sign == "or":
            return lambda state: found if is_true(found := left(state)) else right(state)
        if sign == "and":
            return lambda state: right(state) if is_true(found := left(state)) else found
        if sign == "in":
            return lambda state: _contains(left(state), right(state), state.run)
        if sign == "+":
            return lambda state: add(left(state), right(state), state.run.budget)

        def concatenated(state: State) -> str:
            first, second = left(state), right(state)
            found = text_of(first, state.run.budget) + text_of(second, state.run.budget)
            state.run.budget.makes(len(found))
            return found

        def calculated(state: State) -> Any:
            first, second = left(state), right(state)
            budget = state.run.budget
            return number(_OPERATIONS[sign](number_of(first, budget), number_of(second, budget)))

        return concatenated if sign == "~" else calculated

    def _compare_value(self, node: syntax.Compare, region: _Region) -> Value:
        first = self.value(node.first, region)
        rest = [(_COMPARISONS[sign], self.value(each, region)) for sign, each in node.rest]

        def value(state: State) -> Any:
            found = first(state)
            for compare, each in rest:
                found = compare(found, each(state), state.run.budget)
            return found

        return value

    def _test_value(self, node: syntax.Test, region: _Region) -> Value:
        name = node.name
        given = node.arguments or syntax.Arguments([], [])
        operand = self.value(node.operand, region)
        arguments = self._arguments(given, region)
        arity, test = TESTS.get(name, (0, None))

        def value(state: State) -> bool:
            # Only what is evaluated can be wrong: a branch that is not taken may hold anything.
            if test is None:
                raise EngineError(f"there is no test '{name}'{closest(name, TESTS)}")
            if given.keyword or len(given.positional) != arity:
                raise EngineError(f"the test '{name}' takes {arity} argument{'s' if arity != 1 else ''}")
            found, others = operand(state), arguments(state)[0]
            budget = state.run.budget
            if name not in _OF_FUNCTIONS and any(holds_function(each, budget) for each in (found, *others)):
                raise EngineError(f"the test '{name}' takes no functions")
            return test(budget, found, *others)

        return value

    def _choice_value(self, node: syntax.Choice, region: _Region) -> Value:
        condition, then = self.value(node.condition, region), self.value(node.then, region)
        otherwise = self.value(node.otherwise, region) if node.otherwise else None

        def value(state: State) -> Any:
            if is_true(condition(state)):
                return then(state)
            return otherwise(state) if otherwise else ""

        return value

    def _capture_value(self, node: syntax.Capture, region: _Region) -> Value:
        return self._captured(node, region, own_scope=True)

    def _captured(self, node: syntax.Capture, region: _Region, *, own_scope: bool) -> Value:
        body = self.body(node.body, region)

        def value(state: State) -> str:
            out: list[str] = []
            if own_scope:
                state = State(state.run, Scope(state.scope, {}, closed=False), state.slots)
            body(state, out)
            return "".join(out)

        return value


_OF_FUNCTIONS = frozenset({"callable", "eq", "equalto", "sameas", "ne"})  # tests

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right if (left and right) or left != left else float(left) * right,
    "/": divide,
    "%": modulo,
    "**": power,
}

_COMPARISONS: dict[str, Callable[[Any, Any, Budget], bool]] = {
    "==": loosely_equal,
    "===": lambda left, right, budget: strictly_equal(left, right),
    "!=": lambda left, right, budget: not loosely_equal(left, right, budget),
    "!==": lambda left, right, budget: not strictly_equal(left, right),
    "<": lambda left, right, budget: order(left, right, budget) < 0,
    "<=": lambda left, right, budget: order(left, right, budget) <= 0,
    ">": lambda left, right, budget: order(left, right, budget) > 0,
    ">=": lambda left, right, budget: order(left, right, budget) >= 0,
}


def _global(name: str, run: Run) -> Any:
    if run.compat and name in {"True", "False", "None"}:
        return {"True": True, "False": False, "None": None}[name]
    if name in run.globals:
        found = run.globals[name]
        return Native(found) if callable(found) else found
    makers: dict[str, Callable[..., Any]] = {"range": _range, "cycler": _cycler, "joiner": _joiner}
    if name in makers:
        return Native(lambda *given: makers[name](run.budget, *given))
    return UNDEFINED


def _member(target: Any, name: str, run: Run) -> Any:
    if isinstance(target, Native):
        return target.members(name) if target.members else UNDEFINED
    found = member(target, name, run.budget, compat=run.compat)
    return Native(found) if callable(found) else found


def _entries(value: Any, targets: int) -> tuple[Iterator[Any] | list[Any], Any, bool]:
    """Return what a loop goes over, its length, and whether it is a list to Nunjucks."""
    if isinstance(value, list):
        return iter(list(value)) if targets == 1 else list(value), len(value), True
    if isinstance(value, SafeText):
        return list(value.text), len(value.text), True
    if isinstance(value, Placeholder):  # of as many as a portal finds, one stands for all
        one = value.member("EACH")
        return [one if targets == 1 else [value.member("KEY"), one]], 1, True
    if isinstance(value, str):
        if targets == 1:
            return list(value), len(value), False
        return [[str(index), sign] for index, sign in enumerate(value)], len(value), False
    if isinstance(value, dict):
        if targets > 1:
            return [list(pair) for pair in value.items()], len(value), False
        length = value.get("length", UNDEFINED)  # something that looks like a list
        size = length if isinstance(length, int | float) and length == length else 0
        indices = range(math.ceil(min(size, Budget.ITEMS)))
        return [value.get(str(index), UNDEFINED) for index in indices], length, False
    return [], UNDEFINED if targets == 1 else 0, False


def _part(entry: Any, position: int) -> Any:
    if entry is None or entry is UNDEFINED:
        raise EngineError("an item without parts cannot be given to several variables")
    if isinstance(entry, list | str):
        return entry[position] if position < len(entry) else UNDEFINED
    return entry.get(str(position), UNDEFINED) if isinstance(entry, dict) else UNDEFINED


def _call_macro(
    function: MacroFunction, positional: list[Any], keyword: dict[str, Any], run: Run
) -> SafeText:
    body = function.body
    scope = Scope(function.scope, {}, closed=True)
    state = State(run, scope, Slots(function.slots))
    names = [name for name, _ in body.positional]
    for (name, _), surplus in zip(body.defaults, positional[len(names) :], strict=False):
        keyword = {**keyword, name: surplus}
    for index, (name, slot) in enumerate(body.positional):
        found = positional[index] if index < len(positional) else keyword.get(name, UNDEFINED)
        scope.values[name] = state.slots.values[slot] = found
    for name, default in body.defaults:
        scope.values[name] = keyword[name] if name in keyword else default(state)
    if "caller" in keyword and "caller" not in names:
        scope.values["caller"] = keyword["caller"]
    out: list[str] = []
    body.emit(state, out)
    return SafeText("".join(out))


def _contains(needle: Any, container: Any, run: Run) -> bool:
    if isinstance(container, str):
        return text_of(needle, run.budget) in container
    if isinstance(container, list):
        run.budget.spend(len(container))
        return any(strictly_equal(item, needle) for item in container)
    if isinstance(container, dict):
        return text_of(needle, run.budget) in container
    if isinstance(container, SafeText):
        return text_of(needle, run.budget) in {"length", "val"}
    raise EngineError(f"'in' needs a list, a mapping or a text, and finds {_kind(container)}")


def _slice(target: Any, start: Any, stop: Any, step: Any, run: Run) -> list[Any]:
    """Return target[start:stop:step] as Nunjucks' Jinja compatibility has it: a list, of texts too."""
    budget = run.budget
    length = member(target, "length", budget, compat=False)
    length = number_of(length, budget)
    by = number_of(step, budget)
    if not math.isfinite(by) or by == 0:
        raise EngineError("a slice's step must be a number that is not 0")
    begin = (length - 1 if by < 0 else 0) if start is None else number_of(start, budget)
    end = (-1 if by < 0 else length) if stop is None else number_of(stop, budget)
    if stop is not None and end < 0:
        end += length
    if begin < 0:
        begin += length
    found = []
    at = begin
    while 0 <= at <= length and (at < end if by > 0 else at > end):
        budget.spend()
        found.append(_member(target, text_of(number(at), budget), run))
        at += by
    return found


def _range(budget: Budget, start: Any = UNDEFINED, stop: Any = UNDEFINED, step: Any = UNDEFINED) -> list[Any]:
    if stop is UNDEFINED:
        start, stop, step = 0, start, 1
    elif not is_true(step):
        step = 1
    found: list[Any] = []
    value, up = start, order(step, 0, budget) > 0
    while (order(value, stop, budget) < 0) if up else (order(value, stop, budget) > 0):
        budget.holds(len(found) + 1) if len(found) >= budget.ITEMS else budget.spend()
        found.append(value)
        value = add(value, step, budget)
    return found


def _cycler(budget: Budget, *values: Any) -> Native:
    at = -1

    def advance() -> Any:
        nonlocal at
        at = (at + 1) % len(values) if values else 0
        return values[at] if values else UNDEFINED

    def reset() -> Any:
        nonlocal at
        at = -1
        return UNDEFINED

    def members(name: str) -> Any:
        if name == "current":
            return None if at < 0 else values[at] if values else UNDEFINED
        return {"next": Native(advance), "reset": Native(reset)}.get(name, UNDEFINED)

    return Native(None, members)


def _joiner(budget: Budget, separator: Any = UNDEFINED) -> Native:
    used = False

    def join() -> Any:
        nonlocal used
        first, used = not used, True
        return "" if first else separator if is_true(separator) else ","

    return Native(join)


def _kind(value: Any) -> str:
    if value is UNDEFINED or value is None:
        return "undefined" if value is UNDEFINED else "null"
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "true or false"),
        ((int, float), "a number"),
        ((str, SafeText), "a text"),
        (list, "a list"),
        (dict, "a mapping"),
    ]
    return next((word for kind, word in kinds if isinstance(value, kind)), "a function")


def _shown(node: syntax.Node) -> str:
    """Return a chain of names as it is written, for messages."""
    if isinstance(node, syntax.Name):
        return f"'{node.name}'"
    if isinstance(node, syntax.Lookup) and isinstance(node.key, syntax.Literal):
        return f"{_shown(node.target)[:-1]}.{node.key.value}'"
    return "'(...)'"
