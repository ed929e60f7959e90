"""What is left to a portal: steps that only it can carry out, and what depends on what only it knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from kickstart import actions, document, wiring
from kickstart.actions.base import UNKNOWN_NUMBER, AbsentError, BeyondError, Promise
from kickstart.errors import Fault, TemplateError
from kickstart.template import user
from kickstart.template.catalog import Source
from kickstart.template.expressions import texts
from kickstart.template.language import EngineError, Language, Placeholder
from kickstart.template.schema import Step
from kickstart.tree import Tree


class LeftOut(Struct):
    """What a plan had to leave to a portal so far.

    author: who runs the template. steps: those that only a portal can carry out. guessed: those whose
    outputs it may give otherwise. of_user: what this step, or the output, reads of the user that only a
    portal knows. knows_user: no step read such a thing.
    """

    source: Source
    engine: Language
    author: str
    steps: list[str] = []
    guessed: list[str] = []
    of_user: list[user.Chain] = []
    knows_user: bool = True

    def look_at_user(self, value: Any) -> None:
        """Find what a step, or the output, reads of the user that only a portal knows."""
        self.of_user = self._unknown_of_user(value)
        self.knows_user = self.knows_user and not self.of_user

    def decides(self, condition: str | bool | None) -> str:
        """Say on what that only a portal knows a condition depends; "" when on nothing."""
        steps = ", ".join(self._read(condition, self.steps))
        of_user = _named(self._unknown_of_user(condition))
        return " and ".join(filter(None, (f"what {steps} would bring" if steps else "", of_user)))

    def needs_user(self) -> str:
        """Say what this step, or the output, needs to know of the user; "" when nothing."""
        return f"needs what only a portal knows: {_named(self.of_user)}" if self.of_user else ""

    def lack(
        self, error: Exception, step: Step, input: Mapping[str, Any], kept: Sequence[Fault], tree: Tree
    ) -> str:
        """Say what a step may fail for that a portal has: its filters, and what left out steps bring.

        input: as the step has it when it is evaluated. kept: the texts in it that a portal would pass on
        unevaluated. tree: the workspace that it finds.
        """
        if isinstance(error, BeyondError):
            return error.message if self.engine.is_portal else ""
        given = [text for _, text in texts(input)]
        if self.of_user and any("<user.entity." in text for text in given):
            return self.needs_user()
        named = [id_ for id_ in self.steps if any(f"<{id_}." in text for text in given)]
        # Without files any other failure may be theirs; but an input is wrong whatever a step brings.
        is_open = isinstance(error, AbsentError) or not (
            tree or isinstance(error, TemplateError | ValidationError)
        )
        lacking = named or (self.steps if is_open else []) or self._read(step.input, self.guessed)
        if lacking:
            return f"needs what {', '.join(lacking)} would bring"
        filters = (re.search("there is no filter '.*?'", fault.message) for fault in kept)
        return next((found[0] for found in filters if found), "") if _is_about_raw_text(error) else ""

    def placeholder(self, id_: str, input: Mapping[str, Any], why: str) -> Promise:
        """Return what stands for a step that kickstart cannot carry out: its outputs are their names."""
        names = wiring.outputs_read(self.source, self.engine).get(id_, ())
        lines = document.dump(dict(input), blocks=True).splitlines() if input else []
        return Promise(
            output={name: Placeholder(f"<{id_}.{name}>") for name in names},
            messages=(
                f"left to a portal{why}, {'which would give it' if lines else 'without input'}",
                *lines,
            ),
        )

    def open_files(self, tree: Tree, outputs: Mapping[str, Any]) -> Iterator[str]:
        """Say which files hold placeholders, in the workspace as it is in the end."""
        of_user = [] if self.knows_user else ["<user.entity."]
        left = [each for each in (*(f"<{id_}." for id_ in self.steps), *of_user) if _holding(tree, [each])]
        numbers = [text for _, text in texts(outputs) if text.startswith(UNKNOWN_NUMBER)]
        for marks, what in (
            (left, f"what only a portal knows stands as {''.join(left[:1])}NAME> and the like"),
            (numbers, f"what only a forge will number stands as {', '.join(dict.fromkeys(numbers))}"),
        ):
            found = _holding(tree, marks)
            if found:
                listed = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
                yield f"{what} in {listed}"

    def _unknown_of_user(self, value: Any) -> list[user.Chain]:
        if not self.engine.is_portal:
            return []
        named = [text for _, text in texts(value) if "user" in text]
        return user.unknown_to(self.author, self._chains(named))

    def _read(self, value: Any, steps: list[str]) -> list[str]:
        """Return those of some steps whose outputs the expressions of a value read."""
        named = (chain[1] for chain in self._chains(value) if chain[0] == "steps" and len(chain) > 1)
        return [name for name in dict.fromkeys(named) if name in steps]

    def _chains(self, value: Any) -> Iterator[tuple[str, ...]]:
        for _, text in texts(value):
            try:
                yield from self.engine.names(text)
            except EngineError:
                continue


def why(step: Step, decided_by: str) -> str:
    """Say why only a portal can carry out a step without an action here.

    decided_by: what its `if` depends on that only a portal knows.
    """
    if decided_by:
        return f"its 'if' depends on {decided_by}"
    if actions.exists(step.action):
        return "no portal is configured: KICKSTART_PORTAL_URL"
    return f"kickstart does not have the action {step.action}"


def _named(chains: list[user.Chain]) -> str:
    return ", ".join(".".join(chain) for chain in chains)


def _holding(tree: Tree, marks: list[str]) -> list[str]:
    return [
        path
        for path, entry in (tree.items() if marks else ())
        if any(mark in path or mark.encode() in entry.content for mark in marks)
    ]


def _is_about_raw_text(error: Exception) -> bool:
    """Tell whether an input failed for an expression in it that was passed on as it is."""
    if isinstance(error, ValidationError):
        return any("${{" in str(each["input"]) for each in error.errors())
    return "${{" in str(getattr(error, "message", error))
