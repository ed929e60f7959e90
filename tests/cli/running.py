"""What the tests of the command line share: a template of two repositories, and looking at results."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

MARKER = ".kickstart.yaml"

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


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that was printed."""
        return json.loads(self.out)


class Kickstart(Protocol):
    """Runs one command; every JSON output is checked against its documented schema."""

    def __call__(self, *arguments: str | Path, stdin: str | bytes = "") -> Done: ...


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


def process(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    before: str = "",
) -> Done:
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
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def git(folder: Path, *arguments: str) -> str:
    """Return what one git command prints in `folder`."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().rstrip("\n")


def blob(repository: Path, path: str) -> bytes:
    """Return a file's bytes as they are stored."""
    command = ["git", "-C", str(repository), "cat-file", "blob", f"main:{path}"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def commit_all(folder: Path, message: str = "change") -> str:
    """Make `folder` a repository with everything in it committed, and return the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def clone(repository: Path, to: Path) -> Path:
    """Clone as a user does, with every byte as it is stored."""
    git(repository.parent, "-c", "core.autocrlf=false", "clone", "--quiet", str(repository), str(to))
    return to


def heads(forge: Path) -> dict[str, str]:
    """Return the commit of each repository of a forge, by its path."""
    return {
        str(path.relative_to(forge)): git(path, "rev-parse", "refs/heads/main")
        for path in sorted(forge.glob("*/*.git"))
    }


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return time and bytes of every file, and the time of every folder, below `folder`."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def staging(*folders: Path) -> list[str]:
    """Return what an interrupted run left behind."""
    return [str(path) for folder in folders for path in folder.rglob(".kickstart-*")]


def git_wrapper(folder: Path, script: str) -> str:
    """Put a `git` into `folder` that runs `script` around the real one ("$GIT"), and return a PATH."""
    real = shutil.which("git")
    assert real is not None
    folder.mkdir(exist_ok=True)
    wrapper = folder / "git"
    wrapper.write_text(f'#!/bin/sh\nGIT={real}\nHERE="{folder}"\n{script}\n')
    wrapper.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
