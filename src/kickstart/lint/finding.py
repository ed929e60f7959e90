"""What lint finds, and every rule by which it does."""

from __future__ import annotations

from msgspec import Struct

from kickstart.errors import Fault

# Every rule, and what to do about what it finds.
RULES: dict[str, str] = {
    "comment-opening": "put it between {% raw %} and {% endraw %}, or the file into copyWithoutTemplating",
    "copy-without-render": "write copyWithoutTemplating",
    "foreign-expression": "put it between {% raw %} and {% endraw %}, or the file into copyWithoutTemplating",
    "metadata": "correct it: a portal's catalog refuses the template",
    "parameter-schema": "correct the parameter's schema",
    "portal-action": "nothing to do: a dry run shows its input, and a plug-in can bring it",
    "reference": "correct the name, or the expression",
    "secret-as-parameter": "write secrets.NAME: parameters.NAME is only asterisks",
    "secret-logged": "do not log it",
    "syntax": "correct it, or put it between {% raw %} and {% endraw %}",
    "unknown-filter": "correct the name, or install a plug-in that has it",
    "undefined-value": "add it to the step's values, or correct the name",
    "unknown-action": "correct the name, or install a plug-in that has it",
    "unknown-input": "remove it, or correct the name: a portal refuses inputs that it does not know",
    "missing-dollar": "write ${{ }} and {% %}, or put it between {% raw %} and {% endraw %}",
    "missing-input": "give it",
    "step": "correct the step",
}


class Finding(Struct, frozen=True, order=True):
    """One thing to look at; line 0 says that no line is known.

    level: "error" for what fails or is lost, "note" for what is only to be known, else "warning".
    """

    file: str
    line: int
    rule: str
    level: str
    message: str

    @property
    def fix(self) -> str:
        return RULES[self.rule]

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def from_fault(fault: Fault, rule: str, level: str) -> Finding:
    """Return a fault of a template as what a rule finds."""
    file, colon, line = fault.where.rpartition(":")
    if not colon or not line.isdigit():
        return Finding(fault.where, 0, rule, level, fault.message)
    return Finding(file, int(line), rule, level, fault.message)


def short(text: str) -> str:
    """Return a tag as it fits into a line."""
    return text if len(text) <= 80 else f"{text[:77]}..."
