"""`kickstart template`: look at templates and check them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from kickstart.cli import options
from kickstart.naming import counted

if TYPE_CHECKING:
    from kickstart.cli.console import Console
    from kickstart.template.catalog import Source
    from kickstart.template.elsewhere import Checkout
    from kickstart.template.parameters import Form
    from kickstart.template.property import Property


class _WholeLines(TyperGroup):
    """Lists each command with the whole first line of its help, which Typer cuts to the width."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        lines = {name: (each.help or "").partition("\n")[0] for name, each in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl(list(lines.items()))


app = typer.Typer(
    cls=_WholeLines,
    help="Look at templates, and check them.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_TEMPLATE = Annotated[
    str,
    typer.Argument(metavar="TEMPLATE", help="A name, a folder or its file, or a Git URL with @REF."),
]


@app.command("list")
def list_(output: options.OUTPUT = "text", no_color: options.NO_COLOR = False) -> None:
    """List the templates that come with kickstart."""
    from kickstart.cli import results
    from kickstart.template import catalog, elsewhere

    console = results.console("TemplateList", output, False, False, no_color)
    sources = [catalog.find(name, elsewhere.stay_here) for name in catalog.builtin_names()]
    console.result({"outcome": "listed", "templates": [_described(source) for source in sources]})
    width = max((len(source.name) for source in sources), default=0)
    for source in sources:
        console.print(f"{source.name:<{width}}  {source.version}  {source.template.metadata.title}")


@app.command("show")
def show(
    template: _TEMPLATE = "rag-chatbot", output: options.OUTPUT = "text", no_color: options.NO_COLOR = False
) -> None:
    """Show a template's parameters and steps."""
    from kickstart.cli import results
    from kickstart.template.property import choices

    console = results.console("Template", output, False, False, no_color)
    source, form = _load(template)
    console.result(
        {
            "outcome": "shown",
            "template": _described(source),
            "parameters": [
                {
                    "name": prop.name,
                    "title": prop.title,
                    "page": prop.page,
                    "type": prop.schema.get("type"),
                    "required": prop.required,
                    "secret": prop.is_hidden,
                    "default": prop.schema.get("default"),
                    "choices": [value for value, _ in choices(prop.schema)] or None,
                    "description": prop.schema.get("description", ""),
                }
                for prop in form.properties.values()
            ],
            "steps": [
                {"id": source.template.step_id(index), "name": step.name, "action": step.action}
                for index, step in enumerate(source.template.spec.steps)
            ],
        }
    )
    metadata = source.template.metadata
    console.print(f"{console.paint(metadata.name, 'bold')} {source.version}  {metadata.title}".rstrip())
    if metadata.description:
        console.print(metadata.description.strip())
    page = None
    for prop in form.properties.values():
        if prop.page != page:
            page = prop.page
            console.print()
            console.print(console.paint(page or "Parameters", "bold"))
        words = _traits(prop.schema, _conditions(form, prop))
        console.print(f"  {prop.name}  {console.paint(', '.join(words), 'dim')}")
        for line in str(prop.schema.get("description") or "").strip().splitlines():
            console.print(f"      {line}".rstrip())
        for line in _members(prop.schema):
            console.print(f"      {line}")
    console.print()
    console.print(console.paint("Steps", "bold"))
    for index, step in enumerate(source.template.spec.steps):
        console.print(f"  {source.template.step_id(index)}  {step.action}  {step.name}".rstrip())


@app.command("validate")
def validate(
    template: _TEMPLATE = "rag-chatbot",
    dialect: options.DIALECT = None,
    output: options.OUTPUT = "text",
    no_color: options.NO_COLOR = False,
) -> None:
    """Check a template without rendering it: its parameters, actions, inputs and expressions."""
    from kickstart import wiring
    from kickstart.cli import results
    from kickstart.errors import TemplateError
    from kickstart.template.elsewhere import stay_here
    from kickstart.template.languages import dialect_of, languages

    console = results.console("TemplateValidation", output, False, False, no_color)
    source, form = _load(template, parts=stay_here)
    spoken = languages(source, dialect_of(source, dialect), None)
    findings = wiring.check(source, form, spoken.steps)
    _tell_unread(source, console)
    for fault in findings.warnings:
        console.print(f"{console.paint('Warning:', 'yellow')} {fault}")
    if findings.errors:
        raise TemplateError(f"the template '{source.name}' is wrong", faults=findings.errors)
    warnings = [{"where": fault.where, "message": fault.message} for fault in findings.warnings]
    console.result({"outcome": "valid", "template": _described(source), "warnings": warnings})
    steps = counted(len(source.template.spec.steps), "step")
    console.print(f"{source.name} is valid: {counted(len(form.properties), 'parameter')}, {steps}.")


