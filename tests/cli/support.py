"""What the tests of the command line share: runs of it, small templates, and a forge to look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kickstart.cli import console, main

Files = Mapping[str, bytes]

# Every kind of file that a publication could spoil.
SOURCE_FILES: Files = {
    ".gitattributes": b"* text=auto eol=lf\n",
    ".hidden/.env": b"A=1\n",
    "README.md.j2": b"# ${{ values.name }}\n\n${{ values.note }}\n",
    "binary.bin": bytes(range(256)),
    "no-newline.txt": b"the end",
    "empty": b"",
    "windows.txt": b"one\r\ntwo\r\n",
    "windows-rendered.txt.j2": b"${{ values.name }}\r\nmixed\n\r\n",
    "helm.yaml": b"{{ .Values.name }}\n",
    "run.sh": b"#!/bin/sh\necho run\n",
    "folder with blank/über.txt": b"name\n",
}
GITOPS_FILES: Files = {"values.yaml.j2": b"repository: ${{ values.remote }}\ncommit: ${{ values.commit }}\n"}


def rendered_source(name: str = "demo", note: str = "a note") -> dict[str, bytes]:
    """What the source repository must hold besides the marker and the link."""
    expected = {path: content for path, content in SOURCE_FILES.items() if not path.endswith(".j2")}
    expected["README.md"] = f"# {name}\n\n{note}\n".encode()
    expected["windows-rendered.txt"] = f"{name}\r\nmixed\n\r\n".encode()
    return expected


@dataclass(frozen=True, slots=True)
class Result:
    """What one run said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded


@dataclass(frozen=True, slots=True)
class Cli:
    """The command line within this process."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str | Path) -> Result:
        self.capsys.readouterr()
        self.monkeypatch.setattr(console, "current", None)  # a run starts without the last one's console
        code = main([str(argument) for argument in arguments])
        said = self.capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        assert "bug of kickstart" not in said.err
        return Result(code, said.out, said.err)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run one command here, and return what it said."""
    return Cli(capsys, monkeypatch)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder below which kickstart keeps everything during one test."""
    place = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("KICKSTART_HOME", str(place))
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    return place


def start(*arguments: str | Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run one command as a process of its own."""
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL, **settings}
    if "input" in given:
        del given["stdin"]
    return subprocess.run(
        [sys.executable, "-m", "kickstart", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **given,
    )


def git(*arguments: str | Path) -> str:
    """Run a real git, and return what it printed."""
    done = subprocess.run(["git", *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write_files(folder: Path, files: Files) -> None:
    """Write files below a folder."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def page(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """One page of parameters, of which those without a default are required."""
    return {
        "title": "Basics",
        "required": [name for name, schema in properties.items() if "default" not in schema],
        "properties": properties,
    }


NAME = {"type": "string", "title": "Name"}
OWNER = {"type": "string", "title": "Owner", "default": "acme"}
NOTE = {"type": "string", "title": "Note", "default": "a note"}


def publish(name: str = "${{ parameters.name }}", folder: str = ".", **more: Any) -> dict[str, Any]:
    """A step that publishes a folder of the workspace."""
    repository = f"github.com?owner=${{{{ parameters.owner }}}}&repo={name}"
    return {
        "id": "publish",
        "name": "Publish",
        "action": "publish:github",
        "input": {"repoUrl": repository, "sourcePath": folder},
        **more,
    }


def fetch(values: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A step that renders the skeleton."""
    return {
        "id": "fetch",
        "name": "Fetch",
        "action": "fetch:template",
        "input": {
            "url": "./skeleton",
            "templateFileExtension": ".j2",
            "values": {"name": "${{ parameters.name }}", **(values or {})},
            **more,
        },
    }


def write_template(
    folder: Path,
    steps: list[dict[str, Any]] | None = None,
    parameters: Mapping[str, Any] | None = None,
    files: Files | None = None,
    **top: Any,
) -> Path:
    """Write a template with one skeleton; JSON is YAML as well."""
    whole = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "small", "title": "A small one"},
        "spec": {
            "type": "service",
            "parameters": [parameters or page(name=NAME, owner=OWNER, note=NOTE)],
            "steps": steps if steps is not None else [fetch(), publish()],
        },
        **top,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.yaml").write_text(json.dumps(whole, indent=2))
    write_files(folder / "skeleton", files or {"README.md.j2": b"# ${{ values.name }}\n"})
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A template with one repository of one file."""
    return write_template(tmp_path / "small")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A template with two repositories, of which the second names the first one's commit."""
    folder = tmp_path / "two"
    remote = {
        "remote": "${{ steps.publish.output.remoteUrl }}",
        "commit": "${{ steps.publish.output.commitHash }}",
    }
    steps = [
        fetch({"note": "${{ parameters.note }}"}, targetPath="source"),
        publish(folder="source"),
        fetch(remote, url="./gitops", targetPath="gitops") | {"id": "fetchGitops"},
        publish("${{ parameters.name }}-gitops", "gitops", id="publishGitops"),
    ]
    write_template(folder, steps, files=SOURCE_FILES)
    write_files(folder / "gitops", GITOPS_FILES)
    (folder / "skeleton/run.sh").chmod(0o755)
    (folder / "skeleton/link").symlink_to("no-newline.txt")
    return folder


@dataclass(frozen=True, slots=True)
class LocalForge:
    """The folder of bare repositories that runs publish to."""

    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / "acme" / f"{name}.git"

    def commits(self) -> dict[str, str]:
        """Return the one commit of each repository."""
        return {
            path.name: git(f"--git-dir={path}", "rev-list", "--all")
            for path in self.folder.glob("*/[!.]*.git")
        }

    def staging(self) -> list[Path]:
        """Return what interrupted runs have left."""
        return list(self.folder.glob("**/.kickstart-*"))


@pytest.fixture
def local_forge(home: Path) -> LocalForge:
    """The default forge of this test."""
    return LocalForge(home / "data/forge")


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return everything below a folder: its kind, the time of its last change, its bytes."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def wrap_git(folder: Path, script: str) -> dict[str, str]:
    """Put a `git` before the real one, and return the environment in which it is found.

    script: shell lines; $real is the real git.
    """
    folder.mkdir(exist_ok=True)
    wrapper = folder / "git"
    wrapper.write_text(f'#!/bin/sh\nreal="{shutil.which("git")}"\n{script}\n')
    wrapper.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
