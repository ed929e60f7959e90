"""Plans: everything a template will have done, known before anything is done."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from pydantic import ValidationError

from kickstart import actions, left_out, marker, wiring
from kickstart.actions import protections
from kickstart.actions.base import Action, Effect, Given, InputError, Promise
from kickstart.actions.folder import WriteFolder
from kickstart.errors import Fault, RemoteError, TemplateError
from kickstart.left_out import LeftOut
from kickstart.template import user, wording
from kickstart.template.catalog import Source
from kickstart.template.expressions import ExpressionError, evaluate, found_at, is_truthy, texts, why_empty
from kickstart.template.filters import dump
from kickstart.template.language import UNDEFINED, Language, Placeholder
from kickstart.template.parameters import Form, Parameters
from kickstart.template.schema import Step
from kickstart.tools import Address, Portal, Repository
from kickstart.tree import PathError, Tree

REQUIRES = "kickstart/requires"  # the annotation that says what a project needs of a cluster
# When a commit is made that nobody makes, so that a file that names it is always the same.
UNPUBLISHED = datetime(2000, 1, 1, tzinfo=UTC)

Place = tuple[str | int, ...]  # in a template: the keys and indexes that lead there


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
    builder = _Builder(source, parameters, given, LeftOut(source, given.steps_engine, given.author))
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
    if parameters.secrets:
        from kickstart import leaks  # few templates take any

        leaks.refuse(((step.id, effect) for step in steps for effect in step.effects), parameters.secrets)
    open_files = builder.left.open_files(builder.tree, builder.outputs)
    notes = (*parameters.notes, *_said(findings.warnings, builder.kept), *builder.notes, *open_files)
    requires = builder.requires()
    return Plan(given.project, source, parameters, steps, builder.tree, links, texts, notes, requires)


def _said(warnings: Sequence[Fault], kept: Sequence[Fault]) -> Iterable[str]:
    """Return each once, by line. What is wrong is told where it is passed on, and otherwise by itself."""
    told = [str(each) for each in kept]
    others = [each for each in warnings if not any(text.startswith(str(each)) for text in told)]
    return dict.fromkeys(str(each) for each in sorted([*others, *kept], key=_line))


def _line(fault: Fault) -> int:
    line = fault.where.rpartition(":")[2]
    return int(line) if line.isdigit() else 0


class _Planning(Struct):
    """A step while it is planned. Without an action it is left to a portal, and `missing` says why.

    decided_by: what its `if` depends on that only a portal knows. input: as an action was given it last.
    inputs: what would be given to a portal. before: how many texts were kept before this step.
    """

    id: str
    step: Step
    at: Place
    before: int
    action: Action | None = None
    decided_by: str = ""
    missing: str = ""
    failure: RemoteError | None = None
    input: Mapping[str, Any] = {}
    inputs: list[Mapping[str, Any]] = []
    promises: list[Promise] = []

    def __str__(self) -> str:
        return f"step '{self.id}' ({self.step.action})"

    def leave(self, why: str, failure: RemoteError | None = None) -> None:
        """Leave the step to a portal, from here on."""
        self.action, self.missing, self.failure = None, why, failure or self.failure


class _Builder(Struct):
    """Threads the workspace and the outputs through the steps.

    kept: texts that a portal would pass on unevaluated. published: repositories by the URL of their
    contents. nowhere: entities that no catalog will have.
    """

    source: Source
    parameters: Parameters
    given: Circumstances
    left: LeftOut
    tree: Tree = field(default_factory=Tree)
    outputs: dict[str, Any] = {}
    kept: list[Fault] = []
    published: dict[str, Tree] = {}
    notes: list[str] = []
    nowhere: list[str] = []

    def step(self, index: int, step: Step) -> PlannedStep:
        """Return the next step as it is planned. Raises TemplateError with all that is wrong with it."""
        one = _Planning(self.source.template.step_id(index), step, ("spec", "steps", index), len(self.kept))
        self.left.look_at_user([step.condition, step.each, step.input])
        try:
            self._plan(one)
        except (_StepError, ExpressionError, ValidationError, InputError, PathError, OSError) as error:
            raise self._wrong(one, error) from error
        except TemplateError as error:
            faults = error.faults or (self.source.fault(one.at, "is this step"),)
            raise TemplateError(f"{one}: {error.message}", faults=faults, hint=error.hint) from error
        promises = one.promises
        if not promises:
            return PlannedStep(one.id, step.name or step.action, step.action, skipped=True)
        self.notes += [f"step '{one.id}': {note}" for promise in promises for note in promise.notes]
        self.nowhere += [entity for promise in promises for entity in promise.nowhere]
        outputs = [promise.output for promise in promises]
        if step.each is None:
            self.outputs[one.id] = {"output": dict(outputs[0])}
        else:
            self.outputs[one.id] = {
                "output": {key: [each.get(key) for each in outputs] for key in outputs[0]}
            }
        if one.missing:
            self.left.steps.append(one.id)
        return PlannedStep(
            one.id,
            step.name or step.action,
            step.action,
            missing=one.missing,
            failure=one.failure,
            unknown=self.left.needs_user() if not one.missing and any(map(_changes, promises)) else "",
            inputs=tuple(one.inputs),
            effects=tuple(effect for promise in promises for effect in _effects(promise)),
            messages=tuple(message for promise in promises for message in promise.messages),
        )

    def _plan(self, one: _Planning) -> None:
        """Promise every iteration of a step whose condition holds, or could hold in a portal."""
        step = one.step
        if step.each is None and not self._holds(step.condition, self._context(), one.at):
            one.decided_by = self.left.decides(step.condition)
            if not one.decided_by:
                return
        one.action = None if one.decided_by else self._action(step)
        if one.action is None:
            one.leave(left_out.why(step, one.decided_by))
        for each in self._iterations(step, one.at):
            context = {**self._context(secrets=True), **each}
            if step.each is not None and not self._holds(step.condition, context, one.at):
                one.decided_by = self.left.decides(step.condition)
                if not one.decided_by:
                    continue
                one.leave(left_out.why(step, one.decided_by))
            one.promises.append(self._promised(one, context) or self._placeholder(one, context))

    def _promised(self, one: _Planning, context: Mapping[str, Any]) -> Promise | None:
        """Return what the action promises, or None where it has to be left to a portal."""
        if one.action is None:
            return None
        try:
            one.input = self._evaluated(one.step.input, context, one.at, "input")
            return self._promise(one.id, one.action, one.input)
        except RemoteError as error:  # files of another repository, or a portal
            if not self.given.steps_engine.is_portal:
                raise
            one.leave(error.message, error)
        except (InputError, PathError, ValidationError, TemplateError) as error:
            lacks = self.left.lack(error, one.step, one.input, self.kept[one.before :], self.tree)
            if not lacks:
                raise
            one.leave(lacks)
        return None

    def _placeholder(self, one: _Planning, context: Mapping[str, Any]) -> Promise:
        """Return what stands for an iteration that is left to a portal; it shows no secret."""
        context = {**context, "secrets": dict.fromkeys(self.parameters.secrets, "***")}
        one.inputs.append(self._evaluated(one.step.input, context, one.at, "input"))
        reason = f" ({one.missing})" if one.decided_by or actions.exists(one.step.action) else ""
        return self.left.placeholder(one.id, one.inputs[-1], reason)

    def _wrong(self, one: _Planning, error: Exception) -> TemplateError:
        """Return what the author of the template reads of an error in a step."""
        kept = self.kept[one.before :]
        match error:
            case _StepError() | ExpressionError():
                fault = self.source.fault((*one.at, *error.path), error.message)
                return TemplateError(f"{one} is wrong", faults=[fault])
            case ValidationError():
                faults = [
                    self.source.fault(
                        (*one.at, "input", *map(str, found["loc"])), self._problem(found, one.step)
                    )
                    for found in error.errors()
                ]
                return TemplateError(f"{one} has a wrong input", faults=[*faults, *kept])
            case OSError():
                return TemplateError(f"{one}: {error.filename}: {error.strerror}")
        message = "; ".join((str(error), *self._reasons(str(error), one)))
        return TemplateError(
            f"{one} cannot be done", faults=[self.source.fault((*one.at, "input"), message), *kept]
        )

    def output(self) -> tuple[tuple[Mapping[str, str], ...], tuple[Mapping[str, str], ...]]:
        """Return the links and texts that the template's output has, without those whose `if` fails."""
        output = self.source.template.spec.output
        self.left.look_at_user([output.links, output.text])
        kinds: list[tuple[Mapping[str, str], ...]] = []
        for kind, items in (("links", output.links), ("text", output.text)):
            kept = []
            for index, item in enumerate(items):
                at = ("spec", "output", kind, index)
                try:
                    shown = self._evaluated(item, self._context(), at)
                except ExpressionError as error:
                    fault = self.source.fault((*at, *error.path), error.message)
                    raise TemplateError("the template's output is wrong", faults=[fault]) from error
                # In a portal an `if` without a value is no `if`: the item is shown.
                asked = shown if self.given.steps_engine.is_portal else item
                if shown.get("entityRef") in self.nowhere and not shown.get("url"):
                    continue  # it would lead nowhere; that it is not registered is a note of its step
                if "if" not in asked or is_truthy(shown.get("if")):
                    kept.append({k: _shown(value) for k, value in shown.items() if k != "if"})
            kinds.append(tuple(kept))
        return kinds[0], kinds[1]

    def requires(self) -> str:
        """Return what the project needs of a cluster, as the template's annotation says it."""
        text = self.source.template.metadata.annotations.get(REQUIRES, "")
        try:
            return str(evaluate(text, self._context(), self.given.steps_engine))
        except ExpressionError as error:
            fault = self.source.fault(("metadata", "annotations", REQUIRES), error.message)
            raise TemplateError(f"the annotation {REQUIRES} is wrong", faults=[fault]) from error

    def _evaluated(self, value: Any, context: Mapping[str, Any], at: Place, *path: str) -> Any:
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

    def _action(self, step: Step) -> Action | None:
        """Return a step's action, or None for one that only a portal can carry out."""
        if not actions.exists(step.action):
            if self.given.steps_engine.is_portal:
                return None
            raise _StepError(("action",), actions.why_absent(step.action))
        action = actions.load(step.action)
        needs_portal = getattr(action, "needs_portal", None)
        return None if self.given.portal is None and needs_portal and needs_portal(step.input) else action

    def _problem(self, found: Any, step: Step) -> str:
        """Return what Pydantic says of an input; of one that is written and has no value, why."""
        written = found_at(step.input, found["loc"])
        if found["type"] != "missing" or not isinstance(written, str):
            return wording.problem(found)
        why = why_empty(written, self._context(), self.given.steps_engine)
        return f"is required, and {written.strip()} is empty" + (f": {why}" if why else "")

    def _reasons(self, said: str, one: _Planning) -> Iterator[str]:
        """Say what is empty in the text that an error shows."""
        for path, text in texts(one.step.input):
            shown = found_at(one.input, path)
            why = why_empty(text, self._context(), self.given.steps_engine)
            if why and isinstance(shown, str) and shown and repr(shown) in said:
                yield why

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
            left_out=self.left.steps,
        )
        promise: Promise = action.promise(given, action.Input.model_validate(input))
        if promise.is_guess:
            self.left.guessed.append(id_)
        seen = promise.output.get("repoContentsUrl")
        self.published |= {str(seen): each.tree for each in _effects(promise) if seen and each.published}
        if promise.tree is not None:
            self.tree = promise.tree
        return promise

    def _iterations(self, step: Step, at: Place) -> Iterator[dict[str, Any]]:
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

    def _holds(self, condition: str | bool | None, context: Mapping[str, Any], at: Place) -> bool:
        if condition is None or isinstance(condition, bool):
            return condition is not False
        return is_truthy(self._evaluated(condition, context, at, "if"))

    def _environment(self) -> dict[str, Any]:
        """Return what a template may know of this run. A portal has only what its owner has set."""
        address = self.given.address
        bootstrap = bool(self.given.argocd_namespace)
        return {"bootstrap": bootstrap, "githubUrl": address.web, "githubApiUrl": address.api}

    def _context(self, *, secrets: bool = False) -> dict[str, Any]:
        context: dict[str, Any] = {
            "parameters": self.parameters.values,
            "steps": self.outputs,
            "user": {},
            "context": {"task": {"id": self.given.project}},
            "environment": {"parameters": self._environment()},
        }
        if self.given.steps_engine.is_portal:
            context["user"] = user.described(self.given.author, self.left.of_user)
        else:
            # A plan has no failed step: it is complete, or there is none.
            context |= {"always": lambda: True, "failure": lambda: False}
        if secrets:
            context["secrets"] = {n: s.get_secret_value() for n, s in self.parameters.secrets.items()}
        return context


def _changes(promise: Promise) -> bool:
    return bool(_effects(promise)) or promise.tree is not None


class _StepError(ValueError):
    """Something wrong at `path` within a step."""

    def __init__(self, path: Place, message: str) -> None:
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
