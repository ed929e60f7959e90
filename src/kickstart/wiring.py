"""How a template's steps hang together, checked without running it: actions, inputs, references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from msgspec import Struct
from pydantic import BaseModel

from kickstart import actions, document
from kickstart.errors import Fault
from kickstart.naming import closest
from kickstart.template.catalog import Source
from kickstart.template.expressions import texts
from kickstart.template.language import EngineError, Language, is_plain
from kickstart.template.parameters import Form
from kickstart.template.schema import Step

# What every `${{ }}` of a step can start with, besides Jinja2's own.
ROOTS = frozenset({"parameters", "steps", "secrets", "user", "context", "environment", "each"})
FUNCTIONS = frozenset(
    {"always", "failure", "range", "cycler", "joiner", "dict", "namespace", "lipsum", "null"}
    | {"loop", "caller", "varargs", "kwargs"}  # inside a loop or a macro
)

Path = tuple[str | int, ...]
_SUBTRACTION = "reads as a subtraction"


class Findings(Struct, frozen=True):
    """errors stop a plan; warnings do not, since a portal runs such templates too."""

    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def check(source: Source, form: Form, engine: Language) -> Findings:
    """Return everything that is wrong with the steps and the output of a template.

    What depends on a part that is unread is not judged.
    What was found is remembered with the compiled templates, since it depends on nothing else.
    """

    def found() -> list[list[tuple[str, str]]]:
        findings = _check(source, form, engine)
        return [
            [(each.where, each.message) for each in kind] for kind in (findings.errors, findings.warnings)
        ]

    whole = source.template.model_dump_json()
    unread = "\0".join(map(str, source.unread))
    errors, warnings = engine.remembered(f"wiring\0{source.text}\0{whole}\0{unread}", found)
    if engine.is_portal:  # it would run all the same
        errors, warnings = [], [*errors, *warnings]
    return Findings(tuple(Fault(*each) for each in errors), tuple(Fault(*each) for each in warnings))


def _check(source: Source, form: Form, engine: Language) -> Findings:
    errors: list[Fault] = []
    warnings: list[Fault] = []
    steps = source.template.spec.steps
    ids = [source.template.step_id(index) for index in range(len(steps))]
    for index, step in enumerate(steps):
        at: Path = ("spec", "steps", index)
        namesakes = [each for each, id_ in zip(steps, ids[: index + 1], strict=False) if id_ == ids[index]]
        # Of those that all have a condition, one runs: publishing here or there.
        if len(namesakes) > 1 and not all(isinstance(each.condition, str) for each in namesakes):
            warnings.append(source.fault((*at, "id"), f"'{ids[index]}' is the id of an earlier step too"))
        for key in step.unknown:
            near = closest(key, names_of(Step))
            errors.append(source.fault((*at, key), f"is not a key that a step has{near}; it is ignored"))
        if actions.exists(step.action):
            whole = not any(each.at[: len(at)] == at for each in source.unread)
            warnings += _wrong_inputs(source, step.action, step.input, (*at, "input"), whole=whole)
        else:
            fault = source.fault((*at, "action"), actions.why_absent(step.action))
            (errors if step.condition is None else warnings).append(fault)
        if not _can_iterate(step.each):
            errors.append(source.fault((*at, "each"), f"must be a list or a mapping, and is {step.each!r}"))
        scope = _Scope(form, ids, steps, index, step.each is not None, not source.unread)
        parts = {"if": step.condition, "each": step.each, "input": step.input}
        errors += _references(source, parts, at, engine, scope.problem)
    output = source.template.spec.output.model_dump(exclude_unset=True)
    scope = _Scope(form, ids, steps, len(steps), has_each=False, whole=not source.unread)
    errors += _references(source, output, ("spec", "output"), engine, scope.problem)
    return Findings(tuple(errors), tuple(warnings))


def outputs_read(source: Source, engine: Language) -> dict[str, list[str]]:
    """Return the names of outputs that a template's expressions read, by the id of their step."""
    spec = source.template.spec
    found: dict[str, list[str]] = {}
    whole = [step.model_dump() for step in spec.steps] + [spec.output.model_dump()]
    for _, text in texts(whole):
        try:
            chains = engine.names(text)
        except EngineError:
            continue
        for root, *rest in chains:
            if root == "steps" and len(rest) > 2 and rest[1] == "output":
                found.setdefault(rest[0], []).append(rest[2])
    return found


