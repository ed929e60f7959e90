"""What can go wrong, by what the caller should do next. The exit codes are documented and stable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to correct. `where` names the parameter, file and line, or repository."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class KickstartError(Exception):
    """An error whose text is for the reader: `message`, every single fault, and what to type next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.faults = tuple(faults)


class ParameterError(KickstartError):
    """The command, its parameters or its settings are wrong: correct them."""

    exit_code = 2


class TemplateError(KickstartError):
    """The template is wrong: correct it."""

    exit_code = 3


class PreflightError(KickstartError):
    """The machine is not ready: something is missing, full or not permitted."""

    exit_code = 4


class ConflictError(KickstartError):
    """Something of somebody else stands where we would write: choose another name."""

    exit_code = 5


class RemoteError(KickstartError):
    """The outside failed, perhaps for a moment: run the same command again."""

    exit_code = 6


class NotHealthyError(KickstartError):
    """Everything was applied, but is not healthy yet: wait, or look at the named resource."""

    exit_code = 7


class FindingsError(KickstartError):
    """A check found something: correct what it names."""

    exit_code = 8


class MergeConflictError(KickstartError):
    """An update was proposed, and disagrees with what others changed: resolve what it names."""

    exit_code = 9


INTERRUPTED = 130


def unreadable(error: Exception) -> str:
    """Say why a file cannot be read, without the path that the message has already."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return getattr(error, "strerror", None) or str(error)