@app.command("lint")
def lint(
    template: _TEMPLATE = "rag-chatbot",
    dialect: options.DIALECT = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="text|json|sarif", help="What to print.")
    ] = "text",
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="RULE", help="Leave out a rule; may be repeated.")
    ] = None,
    no_color: options.NO_COLOR = False,
) -> None:
    """Find what is wrong or doubtful in a template and in its skeletons, each with a fix.

    What only a portal can carry out is a note, and no failure.
    """
    from kickstart import lint as linter
    from kickstart.cli import results
    from kickstart.errors import Fault, FindingsError, ParameterError
    from kickstart.naming import closest
    from kickstart.template.elsewhere import stay_here
    from kickstart.template.languages import dialect_of, languages

    console = results.console("TemplateLint", "text" if output == "sarif" else output, False, False, no_color)
    source = _source(template, parts=stay_here)
    unknown = [rule for rule in ignore or [] if rule not in linter.RULES]
    if unknown:
        raise ParameterError(
            f"there is no rule '{unknown[0]}'{closest(unknown[0], linter.RULES)}",
            hint=f"the rules are {', '.join(linter.RULES)}",
        )
    _tell_unread(source, console)
    found = linter.lint(source, languages(source, dialect_of(source, dialect), None).steps)
    found = [each for each in found if each.rule not in (ignore or [])]
    if output == "sarif":
        from kickstart.cli import sarif

        typer.echo(sarif.of_template(found))
    findings = [
        {
            "rule": each.rule,
            "level": each.level,
            "file": each.file,
            "line": each.line,
            "message": each.message,
            "fix": each.fix,
        }
        for each in found
    ]
    faults = {each: Fault(each.where, f"{each.message} [{each.rule}: {each.fix}]") for each in found}
    if output != "sarif":
        for each, fault in faults.items():
            if each.level == "note":
                console.print(f"{console.paint('Note:', 'yellow')} {fault}")
    wrong = [fault for each, fault in faults.items() if each.level != "note"]
    if wrong:
        console.remember({"findings": findings})
        raise FindingsError(
            f"{counted(len(wrong), 'finding')} in the template '{source.name}'",
            faults=wrong,
            hint="leave out what is meant so: --ignore RULE",
        )
    console.result({"outcome": "clean", "template": _described(source), "findings": findings})
    if output != "sarif":
        console.print(f"{source.name} is clean.")


@app.command("test")
def test(
    template: _TEMPLATE = "rag-chatbot",
    case: Annotated[
        list[str] | None, typer.Option("--case", "-c", metavar="NAME", help="Run only this case.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Take what the cases give now as what is expected.")
    ] = False,
    dialect: options.DIALECT = None,
    output: options.OUTPUT = "text",
    no_color: options.NO_COLOR = False,
) -> None:
    """Run the cases beside a template: values in, expected files out; without a portal."""
    import os
    import shlex

    from kickstart import cases, settings
    from kickstart.cli import connect, results
    from kickstart.errors import FindingsError, ParameterError
    from kickstart.naming import closest
    from kickstart.template.languages import dialect_of, languages

    console = results.console("TemplateTest", output, False, False, no_color)
    source = _source(template)
    known = cases.find(source)
    names = [each.name for each in known]
    wrong = [name for name in case or [] if name not in names]
    if wrong or not known:
        what = f"there is no case '{wrong[0]}'{closest(wrong[0], names)}" if wrong else "there are no cases"
        known_ones = f"known are {', '.join(names)}; " if names else ""
        new = f"{source.folder / cases.FOLDER}/NAME/{cases.VALUES}"
        raise ParameterError(what, hint=f"{known_ones}for a new one write {new}")
    spoken = languages(source, dialect_of(source, dialect), None)
    address, tools = connect.forge("local:/forge", settings.home(os.environ))
    chosen = [each for each in known if not case or each.name in case]
    if update:
        for each in chosen:
            if not each.error:
                tools.folders.write(each.folder / cases.EXPECTED, cases.run(each, source, spoken, address))
    failed = {each.name: cases.problems(each, source, spoken, address) for each in chosen}
    ran = [
        {"name": name, "problems": [{"where": each.where, "message": each.message} for each in faults]}
        for name, faults in failed.items()
    ]
    for name, faults in failed.items():
        word = console.paint("failed", "red") if faults else console.paint("passed", "green")
        console.print(f"{word}  {name}")
    if any(failed.values()):
        console.remember({"cases": ran})
        raise FindingsError(
            f"{sum(map(bool, failed.values()))} of {len(failed)} cases failed",
            faults=[fault for faults in failed.values() for fault in faults],
            hint=f"where the new files are right: kickstart template test {shlex.quote(template)} --update",
        )
    console.result({"outcome": "passed", "template": _described(source), "cases": ran})