def _can_iterate(each: Any) -> bool:
    return each is None or isinstance(each, list | dict) or (isinstance(each, str) and not is_plain(each))


def _references(
    source: Source, value: Any, at: Path, engine: Language, problem: Callable[[tuple[str, ...]], str | None]
) -> Iterator[Fault]:
    for path, text in texts(value):
        try:
            chains = engine.names(text)
        except EngineError as error:
            shown = " ".join((error.expression or text).split())
            yield source.fault((*at, *path), f"{shown[:80]}: {error.message}")
            continue
        found = [each for each in map(problem, dict.fromkeys(chains)) if each]
        # The rest of a name with a hyphen is no name: one mistake is told once.
        subtractions = [each for each in found if _SUBTRACTION in each]
        for each in subtractions or found:
            yield source.fault((*at, *path), each)


class _Scope(Struct, frozen=True):
    """What the expressions of one step can refer to. whole: every parameter and step is known."""

    form: Form
    ids: list[str]
    steps: list[Any]
    index: int
    has_each: bool
    whole: bool

    def problem(self, chain: tuple[str, ...]) -> str | None:
        """Say why a chain of names refers to nothing, or None."""
        root = chain[0]
        shown = ".".join(chain)
        if root not in ROOTS and root not in FUNCTIONS:
            return f"{shown}: nothing is called '{root}'{closest(root, ROOTS)}"
        if root == "each" and not self.has_each:
            return f"{shown}: the step has no 'each'"
        if not self.whole and root in {"parameters", "steps"}:
            return None
        if root == "parameters" and len(chain) > 1 and chain[1] not in self.form.properties:
            return f"{shown}: there is no parameter '{chain[1]}'{closest(chain[1], self.form.properties)}"
        if root == "steps" and len(chain) > 1:
            return self._step_problem(chain, shown)
        return None

    def _step_problem(self, chain: tuple[str, ...], shown: str) -> str | None:
        name = chain[1]
        earlier = self.ids[: self.index]
        if name not in earlier:
            if name in self.ids:
                when = "is this step itself" if self.ids.index(name) == self.index else "runs later"
                return f"{shown}: the step '{name}' {when}"
            # `steps.fetch-base.output` is a subtraction, of which only the first part is seen here.
            hyphened = [f"steps['{known}']" for known in self.ids if known.startswith(f"{name}-")]
            if hyphened and len(chain) == 2:
                return f"{shown}: {_SUBTRACTION}; write {' or '.join(hyphened)}"
            return f"{shown}: there is no step '{name}'{closest(name, earlier)}"
        if len(chain) > 2 and chain[2] != "output":
            return f"{shown}: a step has only 'output'"
        action = self.steps[earlier.index(name)].action
        if len(chain) > 3 and actions.exists(action) and self.steps[earlier.index(name)].each is None:
            outputs = names_of(actions.load(action).Output)
            if chain[3] not in outputs:
                return f"{shown}: {action} has no output '{chain[3]}'{closest(chain[3], outputs)}"
        return None


def names_of(model: type[BaseModel]) -> list[str]:
    """Return the fields of an input or output as templates write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _wrong_inputs(
    source: Source, action: str, given: Mapping[str, Any], at: document.Path, *, whole: bool
) -> Iterator[Fault]:
    loaded = actions.load(action)
    for name, field in loaded.Input.model_fields.items():
        key = field.alias or name
        if whole and field.is_required() and key not in given:
            yield source.fault(at, f"{action} needs the input '{key}'")
    moved: Mapping[str, str] = getattr(loaded, "moved", {})
    for path, near in _unknown_inputs(loaded.Input, given, moved):
        yield source.fault((*at, *path), f"{action} has no input '{'.'.join(path)}'{near}; it is ignored")


def _unknown_inputs(
    model: type[BaseModel], given: Mapping[str, Any], moved: Mapping[str, str], *at: str
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what a model does not have, at any depth, with what may be meant.

    moved: where an input belongs that others have at the top.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    known = [".".join((*at, name)) for name in fields]
    for key, value in given.items():
        if key in fields:
            nested = [each for each in get_args(fields[key].annotation) if _is_model(each)]
            if nested and isinstance(value, Mapping):
                yield from _unknown_inputs(nested[0], value, {}, *at, key)
            continue
        meant = moved.get(key)
        yield (*at, key), f" (did you mean '{meant}'?)" if meant else closest(".".join((*at, key)), known)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
