"""Budgets as ratios against a baseline in the same run; p is the CPU of `python -c pass`."""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import content, measure, portal, publishing, updates
from benchmarks.measure import Command
from scripts import tools
from tests.dialect import portal as backstage

ROUNDS = 9
LARGE_ROUNDS = 3
ROOT = Path(__file__).parents[1]
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
    # As an installed kickstart has it, also where Python may not keep what it compiles.
    compileall.compile_dir(ROOT / "src", quiet=1)
    with tempfile.TemporaryDirectory(prefix="kickstart-bench-") as folder:
        place = Path(folder)
        budgets = [*_start(place), *_dry_run(place), *_portal(place), *_large(place), *_previews(place)]
        budgets += [*_publishing(place), *_updates(place)]
        shares = _checks(place)
    for budget in budgets:
        print(budget)
    for share in shares:
        print(share)
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


def _portal(place: Path) -> list[Budget]:
    if backstage.missing():
        print(f"NOT MEASURED AGAINST BACKSTAGE: {backstage.missing()}")
        return []
    template = portal.write(place / "fifty")
    out, theirs = place / "fifty-out", place / "fifty-theirs"
    flags = ["--no-input", "--quiet", "-t", str(template), "-d", str(out)]
    samples = measure.interleaved(
        {
            "ours": Command(
                [KICKSTART, "render", "bench", *flags],
                _without(out, place / "fifty-home"),
                {"KICKSTART_HOME": str(place / "fifty-home")},
            ),
            "theirs": Command(
                portal.command(template, theirs, backstage.modules(backstage.TODAY)), _without(theirs)
            ),
        },
        LARGE_ROUNDS,
    )
    if not measure.same_files(out / "bench", theirs):
        raise RuntimeError("kickstart and Backstage rendered different files")
    return [
        Budget(
            "a portal's template, 50 files / Backstage", measure.ratio(samples, "ours", "theirs"), 0.15, "x"
        )
    ]


