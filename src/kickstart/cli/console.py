"""What the user sees. stdout is the result, stderr is the progress."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from kickstart.errors import INTERRUPTED, KickstartError, ParameterError
from kickstart.naming import counted
from kickstart.tree import Entry

if TYPE_CHECKING:
    from kickstart.plan import Plan
    from kickstart.run import Outcome, Pending
    from kickstart.template.parameters import Parameters
    from kickstart.tree import Tree

API_VERSION = "kickstart/v1"
MAX_DIFF_LINES = 400

_COLORS = {"green": "32", "yellow": "33", "red": "31", "bold": "1", "dim": "2", "cyan": "36"}
_CHANGE_COLORS = {
    "create": "green",
    "update": "yellow",
    "archive": "yellow",
    "delete": "red",
    "unchanged": "dim",
    "conflict": "red",
}
_DONE = {"create": "created", "update": "updated", "archive": "archived", "delete": "deleted"}

# The console of the running command, for the error boundary.
current: Console | None = None


_SHORT = 8  # characters of a secret's line that is not masked by itself
# What moves the cursor, or worse; colors are ours, and do no harm.
_CONTROL = re.compile("\x1b(?!\\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """Return a text that no name and no file of somebody else's makes a terminal do something with."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r\n", "\n"))


def json_for(encoding: str | None, text: str) -> str:
    """Return JSON as a stream of that encoding takes it; what only Unicode has is escaped elsewhere."""
    if (encoding or "utf-8").lower().replace("-", "").startswith("utf"):
        return text
    return re.sub("[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)


def _text_of(entry: Entry) -> str:
    """Return a file's text. Raises ValueError for what is none."""
    if b"\0" in entry.content:
        raise ValueError("binary")
    return entry.content.decode("utf-8")


def wants_color(switched_off: bool) -> bool:
    """Tell whether to color: on a terminal that can, unless NO_COLOR or the flag says no."""
    plain = switched_off or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()


class Console:
    """Prints results as text or as one JSON document, and never a secret."""

    def __init__(self, *, as_json: bool = False, color: bool = False, verbosity: int = 0) -> None:
        """verbosity: -1 prints results and errors only, 1 also where values came from."""
        global current
        current = self
        self.as_json = as_json
        self.verbosity = verbosity
        self._color = color and not as_json
        self._secrets: list[str] = []
        self._kind = "Error"
        self._known: Mapping[str, Any] = {}

    def hide(self, secrets: Iterable[str]) -> None:
        """Never print any of `secrets` from now on, nor as JSON or Python writes them, nor line by line."""
        for secret in filter(None, secrets):
            lines = [line.strip() for line in secret.splitlines()] if "\n" in secret else []
            # A short line is more likely to be a word of everybody's.
            for each in (secret, *(line for line in lines if len(line) > _SHORT)):
                self._secrets += [each, json.dumps(each, ensure_ascii=False)[1:-1], repr(each)[1:-1]]

    def expect(self, kind: str) -> None:
        """Say what kind of result the command gives, so that its errors say so too."""
        self._kind = kind

    def remember(self, body: Mapping[str, Any]) -> None:
        """Keep what an error's result tells besides the error."""
        self._known = body

    # Results

    def print(self, text: str = "") -> None:
        """Print a line of the result, where the result is text."""
        if not self.as_json:
            sys.stdout.write(printable(self._clean(text)) + "\n")

    def result(self, body: Mapping[str, Any]) -> None:
        """Print the result, where it is JSON; a pipeline may see it in other ways too."""
        whole = {"apiVersion": API_VERSION, "kind": self._kind, **body}
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from kickstart.cli import ci

            ci.report(whole, self._clean)
        if self.as_json:
            text = self._clean(json.dumps(whole, indent=2, ensure_ascii=False, default=str))
            text = re.sub("[\ud800-\udfff]", "\ufffd", text)  # of names that are not UTF-8
            sys.stdout.write(json_for(sys.stdout.encoding, text) + "\n")

    def fail(self, error: KickstartError) -> int:
        """Print an error with all its faults and its hint, and return its exit code."""
        faults = [{"where": fault.where, "message": fault.message} for fault in error.faults]
        self._failed(type(error).__name__, error.exit_code, error.message, error.hint, faults)
        lines = [f"{self.paint('Error:', 'red')} {error.message}"]
        lines += [f"  {fault}" for fault in error.faults]
        if error.hint:
            lines.append(f"{self.paint('Hint:', 'bold')} {error.hint}")
        self._err("\n".join(lines))
        return error.exit_code

    def interrupted(self) -> None:
        """Say that Ctrl-C was heard."""
        self._failed(
            "Interrupted", INTERRUPTED, "Interrupted. Nothing is half done.", "run the same command again"
        )
        self._err("\nInterrupted. Nothing is half done: run the same command again.")

    def _failed(
        self, kind: str, code: int, message: str, hint: str, faults: Sequence[Mapping[str, str]] = ()
    ) -> None:
        error = {"type": kind, "exitCode": code, "message": message, "hint": hint, "faults": list(faults)}
        self.result({**self._known, "outcome": "failed", "error": error})

    # Progress

    def say(self, text: str) -> None:
        """Print a line of progress, unless it is unwanted."""
        if self.verbosity >= 0:
            self._err(text)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Show what is going on while it works: a spinner on a terminal, else a line a change."""
        if sys.stderr.isatty() and self.verbosity >= 0 and not self.as_json:
            from rich.console import Console as Rich

            rich = Rich(stderr=True, no_color=not self._color, highlight=False)
            # The usual one is of Braille signs, which not every terminal can be given.
            with rich.status(
                "Publishing", spinner="dots" if rich.encoding.startswith("utf") else "line"
            ) as status:
                yield Progress(self, status)
        else:
            yield Progress(self, None)

    @contextmanager
    def live(self) -> Iterator[Callable[[Sequence[str]], None]]:
        """Show lines that change: in place on a terminal, else only those that are new."""
        if sys.stderr.isatty() and self.verbosity >= 0 and not self.as_json:
            from rich.console import Console as Rich
            from rich.live import Live
            from rich.text import Text

            rich = Rich(stderr=True, no_color=not self._color, highlight=False)
            with Live(console=rich) as live:
                yield lambda lines: live.update(Text(printable(self._clean("\n".join(lines)))), refresh=True)
        else:
            shown: set[str] = set()

            def draw(lines: Sequence[str]) -> None:
                for line in lines:
                    if line not in shown:
                        self.say(line)
                shown.clear()
                shown.update(lines)

            yield draw

    # Drawing

    def paint(self, text: str, color: str) -> str:
        """Color a text, where colors are wanted."""
        return f"\033[{_COLORS[color]}m{text}\033[0m" if self._color else text

    def plan(self, plan: Plan, pending: Sequence[Pending], *, files: bool) -> None:
        """Print a plan against what was found; `files` also lists and compares every file."""
        version = f" {plan.source.version}" if plan.source.version else ""
        self.print(
            f"{self.paint(plan.project, 'bold')} from the template {plan.source.name}{version}"
            f" ({plan.source.origin})"
        )
        self.print()
        width = max((len(step.id) for step in plan.steps), default=0)
        for step in plan.steps:
            note = self.paint(" (skipped)", "dim") if step.skipped else ""
            self.print(f"  {step.id:<{width}}  {step.name}{note}")
            for line in "\n".join(step.messages).splitlines():
                self.print(f"  {'':<{width}}  {line}")
        self.print()
        for each in pending:
            self.pending(each, files=files)
        if not pending:
            self.print("Nothing is published.")
        for note in plan.notes:
            self.print(f"{self.paint('Note:', 'yellow')} {note}")
        if not plan.effects:  # else it is about what is not there yet
            self.told(plan)

    def told(self, plan: Plan) -> None:
        """Print what the template's output tells whoever has run it."""
        for link in plan.links:
            address = link.get("url") or link.get("entityRef")
            if address:  # in a portal, one without leads nowhere
                self.print(f"  {link.get('title', 'Link')}: {address}")
        for text in plan.texts:
            self.print()
            self.print(self.paint(text.get("title", ""), "bold"))
            self.print(text.get("content", "").rstrip())

    def pending(self, pending: Pending, *, files: bool) -> None:
        """Print one change, with its files if they are wanted."""
        change = pending.change.value
        tree = pending.effect.tree
        detail = f" ({pending.inspection.detail})" if pending.inspection.detail else ""
        count = f": {counted(len(tree), 'file')}, {size(tree.size)}" if tree else ""
        self.print(f"{self.paint(change, _CHANGE_COLORS[change])}  {pending.effect.target}{detail}{count}")
        if not files:
            return
        existing = pending.inspection.existing
        if existing is not None:
            self.diff(existing, tree)
        elif change == "create":
            for line in tree_lines(tree):
                self.print(f"    {line}")
        self.print()

    def parameters(self, parameters: Parameters) -> None:
        """Print every value with where it came from."""
        width = max((len(name) for name in parameters.values), default=0)
        for name, value in parameters.values.items():
            shown = json.dumps(value, ensure_ascii=False)
            source = self.paint(parameters.sources.get(name, "default"), "dim")
            self.say(f"  {name:<{width}}  {shown}  {source}")

    def diff(self, old: Mapping[str, Entry], new: Mapping[str, Entry], *, whole: bool = False) -> None:
        """Print what differs between two trees, line by line.

        whole: also the lines of files that only one of them has.
        """
        from difflib import unified_diff

        printed = 0
        for path in sorted({*old, *new}):
            before, after = old.get(path), new.get(path)
            if before == after:
                continue
            sign = "+" if before is None else "-" if after is None else "~"
            self.print(f"    {sign} {path}")
            if printed > MAX_DIFF_LINES or not (whole or (before and after)):
                continue
            # The other side of a file that is new, or gone, is empty.
            nothing = replace(before or after or Entry(b""), content=b"")
            before, after = before or nothing, after or nothing
            if before.mode != after.mode:
                self.print(f"      mode {before.mode:o} -> {after.mode:o}")
            try:
                texts = [_text_of(entry).splitlines() for entry in (before, after)]
            except ValueError:
                self.print(f"      binary, {size(len(before.content))} -> {size(len(after.content))}")
                continue
            for line in unified_diff(texts[0], texts[1], "there", "planned", lineterm="", n=2):
                color = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
                self.print("      " + (self.paint(line, color) if color else line))
                printed += 1
        if printed > MAX_DIFF_LINES:
            self.print(f"    (the contents of further files are left out after {MAX_DIFF_LINES} lines)")

    def _err(self, text: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(printable(self._clean(text)) + "\n")
        sys.stderr.flush()

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def for_command(kind: str, output: str, verbose: bool, quiet: bool, no_color: bool) -> Console:
    """Return the console that the flags describe. Raises ParameterError."""
    made = Console(
        as_json=output == "json",
        color=wants_color(no_color),
        verbosity=1 if verbose else -1 if quiet else 0,
    )
    made.expect(kind)
    if output not in {"text", "json"}:
        raise ParameterError(f"there is no output format '{output}'", hint="--output text, or --output json")
    return made


class Progress:
    """Draws outcomes as they come."""

    def __init__(self, console: Console, status: Any) -> None:
        self._console = console
        self._status = status

    def draw(self, outcome: Outcome) -> None:
        """Show one outcome."""
        target = outcome.pending.effect.target
        if not outcome.done:
            if self._status is not None:
                from rich.text import Text

                self._status.update(Text(printable(f"Writing {target}")))  # text, not markup
            return
        change = _DONE.get(outcome.pending.change.value, "unchanged")
        text = self._console.paint(change, "dim" if change == "unchanged" else "green")
        self._console.say(f"{text}  {target}")


def size(count: int) -> str:
    """Return a number of bytes for a reader, as `1.5 kB`."""
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB", "GB"):
        count_in_unit = count / 1000
        if count_in_unit < 1000 or unit == "GB":
            return f"{count_in_unit:.1f} {unit}"
        count = int(count_in_unit)
    raise AssertionError("unreachable")


def tree_lines(tree: Tree) -> Iterator[str]:
    """Yield a tree's files as indented lines with their sizes."""
    shown: tuple[str, ...] = ()
    for path, entry in sorted(tree.items(), key=lambda item: item[0].split("/")):
        *folders, name = path.split("/")
        common = 0
        while common < min(len(folders), len(shown)) and folders[common] == shown[common]:
            common += 1
        for depth in range(common, len(folders)):
            yield f"{'  ' * depth}{folders[depth]}/"
        shown = tuple(folders)
        indent = "  " * len(folders)
        if entry.is_link:
            yield f"{indent}{name} -> {entry.content.decode('utf-8', 'replace')}"
        else:
            sign = "*" if entry.mode & 0o111 else ""
            yield f"{indent}{name}{sign}  {size(len(entry.content))}"
