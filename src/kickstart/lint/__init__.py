"""What is wrong or doubtful with a template, with its skeletons, found without running it."""

from __future__ import annotations

from kickstart.errors import TemplateError
from kickstart.lint import skeleton, template
from kickstart.lint.finding import RULES, Finding, from_fault
from kickstart.lint.form import parameters
from kickstart.template.catalog import Source
from kickstart.template.language import Language
from kickstart.template.parameters import Form

__all__ = ["RULES", "Finding", "lint"]


def lint(source: Source, language: Language) -> list[Finding]:
    """Return everything that is found, by place."""
    form = Form(source.template.spec.parameters)
    found = [*template.entity(source), *template.placeholders(source), *template.filters(source, language)]
    try:
        form.check(source.fault)
    except TemplateError as error:  # what reads parameters is judged when there are some
        found += [from_fault(fault, "parameter-schema", "error") for fault in error.faults]
    else:
        found += parameters(source, form)
        found += template.references(source, form, language)
        found += template.inputs(source, form)
        found += template.optional(source, form)
    steps = list(enumerate(source.template.spec.steps))
    rendering = [(index, step.input) for index, step in steps if step.action in template.RENDERING]
    for index, step in rendering:
        # What only one of the steps that render a skeleton gives is left out by the others on purpose.
        given = [other.get("values") for _, other in rendering if other.get("url") == step.get("url")]
        given += [each.what for each in source.unread]  # which may give any value
        found += skeleton.of_template(source, index, step, given, language)
    for index, each in steps:
        if each.action == "fetch:cookiecutter":
            found += skeleton.of_cookiecutter(source, index, each.input)
        if each.action in {"fetch:plain", "fetch:plain:file"}:
            found += skeleton.of_copied(source, index, each.input.get("url"))
    return sorted(set(found))
