"""Two repositories published to a GitHub on this machine: by kickstart, and by Git and requests by hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import content, measure
from benchmarks.measure import Command, Sample
from tests.github.fake import FakeGithub, Request, running

FILES = 60
TOKEN = "ghp_ada"
KICKSTART = str(Path(sys.executable).parent / "kickstart")
_SETTINGS = """\
        topics: [bench]
        secrets: {TOKEN: of-no-worth}
"""
# The same requests through one connection, and each push where kickstart has it.
_BY_HAND = """
import http.client, json, os, subprocess, sys
port, record, files = sys.argv[1:]
header = {"Authorization": "token " + os.environ["GH_ENTERPRISE_TOKEN"], "Content-Type": "application/json"}
helper = "!f() { echo username=x-access-token; echo password=$GH_ENTERPRISE_TOKEN; }; f"
identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "credential.helper=" + helper]
connection = http.client.HTTPConnection("localhost", int(port))
for verb, path, body in json.load(open(record)):
    if verb == "PUSH":
        folder = os.path.join(files, path.rpartition("/")[2])
        git = ["git", "-C", folder, *identity]
        subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", "Make it"], check=True)
        subprocess.run([*git, "push", "--quiet", f"http://localhost:{port}/{path}.git", "main"], check=True)
        continue
    connection.request(verb, "/api/v3" + path, json.dumps(body) if body else None, header)
    answer = connection.getresponse()
    answer.read()
"""


def measured(place: Path, rounds: int) -> dict[str, list[Sample]]:
    """Return samples of `kickstart` and `by hand`, each in processes of its own."""
    template, rendered = place / "template", place / "rendered"
    content.write_ours(template, FILES * 2, ("source", "gitops"), _SETTINGS)
    flags = ("bench", "--no-input", "--owner", "acme", "--quiet", "-t", str(template))
    home = {"KICKSTART_HOME": str(place / "home"), "GH_ENTERPRISE_TOKEN": TOKEN}
    subprocess.run(
        [KICKSTART, "render", *flags, "-d", rendered],
        env={**os.environ, **home},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with running(place / "github") as github:
        create = [KICKSTART, "create", *flags, "--forge", "github", "--github-url", github.url]
        again = _from_nothing(github, place)
        again()
        measure.run(Command(create, None, home))
        record = place / "requests.json"
        record.write_text(json.dumps(_requests(github.requests)), "utf-8")
        port = github.url.rpartition(":")[2]
        by_hand = [sys.executable, "-c", _BY_HAND, port, str(record), str(place / "files")]
        return measure.interleaved(
            {
                "kickstart": Command(create, again, home),
                "by hand": Command(by_hand, _copied(rendered, place / "files", again), home),
            },
            rounds,
        )


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
