"""Cases beside a template: values, and the files that they shall give. No portal and no forge is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kickstart import document, folders, marker
from kickstart.errors import Fault, KickstartError, ParameterError, unreadable
from kickstart.plan import UNPUBLISHED, Circumstances, Plan, build
from kickstart.template.catalog import Source
from kickstart.template.languages import Languages
from kickstart.template.parameters import Form, Given
from kickstart.tools import Address
from kickstart.tree import Entry, Tree

FOLDER = "template-tests"
VALUES, EXPECTED, ERROR = "values.yaml", "expected", "error.txt"
STEPS = "steps.yaml"  # in EXPECTED: what would be given to a portal, and what a user would be told

AUTHOR = "Test <test@example.com>"  # of everything, so that no case depends on who runs it


class Case(Struct, frozen=True):
    """One case: a folder with values, and with the expected files or the expected error."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def error(self) -> str:
        """What the error is expected to contain, or nothing. Raises ParameterError for an empty file."""
        file = self.folder / ERROR
        if not file.is_file():
            return ""
        try:
            text = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"{file} cannot be read: {unreadable(error)}") from error
        if not text:
            raise ParameterError(f"{file} is empty", hint="write a part of the error that is expected")
        return text

    def expected(self) -> Tree:
        """Return the expected files; none before they were written for the first time."""
        folder = self.folder / EXPECTED
        return Tree(dict(folders.Files(folder))) if folder.is_dir() else Tree()

    def values(self) -> dict[str, Any]:
        """Return the case's values. Raises ParameterError."""
        file = self.folder / VALUES
        try:
            values = document.load(file.read_text("utf-8")) or {}
        except (OSError, UnicodeDecodeError) as error:
            raise ParameterError(f"{file} cannot be read: {unreadable(error)}") from error
        except document.DocumentError as error:
            place = Fault(f"{file}:{error.line}", error.message)
            raise ParameterError(f"{file} is not valid YAML", faults=[place]) from error
        if not isinstance(values, dict):
            raise ParameterError(f"{file} must be a mapping of parameters to values")
        return values


def find(source: Source) -> list[Case]:
    """Return the cases of a template, by name."""
    place = source.folder / FOLDER
    found = sorted(place.iterdir()) if place.is_dir() else []
    return [Case(folder) for folder in found if (folder / VALUES).is_file()]


def run(case: Case, source: Source, languages: Languages, address: Address) -> Tree:
    """Return what a case gives: the files, and STEPS. Raises KickstartError."""
    form = Form(source.template.spec.parameters)
    given = {name: Given(value, VALUES) for name, value in case.values().items()}
    circumstances = Circumstances(
        case.name, address, AUTHOR, UNPUBLISHED, languages.steps, languages.skeletons
    )
    return _shown(build(source, form.resolve(given), circumstances))


def _shown(plan: Plan) -> Tree:
    """Return a plan's published trees, each in a folder of its name, or else its workspace."""
    trees: dict[str, Mapping[str, Entry]] = {
        effect.published.name: marker.without(effect.tree) for effect in plan.effects if effect.published
    }
    found = {f"{name}/{path}": entry for name, tree in trees.items() for path, entry in tree.items()}
    if not trees:
        found = {f"workspace/{path}": entry for path, entry in plan.workspace.items()}
    steps = [
        {"id": step.id, "action": step.action, "input": dict(given)}
        for step in plan.missing
        for given in step.inputs
    ]
    told = {
        "steps": steps,
        "links": [dict(link) for link in plan.links],
        "texts": [dict(text) for text in plan.texts],
    }
    told = {key: value for key, value in told.items() if value}
    return Tree(found | ({STEPS: Entry(document.dump(told).encode())} if told else {}))


def problems(case: Case, source: Source, languages: Languages, address: Address) -> list[Fault]:
    """Return how what a case gives differs from what it shall give."""
    try:
        found = run(case, source, languages, address)
    except KickstartError as error:
        text = "\n".join([error.message, *map(str, error.faults)])
        if case.error and case.error in text:
            return []
        return [Fault(case.name, f"fails: {text}")]
    if case.error:
        return [Fault(case.name, f"does not fail; expected was: {case.error}")]
    expected = case.expected()
    if not expected:
        return [Fault(case.name, "has no expected files yet; write them with --update, and look at them")]
    return [
        Fault(f"{case.name}/{path}", _difference(expected.get(path), found.get(path)))
        for path in sorted({*expected, *found})
        if expected.get(path) != found.get(path)
    ]


def _difference(expected: Entry | None, found: Entry | None) -> str:
    if found is None:
        return "is missing"
    if expected is None:
        return "is not expected"
    if expected.content == found.content:
        return f"has the mode {found.mode:o}, expected was {expected.mode:o}"
    try:
        old, new = (entry.content.decode("utf-8").split("\n") for entry in (expected, found))
    except UnicodeDecodeError:
        return "has other bytes"
    pairs = zip([*old, None], [*new, None], strict=False)
    line, (before, after) = next(
        (number, pair) for number, pair in enumerate(pairs, start=1) if pair[0] != pair[1]
    )
    shown = [("nothing" if text is None else repr(text))[:80] for text in (after, before)]
    return f"line {line} is {shown[0]}, expected was {shown[1]}"
