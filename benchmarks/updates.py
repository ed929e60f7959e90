"""A newer version of a template, brought into a project that a team has changed: ours and the peers'."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import content, measure
from benchmarks.measure import Command

FILES = 60
KICKSTART = str(Path(sys.executable).parent / "kickstart")
# Each tool's own record differs, and Git's folder.
RECORDS = (".git", ".kickstart.yaml", ".cruft.json", ".copier-answers.yml")


@dataclass(frozen=True, slots=True)
class Case:
    """One tool's update. result: writes what the project holds afterwards to a folder."""

    command: Command
    result: Callable[[Path], object]


def prepare(place: Path, peers: Path) -> dict[str, Case]:
    """Make the same project with each tool, change it as a team does, and release a newer template.

    peers: the folder with the programs of the others.
    """
    templates = {name: place / f"{name}-template" for name in ("kickstart", "cruft", "copier")}
    content.write_ours(templates["kickstart"], FILES, ("all",))
    content.write_theirs(templates["cruft"], FILES)
    content.write_copiers(templates["copier"], FILES)
    for folder in templates.values():
        _run("git", "init", "--quiet", "--initial-branch=main", folder)
        _release(folder, "1.0.0")
    urls = {name: folder.as_uri() for name, folder in templates.items()}
    home = {"KICKSTART_HOME": str(place / "kickstart-home"), "HOME": str(place / "home")}
    flags = ("--no-input", "--owner", "acme", "--quiet")
    _run(KICKSTART, "create", "bench", *flags, "-t", urls["kickstart"], **home)
    _run(peers / "cruft", "create", "-y", "--output-dir", place / "cruft", urls["cruft"], **home)
    copier = (peers / "copier", "copy", "--quiet", "--defaults", "--vcs-ref", "1.0.0")
    _run(*copier, f"git+{urls['copier']}", place / "copier" / "bench", **home)
    forge = place / "kickstart-home" / "data" / "forge"
    repository = forge / "acme" / "bench-all.git"
    projects = {name: place / name / "bench" for name in templates}
    _run("git", "clone", "--quiet", repository, projects["kickstart"])
    for name in ("cruft", "copier"):
        _run("git", "init", "--quiet", "--initial-branch=main", projects[name])
        _commit(projects[name], "Make it")
    for folder in projects.values():
        _work(folder)
    _run("git", "-C", projects["kickstart"], "push", "--quiet")
    for folder in templates.values():
        _improve(folder)
        _release(folder, "2.0.0")

    def case(
        arguments: tuple[object, ...], changed: Sequence[Path], result: Callable[[Path], object]
    ) -> Case:
        kept = {folder: place / "kept" / folder.relative_to(place) for folder in changed}
        for folder, copy in kept.items():
            shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)

        def before() -> None:
            shutil.rmtree(place / "kickstart-home" / "cache", ignore_errors=True)
            for folder, copy in kept.items():
                shutil.rmtree(folder)
                shutil.copytree(copy, folder, symlinks=True)

        return Case(Command([str(each) for each in arguments], before, home), result)

    def cloned(to: Path) -> None:
        listed = _run("git", f"--git-dir={repository}", "for-each-ref", "--format=%(refname:short)")
        branch = next(each for each in listed.split() if each.startswith("kickstart/update-"))
        _run("git", "clone", "--quiet", "--branch", branch, repository, to)

    def copied(name: str) -> Callable[[Path], object]:
        return lambda to: shutil.copytree(projects[name], to, symlinks=True)

    return {
        "proposed": case((KICKSTART, "update", "bench"), [forge], cloned),
        "clone": case(
            (KICKSTART, "update", projects["kickstart"]),
            [projects["kickstart"], forge],
            copied("kickstart"),
        ),
        "cruft": case(
            (peers / "cruft", "update", "-y", "-p", projects["cruft"]), [projects["cruft"]], copied("cruft")
        ),
        "copier": case(
            (peers / "copier", "update", "--defaults", projects["copier"]),
            [projects["copier"]],
            copied("copier"),
        ),
    }


def _work(project: Path) -> None:
    """Change a file that the next version changes as well, and one that it does not."""
    for number in (0, 30):
        file = next(project.glob(f"*/file{number:05d}.txt"))
        file.write_text(file.read_text("utf-8") + "the team's own line\n", "utf-8")
    _commit(project, "Work")


def _improve(template: Path) -> None:
    for number in range(5):
        file = next(template.rglob(f"file{number:05d}.txt"))
        file.write_text(file.read_text("utf-8").replace("line 3:", "line three:"), "utf-8")


def _release(folder: Path, version: str) -> None:
    _commit(folder, version)
    _run("git", "-C", folder, "tag", version)


def _commit(folder: Path, message: str) -> None:
    _run("git", "-C", folder, "add", "--all")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    _run("git", "-C", folder, *identity, "commit", "--quiet", "--message", message)


def _run(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(each) for each in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def measured(place: Path, peers: Path, rounds: int) -> Mapping[str, list[measure.Sample]]:
    """Measure each. Raises RuntimeError where they do not come to the same files."""
    cases = prepare(place, peers)
    samples = measure.interleaved({name: case.command for name, case in cases.items()}, rounds)
    for name, case in cases.items():
        measure.run(case.command)
        case.result(place / "results" / name)
    for name in cases:
        if not measure.same_files(place / "results" / "cruft", place / "results" / name, RECORDS):
            raise RuntimeError(f"the update of cruft and the one of {name} came to different files")
    return samples