def _checks(place: Path) -> list[str]:
    """Return what the checks take of creating the built-in template.

    Custom kinds count where KICKSTART_SCHEMA_LOCATION names their definitions.
    """
    try:
        helm = tools.helm()
    except tools.UnavailableError as error:
        return [f"      checks of charts were not measured, since {error}"]
    home = {"KICKSTART_HOME": str(place / "checks-home"), "KICKSTART_HELM": str(helm)}
    command = [KICKSTART, "create", "bench", "--dry-run", "--no-input", "--owner", "acme"]
    validate = [KICKSTART, "validate", str(place / "checked" / "bench-gitops"), "--offline"]
    render = [
        KICKSTART,
        "render",
        "bench",
        "--no-input",
        "--owner",
        "acme",
        "-q",
        "-d",
        str(place / "checked"),
    ]
    subprocess.run(render, env={**os.environ, **home}, check=True, capture_output=True)
    samples = measure.interleaved(
        {
            "with": Command(command, None, home),
            "without": Command([*command, "--no-validate"], None, home),
            "validate": Command(validate, None, home),
        },
        LARGE_ROUNDS,
    )
    spent = {name: measure.cpu(samples, name) for name in samples}
    share = 1 - spent["without"] / spent["with"]
    return [
        f"      create --dry-run of rag-chatbot: {spent['with']:.2f} s of CPU, {share:.0%} of it for checks",
        f"      validate of rag-chatbot, all environments: {spent['validate']:.2f} s of CPU",
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


def _previews(place: Path) -> list[Budget]:
    """Compare with what is least: to clone, to write a file, to commit and to push."""
    home = {"KICKSTART_HOME": str(place / "preview-home")}
    for name in ("shop", "busy"):
        _run([KICKSTART, "create", name, "--no-input", "--owner", "acme", "--quiet"], home)
    forge = place / "preview-home" / "data" / "forge" / "acme"
    one, busy = _Preview("shop", 0), _Preview("busy", 100)
    _run([*busy.arguments], home)
    _multiply(forge / "busy-gitops.git", place / "busy", 100)
    by_hand = ["/bin/sh", "-ec", _BY_HAND, "sh", str(forge / "shop-gitops.git"), str(place / "by-hand")]
    samples = measure.interleaved(
        {
            "pass": Command([PYTHON, "-c", "pass"]),
            "by hand": Command(by_hand, _without(place / "by-hand")),
            "one": Command(one.arguments, one.go_on, home),
            "busy": Command(busy.arguments, busy.go_on, home),
        },
        ROUNDS,
    )
    return [
        Budget("preview create", measure.ratio(samples, "one", "pass"), 28, "p"),
        Budget("preview create / Git by hand", measure.ratio(samples, "one", "by hand"), 4.5, "x"),
        Budget("preview create among 100 / the first ones", measure.ratio(samples, "busy", "one"), 1.3, "x"),
        Budget("preview create, peak memory", measure.memory(samples, "one"), 40, "MiB"),
    ]


def _publishing(place: Path) -> list[Budget]:
    samples, again = publishing.measured(place / "publishing", ROUNDS)
    pairs = zip(again["kickstart"], again["by hand"], strict=True)
    return [
        Budget("create on GitHub / by hand", measure.ratio(samples, "kickstart", "by hand"), 1.2, "x"),
        Budget(
            "create on GitHub / by hand, once both have begun",
            statistics.median(ours / theirs for ours, theirs in pairs),
            1.2,
            "x",
        ),
        Budget("create on GitHub, peak memory", measure.memory(samples, "kickstart"), 60, "MiB"),
    ]


def _updates(place: Path) -> list[Budget]:
    """Compare with the peers that bring a newer template into a project; they push nothing."""
    try:
        peers = tools.environment("peers")
    except tools.UnavailableError as error:
        print(f"NOT MEASURED AGAINST CRUFT AND COPIER: {error}")
        return []
    samples = updates.measured(place / "updates", peers, ROUNDS)
    return [
        *(
            Budget(f"update, 60 files, {shown} / {peer}", measure.ratio(samples, name, peer), limit, "x")
            for name, shown in (("proposed", "proposed"), ("clone", "in a clone"))
            for peer, limit in (("cruft", 0.5), ("copier", 0.1))
        ),
        Budget("update, 60 files, peak memory", measure.memory(samples, "proposed"), 50, "MiB"),
    ]


_BY_HAND = """
git clone --quiet --depth=1 "file://$1" "$2"
cd "$2"
mkdir -p previews/hand
date +%N > previews/hand/values.yaml
git add previews
git -c user.name=a -c user.email=a@b commit --quiet --message hand
git push --quiet
"""


class _Preview:
    """A command that creates another preview each time."""

    def __init__(self, project: str, last: int) -> None:
        self.number = last
        digest = f"sha256:{'1' * 64}"
        self.arguments = [KICKSTART, "preview", "create", project, "--image-digest", digest, "--pr", "1"]

    def go_on(self) -> None:
        """Turn to the next pull request."""
        self.number += 1
        self.arguments[-1] = str(self.number)


def _multiply(repository: Path, work: Path, count: int) -> None:
    """Make `count` previews of the one that is there."""
    _run(["git", "clone", "--quiet", str(repository), str(work)])
    text = (work / "previews" / "pr-1" / "values.yaml").read_text("utf-8")
    for number in range(2, count + 1):
        folder = work / "previews" / f"pr-{number}"
        folder.mkdir()
        (folder / "values.yaml").write_text(text.replace("pr-1", f"pr-{number}"), "utf-8")
    _commit(work)
    _run(["git", "-C", str(work), "push", "--quiet"])


def _commit(folder: Path) -> None:
    _run(["git", "-C", str(folder), "add", "--all"])
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    _run(["git", "-C", str(folder), *identity, "commit", "--quiet", "--message", "change"])


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    subprocess.run(command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, check=True)


def _without(*folders: Path) -> Callable[[], None]:
    """Return a function that removes `folders`."""

    def remove() -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    return remove


if __name__ == "__main__":
    raise SystemExit(main())
