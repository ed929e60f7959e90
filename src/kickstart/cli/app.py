"""The commands, and the one boundary at which errors become messages and exit codes."""

from __future__ import annotations

import errno
import importlib
import os
import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from kickstart.errors import INTERRUPTED, KickstartError

if TYPE_CHECKING:
    from kickstart.cli.console import Console

# Each command's module in this package, in the order of the help. `kickstart --help` prints these
# lines without importing any, so that no command makes another one slower.
COMMANDS = {
    "create": "Create a project: check, render and publish its repositories.",
    "render": "Write the files of a project to a folder, and publish nothing.",
    "preview": "Add and remove environments for pull requests.",
    "promote": "Give an environment the image that another one has.",
    "update": "Propose what a newer template makes, merged with what the team has changed.",
    "status": "Show what exists of a project, what differs from what was rendered, and how healthy it is.",
    "delete": "Take a project off its cluster and its portal, and archive its repositories or delete them.",
    "validate": "Check charts and manifests as a cluster would, before they are pushed.",
    "template": "Look at templates, and check them.",
    "doctor": "Check what a project needs of this machine and of a cluster.",
    "completion": "Print what makes a shell complete commands, options and values.",
}
COMPLETING = "_KICKSTART_COMPLETE"  # set by the script of a shell that asks
_SETTINGS = {"help_option_names": ["-h", "--help"]}


class _Commands(TyperGroup):
    """The commands, each imported when it is called for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _load(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # What a misspelt one is compared with.
        self.commands = dict.fromkeys(COMMANDS, None)  # type: ignore[assignment]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _load(name: str) -> Any:
    """Return a command: its module's `app`, or the function there that has its name."""
    module = importlib.import_module(f"kickstart.cli.{name}")
    commands: typer.Typer | None = getattr(module, "app", None)
    if commands is None:
        commands = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=_SETTINGS)
        function: Callable[..., None] = getattr(module, name)
        commands.command(name)(function)
    command = typer.main.get_command(commands)
    command.name = name
    if COMPLETING in os.environ:
        from kickstart.cli import suggest

        suggest.attach(command)
    return command


app = typer.Typer(
    name="kickstart",
    help="From a template to a running AI application in one command.",
    epilog="Documentation: docs/ of the repository. Exit codes: docs/reference/exit-codes.md.",
    rich_markup_mode=None,  # rich costs half of the time that --help may take
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
    cls=_Commands,
    context_settings=_SETTINGS,
)


def _version(value: bool) -> None:
    if value:
        from kickstart import __version__

        typer.echo(f"kickstart {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From a template to a running AI application in one command."""


def run(arguments: list[str]) -> int:
    """Run one command. Whatever goes wrong becomes a message, a hint and an exit code."""
    if COMPLETING in os.environ:
        from typer.completion import get_completion_inspect_parameters

        get_completion_inspect_parameters()  # it is this that makes the shells known
    try:
        result = app(args=arguments, prog_name="kickstart", standalone_mode=False)
    except KickstartError as error:
        return _console(arguments).fail(error)
    except (KeyboardInterrupt, typer.Abort):
        _console(arguments).interrupted()
        return INTERRUPTED
    except Exception as error:
        show = getattr(error, "show", None)
        if show is not None:  # a usage error of Typer's, which knows how to print itself
            return _usage(error, arguments)
        return _console(arguments).fail(_translated(error))
    if result == INTERRUPTED:  # Typer has taken Ctrl-C for an exit of its own
        _console(arguments).interrupted()
    return result if isinstance(result, int) else 0


_IN_THE_WAY = {
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EROFS: "choose a place that can be written",
    errno.ENOENT: "check its path",
    errno.ENOTDIR: "move the file away that stands where a folder is needed",
    errno.EEXIST: "move the file away that stands where a folder is needed",
    errno.EISDIR: "move the folder away that stands where a file is needed",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.ELOOP: "look at the links on this path",
}


def _usage(error: Exception, arguments: list[str]) -> int:
    from kickstart.errors import ParameterError

    console = _console(arguments)
    if console.as_json or os.environ.get("GITHUB_ACTIONS") == "true":  # which shows an error in its own ways
        message = error.format_message()  # type: ignore[attr-defined]
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "kickstart"
        return console.fail(ParameterError(str(message), hint=f"{command} --help"))
    error.show()  # type: ignore[attr-defined]
    return int(getattr(error, "exit_code", 2))


def _translated(error: Exception) -> KickstartError:
    """Turn what nobody foresaw into one line; a full or forbidden disk was foreseen."""
    from kickstart.errors import PreflightError

    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        place = f" for {error.filename}" if error.filename else ""
        return PreflightError(
            f"the disk is full{place}", hint="free some space, and run the same command again"
        )
    if isinstance(error, FileNotFoundError) and not error.filename:  # so says Python of the current folder
        return PreflightError("the current folder is no longer there", hint="change to one that is: cd")
    if isinstance(error, OSError) and error.filename and error.errno in _IN_THE_WAY:
        return PreflightError(
            f"{error.filename} cannot be used: {error.strerror}", hint=_IN_THE_WAY[error.errno]
        )
    return _bug(error)


def _bug(error: Exception) -> KickstartError:
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            errors="backslashreplace",
            prefix="kickstart-",
            suffix=".log",
            delete=False,
        ) as log:
            log.write(text)  # mode 0600
        place = f"; the details are in {log.name}"
    except OSError:
        place = ""
    last = str(error).splitlines()[0] if str(error) else ""
    return KickstartError(
        f"this is a bug of kickstart: {type(error).__name__}: {last}"[:500],
        hint=f"please report it{place}",
    )


def _console(arguments: list[str]) -> Console:
    """Return the console of the command that failed, or one made of the bare arguments."""
    from kickstart.cli import console

    return console.current or console.Console(
        as_json=_wants_json(arguments), color=console.wants_color("--no-color" in arguments)
    )


def _wants_json(arguments: list[str]) -> bool:
    """Tell whether a command line that could not be read asks for JSON all the same."""
    return any(
        _OUTPUT_JSON.fullmatch(each) or (_OUTPUT.fullmatch(each) and following == "json")
        for each, following in pairwise([*arguments, ""])
    )


# A short option may have its value behind it, and switches before it: `-ojson`, `-qo json`.
_OUTPUT = re.compile(r"--output|-[qvwy]*o")
_OUTPUT_JSON = re.compile(r"--output=json|-[qvwy]*ojson")
