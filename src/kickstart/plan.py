"""Plans: everything a template will have done, known before anything is done."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from pydantic import ValidationError

from kickstart import actions, document, leaks, marker, wiring
from kickstart.actions import protections
from kickstart.actions.base import (
    UNKNOWN_NUMBER,
    AbsentError,
    Action,
    BeyondError,
    Effect,
    Given,
    InputError,
    Promise,
)
from kickstart.actions.folder import WriteFolder
from kickstart.errors import Fault, RemoteError, TemplateError
from kickstart.template import user, wording
from kickstart.template.catalog import Source
from kickstart.template.expressions import ExpressionError, evaluate, found_at, is_truthy, texts, why_empty
from kickstart.template.filters import dump
from kickstart.template.language import UNDEFINED, EngineError, Language, Placeholder
from kickstart.template.parameters import Form, Parameters
from kickstart.template.schema import Step
from kickstart.tools import Address, Portal, Repository
from kickstart.tree import PathError, Tree

REQUIRES = "kickstart/requires"  # the annotation that says what a project needs of a cluster
# When a commit is made that nobody makes, so that a file that names it is always the same.
UNPUBLISHED = datetime(2000, 1, 1, tzinfo=UTC)


class PlannedStep(Struct, frozen=True):
    """One step with its effects. A skipped step has none.

    missing: why only a portal can carry it out; `inputs` is what it would give to the action.
    failure: what kept kickstart from it, and may pass. unknown: what only a portal knows, by whose name
    it is planned, so that it can be looked at.
    """

    id: str
    name: str
    action: str
    skipped: bool = False
    missing: str = ""
    failure: RemoteError | None = None
    unknown: str = ""
    inputs: tuple[Mapping[str, Any], ...] = ()
    effects: tuple[Effect, ...] = ()
    messages: tuple[str, ...] = ()


class Plan(Struct, frozen=True):
    """A project's steps, in order. workspace: what the last step left. requires: of a cluster, in YAML."""

    project: str
    source: Source
    parameters: Parameters
    steps: tuple[PlannedStep, ...]
    workspace: Tree
    links: tuple[Mapping[str, str], ...] = ()
    texts: tuple[Mapping[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    requires: str = ""

    @property
    def effects(self) -> list[Effect]:
        """Everything that happens outside, in order."""
        return protections.combined([effect for step in self.steps for effect in step.effects])

    @property
    def missing(self) -> list[PlannedStep]:
        """The steps that only a portal can carry out."""
        return [step for step in self.steps if step.missing]

    @property
    def refused(self) -> list[PlannedStep]:
        """The steps for which nothing is applied: those, and what is planned with a name for a value."""
        return [step for step in self.steps if step.missing or step.unknown]

    @property
    def public_parameters(self) -> dict[str, Any]:
        """The parameters that may be written down."""
        return public(self.parameters)

    def folders(self, directory: Path) -> list[Effect]:
        """Return the effects that write each published and each proposed tree to a folder of `directory`.

        A template that publishes and proposes nothing gives one folder with its whole workspace.
        """
        trees: dict[str, Tree] = {}
        for each in self.effects:
            if each.published:
                trees[_free_name(trees, each.published)] = each.tree
        for each in self.effects:
            if each.proposed:
                repository, branch = each.proposed
                trees[_free_name(trees, repository, branch)] = self._marked(each.tree, str(repository))
        trees = trees or {self.project: self._marked(self.workspace, "")}
        return [WriteFolder(directory / name, tree) for name, tree in trees.items()]

    def _marked(self, tree: Tree, repository: str) -> Tree:
        """Return a tree with the mark by which a folder is known when it is rendered again."""
        made_by = {"name": self.source.name, "version": self.source.version, "origin": self.source.origin}
        mark = marker.Marker(self.project, repository, made_by, tree.digest(), self.public_parameters)
        return tree.adding({marker.FILE_NAME: mark.entry()})


def _free_name(taken: Container[str], repository: Repository, branch: str = "") -> str:
    """Return a folder's name for a repository, with its owner or its branch where it alone is taken."""
    end = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"-{branch}") if branch else ""
    names = (repository.name, f"{repository.name}{end}", f"{repository.owner}-{repository.name}{end}")
    return next((name for name in names if name not in taken), names[-1])


def public(parameters: Parameters) -> dict[str, Any]:
    """Return the parameters without those that nobody is to read."""
    return {name: value for name, value in parameters.values.items() if name not in parameters.hidden}


class Circumstances(Struct, frozen=True):
    """What a plan depends on besides the template and its parameters.

    argocd_namespace: where Argo CD is on the cluster that was chosen; empty when none was. portal: the one
    that is configured, if one is. commits: what stands published already, from the digest of its files to
    the id of its commit.
    """

    project: str
    address: Address
    author: str
    at: datetime
    steps_engine: Language
    skeleton_engine: Language
    argocd_namespace: str = ""
    portal: Portal | None = None
    commits: Mapping[str, str] = {}


def build(source: Source, parameters: Parameters, given: Circumstances) -> Plan:
    """Return the plan. Reads the template, what it fetches, and what it takes from a portal; nothing else.

    Raises TemplateError with the step and the line of everything that is wrong.
    """
    form = Form(source.template.spec.parameters)
    findings = wiring.check(source, form, given.steps_engine)
    if findings.errors:
        raise TemplateError(f"the template '{source.name}' is wrong", faults=findings.errors)
    builder = _Builder(source, parameters, given)
    planned: list[PlannedStep] = []
    for index, step in enumerate(source.template.spec.steps):
        try:
            planned.append(builder.step(index, step))
        except TemplateError as error:  # what a portal would have passed over may be the reason
            place = f"spec.steps.{index}.input."
            reasons = [each for each in findings.warnings if each.message.startswith(place)]
            faults = list(dict.fromkeys([*error.faults, *reasons]))
            raise TemplateError(error.message, faults=faults, hint=error.hint) from error
    steps = tuple(planned)
    links, texts = builder.output()
    leaks.refuse(((step.id, effect) for step in steps for effect in step.effects), parameters.secrets)
    # What is wrong is told where it is passed on, and otherwise by itself.
    kept = [str(each) for each in builder.kept]
    warnings = [each for each in findings.warnings if not any(text.startswith(str(each)) for text in kept)]
    said = dict.fromkeys(str(each) for each in sorted([*warnings, *builder.kept], key=_line))
    notes = (*parameters.notes, *said, *builder.notes, *builder.open_files())
    requires = builder.requires()
    return Plan(given.project, source, parameters, steps, builder.tree, links, texts, notes, requires)


class _Builder(Struct):
    """Threads the workspace and the outputs through the steps.

    kept: texts that a portal would pass on unevaluated. left_out: the steps that only it can carry out.
    published: repositories by the URL of their contents. guessed: the steps whose outputs a portal may
    give otherwise. of_user: what this step, or the output, reads of the user that only a portal knows.
    knows_user: no step read such a thing. nowhere: entities that no catalog will have.
    """

    source: Source
    parameters: Parameters
    given: Circumstances
    tree: Tree = field(default_factory=Tree)
    outputs: dict[str, Any] = {}
    kept: list[Fault] = []
    left_out: list[str] = []
    guessed: list[str] = []
    of_user: list[user.Chain] = []
    knows_user: bool = True
    published: dict[str, Tree] = {}
    notes: list[str] = []
    nowhere: list[str] = []

    def step(self, index: int, step: Step) -> PlannedStep:
        id_ = self.source.template.step_id(index)
        at = ("spec", "steps", index)
        name = step.name or step.action
        before = len(self.kept)
        given: Mapping[str, Any] = {}
        self._look_at_user([step.condition, step.each, step.input])
        try:
            unknown = ""
            if step.each is None and not self._holds(step.condition, self._context(), at):
                unknown = self._unknown(step.condition)
                if not unknown:
                    return PlannedStep(id_, name, step.action, skipped=True)
            action = None if unknown else self._action(step)
            missing, failure = "" if action else _why_missing(step, unknown), None
            promises: list[Promise] = []
            inputs: list[Mapping[str, Any]] = []
            for each in self._iterations(step, at):
                context = {**self._context(secrets=True), **each}
                if step.each is not None and not self._holds(step.condition, context, at):
                    unknown = self._unknown(step.condition)
                    if not unknown:
                        continue
                    action, missing = None, _why_missing(step, unknown)
                if action:
                    try:
                        given = self._evaluated(step.input, context, at, "input")
                        promises.append(self._promise(id_, action, given))
                        continue
                    except RemoteError as error:  # files of another repository, or a portal
                        if not self.given.steps_engine.is_portal:
                            raise
                        action, missing, failure = None, error.message, error
                    except (InputError, PathError, ValidationError, TemplateError) as error:
                        lacks = self._lack(error, step, given, self.kept[before:])
                        if not lacks:
                            raise
                        action, missing = None, lacks
                context["secrets"] = dict.fromkeys(self.parameters.secrets, "***")
                inputs.append(self._evaluated(step.input, context, at, "input"))
                reason = f" ({missing})" if unknown or actions.exists(step.action) else ""
                promises.append(self._placeholder(id_, inputs[-1], reason))
            self.notes += [f"step '{id_}': {note}" for promise in promises for note in promise.notes]
            self.nowhere += [entity for promise in promises for entity in promise.nowhere]
            if step.each is None:
                self.outputs[id_] = {"output": dict(promises[0].output)}
            elif promises:
                keys = promises[0].output
                self.outputs[id_] = {"output": {key: [p.output.get(key) for p in promises] for key in keys}}
            else:
                return PlannedStep(id_, name, step.action, skipped=True)
        except (_StepError, ExpressionError) as error:
            fault = self.source.fault((*at, *error.path), error.message)
            raise TemplateError(f"step '{id_}' ({step.action}) is wrong", faults=[fault]) from error
        except ValidationError as error:
            faults = [
                self.source.fault((*at, "input", *map(str, found["loc"])), self._problem(found, step))
                for found in error.errors()
            ]
            faults += self.kept[before:]
            raise TemplateError(f"step '{id_}' ({step.action}) has a wrong input", faults=faults) from error
        except (InputError, PathError) as error:
            message = "; ".join((str(error), *self._reasons(str(error), step.input, given)))
            faults = [self.source.fault((*at, "input"), message), *self.kept[before:]]
            raise TemplateError(f"step '{id_}' ({step.action}) cannot be done", faults=faults) from error
        except TemplateError as error:
            message = f"step '{id_}' ({step.action}): {error.message}"
            own = error.faults or (self.source.fault(at, "is this step"),)
            raise TemplateError(message, faults=own, hint=error.hint) from error
        except OSError as error:
            raise TemplateError(
                f"step '{id_}' ({step.action}): {error.filename}: {error.strerror}"
            ) from error
        if missing:
            self.left_out.append(id_)
        return PlannedStep(
            id_,
            name,
            step.action,
            missing=missing,
            failure=failure,
            unknown=self._unknown_of_user() if not missing and any(map(_changes, promises)) else "",
            inputs=tuple(inputs),
            effects=tuple(effect for promise in promises for effect in _effects(promise)),
            messages=tuple(message for promise in promises for message in promise.messages),
        )

    def output(self) -> tuple[tuple[Mapping[str, str], ...], tuple[Mapping[str, str], ...]]:
        """Return the links and texts that the template's output has, without those whose `if` fails."""
        output = self.source.template.spec.output
        self._look_at_user([output.links, output.text])
        kinds: list[tuple[Mapping[str, str], ...]] = []
        for kind, items in (("links", output.links), ("text", output.text)):
            kept = []
            for index, item in enumerate(items):
                try:
                    at = ("spec", "output", kind, index)
                    shown = self._evaluated(item, self._context(), at)
                except ExpressionError as error:
                    fault = self.source.fault(("spec", "output", kind, index, *error.path), error.message)
                    raise TemplateError("the template's output is wrong", faults=[fault]) from error
                # In a portal an `if` without a value is no `if`: the item is shown.
                asked = shown if self.given.steps_engine.is_portal else item
                if shown.get("entityRef") in self.nowhere and not shown.get("url"):
                    continue  # it would lead nowhere; that it is not registered is a note of its step
                if "if" not in asked or is_truthy(shown.get("if")):
                    kept.append({k: _shown(value) for k, value in shown.items() if k != "if"})
            kinds.append(tuple(kept))
        return kinds[0], kinds[1]

    def open_files(self) -> Iterator[str]:
        """Say which files hold placeholders, in the workspace as it is in the end."""
        of_user = () if self.knows_user else ("<user.entity.",)
        left = [each for each in (*(f"<{id_}." for id_ in self.left_out), *of_user) if self._holding([each])]
        numbers = tuple(text for _, text in texts(self.outputs) if text.startswith(UNKNOWN_NUMBER))
        for marks, what in (
            (left, f"what only a portal knows stands as {''.join(left[:1])}NAME> and the like"),
            ([*numbers], f"what only a forge will number stands as {', '.join(dict.fromkeys(numbers))}"),
        ):
            found = self._holding(marks)
            if found:
                listed = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
                yield f"{what} in {listed}"

    def _holding(self, marks: list[str]) -> list[str]:
        return [
            path
            for path, entry in (self.tree.items() if marks else ())
            if any(mark in path or mark.encode() in entry.content for mark in marks)
        ]

    def requires(self) -> str:
        """Return what the project needs of a cluster, as the template's annotation says it."""
        text = self.source.template.metadata.annotations.get(REQUIRES, "")
        try:
            return str(evaluate(text, self._context(), self.given.steps_engine))
        except ExpressionError as error:
            fault = self.source.fault(("metadata", "annotations", REQUIRES), error.message)
            raise TemplateError(f"the annotation {REQUIRES} is wrong", faults=[fault]) from error

    def _evaluated(
        self, value: Any, context: Mapping[str, Any], at: tuple[str | int, ...], *path: str
    ) -> Any:
        """Return an evaluated value, and remember what a portal would pass on unevaluated."""
        kept: list[ExpressionError] = []
        found = evaluate(value, context, self.given.steps_engine, path, kept)
        self.kept += [
            self.source.fault(
                (*at, *error.path), f"{error.message}; the text is passed on as it is, as a portal does"
            )
            for error in kept
        ]
        return found

    def _unknown(self, condition: str | bool | None) -> str:
        """Say on what that only a portal knows a condition depends."""
        steps = ", ".join(self._read(condition, self.left_out))
        of_user = _named(self._unknown_to_us(condition))
        return " and ".join(filter(None, (f"what {steps} would bring" if steps else "", of_user)))

    def _look_at_user(self, value: Any) -> None:
        self.of_user = self._unknown_to_us(value)
        self.knows_user = self.knows_user and not self.of_user

    def _unknown_to_us(self, value: Any) -> list[user.Chain]:
        """Return what a value's expressions read of the user that only a portal knows."""
        if not self.given.steps_engine.is_portal:
            return []
        named = [text for _, text in texts(value) if "user" in text]
        return user.unknown_to(self.given.author, self._chains(named))

    def _unknown_of_user(self) -> str:
        return f"needs what only a portal knows: {_named(self.of_user)}" if self.of_user else ""

    def _read(self, value: Any, steps: list[str]) -> list[str]:
        """Return those of some steps whose outputs the expressions of a value read."""
        named = (chain[1] for chain in self._chains(value) if chain[0] == "steps" and len(chain) > 1)
        return [name for name in dict.fromkeys(named) if name in steps]

    def _chains(self, value: Any) -> Iterator[tuple[str, ...]]:
        for _, text in texts(value):
            try:
                yield from self.given.steps_engine.names(text)
            except EngineError:
                continue

    def _action(self, step: Step) -> Action | None:
        """Return a step's action, or None for one that only a portal can carry out."""
        if not actions.exists(step.action):
            if self.given.steps_engine.is_portal:
                return None
            raise _StepError(("action",), actions.why_absent(step.action))
        action = actions.load(step.action)
        needs_portal = getattr(action, "needs_portal", None)
        return None if self.given.portal is None and needs_portal and needs_portal(step.input) else action

    def _lack(self, error: Exception, step: Step, input: Mapping[str, Any], kept: list[Fault]) -> str:
        """Say what a step may fail for that a portal has: its filters, and what left out steps bring.

        input: as the step has it when it is evaluated.
        """
        if isinstance(error, BeyondError):
            return error.message if self.given.steps_engine.is_portal else ""
        filters = (found for fault in kept if (found := re.search("there is no filter '.*?'", fault.message)))
        own = next((found[0] for found in filters), "")
        placeholders = tuple(f"<{id_}." for id_ in self.left_out)
        lacks = self.left_out and (
            isinstance(error, AbsentError)
            # Without files any other failure may be theirs; but an input is wrong whatever a step brings.
            or not (self.tree or isinstance(error, TemplateError | ValidationError))
            or any(each in text for _, text in texts(input) for each in placeholders)
        )
        if self.of_user and any("<user.entity." in text for _, text in texts(input)):
            return self._unknown_of_user()
        named = [id_ for id_ in self.left_out if any(f"<{id_}." in text for _, text in texts(input))]
        guessed = self._read(step.input, self.guessed)
        if guessed and not lacks:
            return f"needs what {', '.join(guessed)} would bring"
        if lacks:
            return f"needs what {', '.join(named or self.left_out)} would bring"
        return own if _is_about_raw_text(error) else ""

    def _problem(self, found: Any, step: Step) -> str:
        """Return what Pydantic says of an input; of one that is written and has no value, why."""
        written = found_at(step.input, found["loc"])
        if found["type"] != "missing" or not isinstance(written, str):
            return wording.problem(found)
        why = why_empty(written, self._context(), self.given.steps_engine)
        return f"is required, and {written.strip()} is empty" + (f": {why}" if why else "")

    def _reasons(self, said: str, written: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
        """Say what is empty in the text that an error shows."""
        for path, text in texts(written):
            shown = found_at(given, path)
            why = why_empty(text, self._context(), self.given.steps_engine)
            if why and isinstance(shown, str) and shown and repr(shown) in said:
                yield why

    def _placeholder(self, id_: str, input: Mapping[str, Any], why: str) -> Promise:
        """Return what stands for a step that kickstart cannot carry out: its outputs are their names."""
        names = wiring.outputs_read(self.source, self.given.steps_engine).get(id_, ())
        lines = document.dump(dict(input), blocks=True).splitlines() if input else []
        return Promise(
            output={name: Placeholder(f"<{id_}.{name}>") for name in names},
            messages=(
                f"left to a portal{why}, {'which would give it' if lines else 'without input'}",
                *lines,
            ),
        )

    def _promise(self, id_: str, action: Any, input: Mapping[str, Any]) -> Promise:
        given = Given(
            tree=self.tree,
            source=self.source,
            engine=self.given.skeleton_engine,
            address=self.given.address,
            project=self.given.project,
            author=self.given.author,
            at=self.given.at,
            parameters=public(self.parameters),
            argocd_namespace=self.given.argocd_namespace,
            portal=self.given.portal,
            published=self.published,
            commits=self.given.commits,
            left_out=self.left_out,
        )
        promise: Promise = action.promise(given, action.Input.model_validate(input))
        if promise.is_guess:
            self.guessed.append(id_)
        seen = promise.output.get("repoContentsUrl")
        self.published |= {str(seen): each.tree for each in _effects(promise) if seen and each.published}
        if promise.tree is not None:
            self.tree = promise.tree
        return promise

    def _iterations(self, step: Step, at: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
        if step.each is None:
            yield {}
            return
        items = self._evaluated(step.each, self._context(secrets=True), at, "each")
        if isinstance(items, Mapping):
            pairs = [(str(key), value) for key, value in items.items()]
        elif isinstance(items, list):
            pairs = [(str(index), value) for index, value in enumerate(items)]
        elif isinstance(items, Placeholder):  # of as many as a portal finds, one stands for all
            pairs = [(items.member("KEY"), items.member("EACH"))]
        else:
            shown = "nothing" if items is UNDEFINED or items is None else wording.kind_of(items)
            raise _StepError(("each",), f"must be a list or a mapping, and is {shown}")
        for key, value in pairs:
            yield {"each": {"key": key, "value": value}}

    def _holds(
        self, condition: str | bool | None, context: Mapping[str, Any], at: tuple[str | int, ...]
    ) -> bool:
        if condition is None or isinstance(condition, bool):
            return condition is not False
        return is_truthy(self._evaluated(condition, context, at, "if"))

    def _context(self, *, secrets: bool = False) -> dict[str, Any]:
        context: dict[str, Any] = {
            "parameters": self.parameters.values,
            "steps": self.outputs,
            "user": {},
            "context": {"task": {"id": self.given.project}},
            # Of a portal's own making; `bootstrap` is ours, so that a portal leaves such a step out.
            "environment": {"parameters": {"bootstrap": bool(self.given.argocd_namespace)}},
        }
        if self.given.steps_engine.is_portal:
            context["user"] = user.described(self.given.author, self.of_user)
        else:
            # A plan has no failed step: it is complete, or there is none.
            context |= {"always": lambda: True, "failure": lambda: False}
        if secrets:
            context["secrets"] = {n: s.get_secret_value() for n, s in self.parameters.secrets.items()}
        return context


def _named(chains: list[user.Chain]) -> str:
    return ", ".join(".".join(chain) for chain in chains)


def _changes(promise: Promise) -> bool:
    return bool(_effects(promise)) or promise.tree is not None


def _line(fault: Fault) -> int:
    line = fault.where.rpartition(":")[2]
    return int(line) if line.isdigit() else 0


def _why_missing(step: Step, unknown: str) -> str:
    """Say why only a portal can carry out a step without an action here. unknown: as its `if` has it."""
    if unknown:
        return f"its 'if' depends on {unknown}"
    if actions.exists(step.action):
        return "no portal is configured: KICKSTART_PORTAL_URL"
    return f"kickstart does not have the action {step.action}"


def _is_about_raw_text(error: Exception) -> bool:
    """Tell whether an input failed for an expression in it that was passed on as it is."""
    if isinstance(error, ValidationError):
        return any("${{" in str(each["input"]) for each in error.errors())
    return "${{" in str(getattr(error, "message", error))


class _StepError(ValueError):
    """Something wrong at `path` within a step."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def _effects(promise: Promise) -> tuple[Effect, ...]:
    return (promise.effect,) if promise.effect else promise.effects


def _shown(value: Any) -> str:
    """Return a value of the output as the engine would print it; what cannot be printed, as JSON."""
    if value is None:
        return ""
    return dump(value) if isinstance(value, bool | Mapping | list) else str(value)
