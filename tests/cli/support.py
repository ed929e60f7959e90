"""What the tests of the command line share: runs of it, templates, and a forge to look at."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pexpect
import pytest

from kickstart.cli import console, main

Files = Mapping[str, bytes]

MARKER = ".kickstart.yaml"
OUTPUT_SCHEMA = Path(__file__).parents[2] / "docs/reference/output.schema.json"

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


@cache
def output_schema() -> Any:
    """Return the documented schema of `--output json`."""
    return jsonschema_rs.Draft202012Validator(json.loads(OUTPUT_SCHEMA.read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class Cli:
    """The command line within this process; its JSON is checked against its documented schema."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str | Path, stdin: str | bytes = "") -> Result:
        given = [str(argument) for argument in arguments]
        content = stdin.encode() if isinstance(stdin, str) else stdin
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        self.monkeypatch.setattr(console, "current", None)  # a run starts without the last one's console
        self.capsys.readouterr()
        code = main(given)
        said = self.capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        assert "bug of kickstart" not in said.err
        if "json" in given and {"--output", "-o"} & set(given):
            output_schema().validate(json.loads(said.out))
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


def process(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    before: str = "",
) -> Result:
    """Run kickstart as a process of its own; `before` is Python that it runs first."""
    code = f"{before}\nimport sys\nfrom kickstart.cli import main\nsys.exit(main())"
    start = ["-c", code] if before else ["-m", "kickstart"]
    done = subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def terminal(*arguments: str | Path) -> Iterator[pexpect.spawn[str]]:
    """Run one command on a terminal of its own."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "kickstart", *map(str, arguments)],
        env={**os.environ, "TERM": "dumb", "COLUMNS": "200"},
        encoding="utf-8",
        timeout=15,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def git(*arguments: str | Path) -> str:
    """Run a real git, and return what it printed."""
    done = subprocess.run(["git", *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def git_in(folder: Path, *arguments: str | Path) -> str:
    """Run a real git in `folder`, and return what it printed."""
    return git("-C", folder, *arguments)


def blob(repository: Path, path: str) -> bytes:
    """Return a file's bytes as they are stored."""
    command = ["git", "-C", str(repository), "cat-file", "blob", f"main:{path}"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def commit_all(folder: Path, message: str = "change") -> str:
    """Make `folder` a repository with everything in it committed, and return the commit."""
    if not (folder / ".git").exists():
        git_in(folder, "init", "--quiet", "--initial-branch=main")
    git_in(folder, "add", "--all", "--force")
    git_in(folder, "commit", "--quiet", "--message", message)
    return git_in(folder, "rev-parse", "HEAD")


def clone(repository: Path, to: Path) -> Path:
    """Clone as a user does, with every byte as it is stored."""
    git_in(repository.parent, "-c", "core.autocrlf=false", "clone", "--quiet", str(repository), str(to))
    return to


def heads(forge: Path) -> dict[str, str]:
    """Return the commit of each repository of a forge, by its path."""
    return {
        str(path.relative_to(forge)): git_in(path, "rev-parse", "refs/heads/main")
        for path in sorted(forge.glob("*/*.git"))
    }


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
        "metadata": {
            "name": "small",
            "title": "A small one",
            "annotations": {"kickstart/dialect": "kickstart"},
        },
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


TWO_REPOSITORIES = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: pair
  title: Two repositories
  annotations:
    kickstart/version: 1.2.3
spec:
  type: service
  parameters:
    - title: Project
      required: [name, owner]
      properties:
        name: {title: Name, type: string, description: Names both repositories., maxLength: 40}
        owner: {title: Owner, type: string}
        visibility: {title: Visibility, type: string, default: private, enum: [private, internal, public]}
    - title: Details
      properties:
        greeting: {title: Greeting, type: string, default: hello}
        replicas: {title: Replicas, type: integer, default: 1, minimum: 1, maximum: 9}
        debug: {title: Debug, type: boolean, default: false}
        tags: {title: Tags, type: array, items: {type: string}, default: []}
        limits:
          title: Limits
          type: object
          properties: {cpu: {type: string}}
          default: {cpu: 100m}
  steps:
    - id: source
      name: Render the source repository
      action: fetch:template
      input:
        url: ./source
        targetPath: source
        values:
          name: ${{ parameters.name }}
          greeting: ${{ parameters.greeting }}
          replicas: ${{ parameters.replicas }}
          visibility: ${{ parameters.visibility }}
    - id: gitops
      name: Render the GitOps repository
      action: fetch:template
      input:
        url: ./gitops
        targetPath: gitops
        values:
          name: ${{ parameters.name }}
          repository: ${{ parameters.owner }}/${{ parameters.name }}
    - id: publish-source
      name: Publish the source repository
      action: publish:github
      input:
        repoUrl: github.com?owner=${{ parameters.owner }}&repo=${{ parameters.name }}
        sourcePath: source
        repoVisibility: ${{ parameters.visibility }}
    - id: publish-gitops
      name: Publish the GitOps repository
      action: publish:github
      input:
        repoUrl: github.com?owner=${{ parameters.owner }}&repo=${{ parameters.name }}-gitops
        sourcePath: gitops
  output:
    links:
      - title: Source
        url: ${{ steps['publish-source'].output.remoteUrl }}
      - title: GitOps
        url: ${{ steps['publish-gitops'].output.remoteUrl }}
"""

FILES = {
    "source/README.md": b"# ${{ values.name }}\n\n${{ values.greeting }}\n",
    "source/app.txt": b"replicas=${{ values.replicas }}\n",
    "gitops/application.yaml": b"repoURL: ${{ values.repository }}\n",
}


def make_template(folder: Path, text: str = TWO_REPOSITORIES, files: Mapping[str, bytes] = FILES) -> Path:
    """Write a template to `folder`, and return that folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.yaml").write_text(text, "utf-8")
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def one_step(action: str, **input_: Any) -> str:
    """Return the text of a template with one step that publishes nothing."""
    return (
        "apiVersion: scaffolder.backstage.io/v1beta3\n"
        "kind: Template\n"
        "metadata: {name: one}\n"
        "spec:\n"
        "  type: service\n"
        "  steps:\n"
        "    - id: only\n"
        f"      action: {action}\n"
        f"      input: {json.dumps(input_)}\n"
    )


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A template that publishes two repositories, with parameters of every type."""
    return make_template(tmp_path / "pair")


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


@pytest.fixture
def forge(home: Path) -> Path:
    """The folder of the default forge."""
    return home / "data/forge"


def staging(*folders: Path) -> list[str]:
    """Return what an interrupted run left behind."""
    return [str(path) for folder in folders for path in folder.rglob(".kickstart-*")]


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

    script: shell lines; $real is the real git, $here is `folder`.
    """
    folder.mkdir(exist_ok=True)
    wrapper = folder / "git"
    wrapper.write_text(f'#!/bin/sh\nreal="{shutil.which("git")}"\nhere="{folder}"\n{script}\n')
    wrapper.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