@app.command("schema")
def schema(template: _TEMPLATE = "rag-chatbot") -> None:
    """Print one JSON Schema of all parameters, for editors and other tools."""
    source, form = _load(template)
    title = source.template.metadata.title or source.name
    typer.echo(json.dumps(form.json_schema(f"Parameters of {title}"), indent=2, ensure_ascii=False))


def _source(reference: str, *, parts: Checkout | None = None) -> Source:
    import os

    from kickstart import settings
    from kickstart.cli import connect
    from kickstart.template import catalog

    connect.forget_callers_repository()
    checkout = connect.checkout(settings.home(os.environ))
    return catalog.find(reference, checkout, connect.origin, parts=parts)


def _load(reference: str, *, parts: Checkout | None = None) -> tuple[Source, Form]:
    from kickstart.template.parameters import Form

    source = _source(reference, parts=parts)
    form = Form(source.template.spec.parameters)
    form.check(source.fault)
    return source, form


def _tell_unread(source: Source, console: Console) -> None:
    for each in source.unread:
        fault = source.fault(each.at, f"{each.what} is not fetched, and what depends on it is not looked at")
        console.say(f"Note: {fault}")


def _described(source: Source) -> dict[str, str]:
    metadata = source.template.metadata
    return {
        "name": metadata.name,
        "title": metadata.title,
        "description": metadata.description,
        "version": source.version,
        "origin": source.origin,
        "commit": source.commit,
    }


def _conditions(form: Form, prop: Property) -> list[str]:
    """Return when a parameter is needed, in a few words."""
    sometimes = prop.name in form.sometimes_required and prop.when is None
    words = ["required"] if prop.required else ["required with some values of others"] if sometimes else []
    words += ["secret"] if prop.is_hidden else []
    return words + ([f"when {prop.when}"] if prop.when is not None else [])


_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "length at least",
    "maxLength": "length at most",
    "pattern": "matches",
}


def _traits(schema: Mapping[str, Any], needed: Sequence[str] = ()) -> list[str]:
    """Return the type, the choices and the default of a value in a few words."""
    from kickstart.template.property import choices, document_text

    kind = schema.get("type") or "any"
    words = [" or ".join(map(str, kind)) if isinstance(kind, list) else str(kind), *needed]
    items = schema.get("items")
    several = choices(items) if isinstance(items, dict) else []
    known = choices(schema) or several
    if known:
        values = [(document_text(value), label) for value, label in known]
        listed = ", ".join(value if value == label else f"{value} ({label})" for value, label in values)
        words.append(f"{'any' if several else 'one'} of {listed}")
    picker = schema.get("ui:field")
    words += [str(picker)] if picker and picker != "Secret" else []
    words += [f"{text} {schema[key]}" for key, text in _BOUNDS.items() if key in schema]
    if "default" in schema:
        words.append(f"default {json.dumps(schema['default'], ensure_ascii=False)}")
    return words


def _members(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each member of an object, however deep."""
    items = schema.get("items")
    properties = schema.get("properties") or (items.get("properties") if isinstance(items, dict) else None)
    required = schema.get("required") or []
    for name, each in (properties or {}).items() if isinstance(properties, dict) else ():
        if isinstance(each, dict):
            yield f"{name}: {', '.join(_traits(each, ['required'] if name in required else []))}"
            yield from (f"  {line}" for line in _members(each))
