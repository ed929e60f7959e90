"""Budgets as ratios against a baseline in the same run; p is the CPU of `python -c pass`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import content, measure
from benchmarks.measure import Command

ROUNDS = 9
LARGE_ROUNDS = 3
BIN = Path(sys.executable).parent
KICKSTART = str(BIN / "kickstart")
PYTHON = str(BIN / "python")


@dataclass(frozen=True, slots=True)
class Budget:
    """One figure with its limit."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the figure is within its limit."""
        return self.value <= self.limit

    def __str__(self) -> str:
        mark = "ok  " if self.holds else "OVER"
        return f"{mark}  {self.name:<58} {self.value:8.2f} {self.unit:<4} (at most {self.limit:g})"


def main() -> int:
    """Measure everything, print each budget, and return how many do not hold."""
    with tempfile.TemporaryDirectory(prefix="kickstart-bench-") as folder:
        place = Path(folder)
        budgets = [*_start(place), *_dry_run(place), *_large(place)]
    for budget in budgets:
        print(budget)
    over = sum(not budget.holds for budget in budgets)
    print(f"{len(budgets) - over} of {len(budgets)} budgets hold")
    return min(over, 1)


def _start(place: Path) -> list[Budget]:
    samples = measure.interleaved(
        {
            "pass": Command([PYTHON, "-c", "pass"]),
            "version": Command([KICKSTART, "--version"]),
            "help": Command([KICKSTART, "--help"]),
        },
        ROUNDS,
    )
    return [
        Budget("--version", measure.ratio(samples, "version", "pass"), 3, "p"),
        Budget("--help", measure.ratio(samples, "help", "pass"), 8, "p"),
        Budget("--help, peak memory", measure.memory(samples, "help"), 20, "MiB"),
    ]


def _dry_run(place: Path) -> list[Budget]:
    template = place / "sixty"
    content.write_ours(template, 60, ("source", "gitops"))
    home = {"KICKSTART_HOME": str(place / "home")}
    command = [
        KICKSTART,
        "create",
        "bench",
        "--dry-run",
        "--no-input",
        "--owner",
        "acme",
        "-t",
        str(template),
    ]
    samples = measure.interleaved(
        {
            "pass": Command([PYTHON, "-c", "pass"]),
            "cold": Command(command, _without(place / "home"), home),
            "warm": Command(command, None, home),
        },
        ROUNDS,
    )
    return [
        Budget("create --dry-run, 60 files, first run", measure.ratio(samples, "cold", "pass"), 25, "p"),
        Budget("create --dry-run, 60 files, again", measure.ratio(samples, "warm", "pass"), 25, "p"),
        Budget("create --dry-run, 60 files, peak memory", measure.memory(samples, "warm"), 46, "MiB"),
    ]


def _large(place: Path) -> list[Budget]:
    large, small = place / "large", place / "small"
    content.write_ours(large, 2000, ("all",))
    content.write_ours(small, 100, ("all",))
    theirs, out = place / "theirs", place / "out"
    content.write_theirs(theirs, 2000)
    home = {"KICKSTART_HOME": str(place / "large-home")}
    clear, clear_all = _without(out), _without(out, place / "large-home")

    def render(template: Path) -> list[str]:
        flags = ["--no-input", "--owner", "acme", "--quiet"]
        return [KICKSTART, "render", "bench", *flags, "-t", str(template), "-d", str(out)]

    cookiecutter = [str(BIN / "cookiecutter"), "--no-input", "--output-dir", str(place / "peer"), str(theirs)]
    samples = measure.interleaved(
        {
            "peer": Command(cookiecutter, _without(place / "peer"), {"HOME": str(place / "peer-home")}),
            "small cold": Command(render(small), clear_all, home),
            "small warm": Command(render(small), clear, home),
            "large cold": Command(render(large), clear_all, home),
            "large warm": Command(render(large), clear, home),
        },
        LARGE_ROUNDS,
    )
    if not measure.same_files(out / "bench-all", place / "peer" / "bench"):
        raise RuntimeError("kickstart and cookiecutter rendered different files")

    def growth(kind: str) -> float:
        more = measure.cpu(samples, f"large {kind}") - measure.cpu(samples, f"small {kind}")
        return more / 1900 * 1000

    return [
        Budget(
            "2,000 files / cookiecutter, first run", measure.ratio(samples, "large cold", "peer"), 0.6, "x"
        ),
        Budget("2,000 files / cookiecutter, again", measure.ratio(samples, "large warm", "peer"), 0.2, "x"),
        Budget("growth a file, first run", growth("cold"), 0.95, "ms"),
        Budget("growth a file, again", growth("warm"), 0.15, "ms"),
        Budget("2,000 files, first run, peak memory", measure.memory(samples, "large cold"), 46, "MiB"),
        Budget("2,000 files, again, peak memory", measure.memory(samples, "large warm"), 46, "MiB"),
    ]


def _without(*folders: Path) -> Callable[[], None]:
    """Return a function that removes `folders`."""

    def remove() -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    return remove


if __name__ == "__main__":
    raise SystemExit(main())
