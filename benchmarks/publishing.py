"""Two repositories published to a GitHub on this machine: by kickstart, and by Git and requests by hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import content, measure
from benchmarks.measure import Command, Sample
from tests.github.fake import FakeGithub, Request, running

FILES = 60
NAMES = ("first", "second")
TOKEN = "ghp_ada"
KICKSTART = str(Path(sys.executable).parent / "kickstart")
_SETTINGS = """\
        topics: [bench]
        secrets: {TOKEN: of-no-worth}
"""
# Each program publishes every project that it is told, and prints the CPU time of the last one.
_SPENT = """
import resource, sys
def spent():
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
"""
_KICKSTART = f"""
from kickstart.cli import main
{_SPENT}
names, flags = sys.argv[1].split(), sys.argv[2:]
for name in names:
    before = spent()
    assert main(["create", name, *flags]) == 0
sys.stderr.write(f"\\n{{spent() - before}}")
"""
# The same requests through one connection, and each push where kickstart has it.
_BY_HAND = f"""
import http.client, json, os, subprocess, sys
{_SPENT}
port, place, names = sys.argv[1:]
header = {{"Authorization": "token " + os.environ["GH_ENTERPRISE_TOKEN"], "Content-Type": "application/json"}}
helper = "!f() {{ echo username=x-access-token; echo password=$GH_ENTERPRISE_TOKEN; }}; f"
identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "credential.helper=" + helper]
connection = http.client.HTTPConnection("localhost", int(port))
def push(path):
    git = ["git", "-C", os.path.join(place, "files", path.rpartition("/")[2]), *identity]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Make it"], check=True)
    subprocess.run([*git, "push", "--quiet", f"http://localhost:{{port}}/{{path}}.git", "main"], check=True)
for name in names.split():
    before = spent()
    for verb, path, body in json.load(open(os.path.join(place, name + ".json"))):
        if verb == "PUSH":
            push(path)
        else:
            connection.request(verb, "/api/v3" + path, json.dumps(body) if body else None, header)
            connection.getresponse().read()
sys.stderr.write(f"\\n{{spent() - before}}")
"""


class Measured(NamedTuple):
    """Samples of whole processes, and the CPU time in seconds of what one that has begun does once more."""

    processes: dict[str, list[Sample]]
    again: dict[str, list[float]]


def measured(place: Path, rounds: int) -> Measured:
    """Measure `kickstart` and `by hand`, each in processes of its own."""
    template, rendered = place / "template", place / "rendered"
    content.write_ours(template, FILES * 2, ("source", "gitops"), _SETTINGS)
    flags = ("--no-input", "--owner", "acme", "--quiet", "-t", str(template))
    home = {"KICKSTART_HOME": str(place / "home"), "GH_ENTERPRISE_TOKEN": TOKEN}
    for name in NAMES:
        render = Command([KICKSTART, "render", name, *flags, "-d", str(rendered)], None, home)
        measure.run(render)
    with running(place / "github") as github:
        remote = [*flags, "--forge", "github", "--github-url", github.url]
        empty = _from_nothing(github, place)
        for name in NAMES:
            empty()
            measure.run(Command([KICKSTART, "create", name, *remote], None, home))
            (place / f"{name}.json").write_text(json.dumps(_requests(github.requests)), "utf-8")
        port = github.url.rpartition(":")[2]
        filled = _copied(rendered, place / "files", empty)

        def commands(names: str) -> dict[str, Command]:
            ours = [sys.executable, "-c", _KICKSTART, names, *remote]
            theirs = [sys.executable, "-c", _BY_HAND, port, str(place), names]
            return {"kickstart": Command(ours, empty, home), "by hand": Command(theirs, filled, home)}

        processes = measure.interleaved(commands(NAMES[0]), rounds)
        twice = commands(" ".join(NAMES))
        again: dict[str, list[float]] = {name: [] for name in twice}
        for _ in range(rounds):
            for name, command in twice.items():
                again[name].append(_last(command))
    return Measured(processes, again)


def _last(command: Command) -> float:
    """Run a program above, and return the CPU time that it prints."""
    if command.before:
        command.before()
    environment = {**os.environ, **(command.environment or {})}
    done = subprocess.run(command.arguments, env=environment, capture_output=True, text=True, check=True)
    return float(done.stderr.splitlines()[-1])


def _from_nothing(github: FakeGithub, place: Path) -> Callable[[], None]:
    """Return what makes GitHub, and our memory of it, empty again."""

    def forget() -> None:
        github.repositories.clear()
        github.requests.clear()
        for folder in (github.folder, place / "home" / "state", place / "files"):
            shutil.rmtree(folder, ignore_errors=True)
        github.folder.mkdir()

    return forget


def _copied(rendered: Path, files: Path, first: Callable[[], None]) -> Callable[[], None]:
    """Return what lays the files out, which costs neither side anything."""

    def copy() -> None:
        first()
        shutil.copytree(rendered, files)

    return copy


def _requests(sent: list[Request]) -> list[tuple[str, str, object]]:
    """Return the requests in order, and each push in the place of its own requests."""
    found: list[tuple[str, str, object]] = []
    for each in sent:
        if each.kind == "rest":
            found.append((each.verb, each.path, each.body))
        elif each.verb == "POST" and each.path.endswith("/git-receive-pack"):
            found.append(("PUSH", each.path.removesuffix(".git/git-receive-pack").strip("/"), None))
    return found
