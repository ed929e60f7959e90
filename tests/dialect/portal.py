"""Backstage's own code, to compare with: its packages are installed into .cache by npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache/backstage"
SCRIPTS = Path(__file__).parent / "backstage"

# The generation of today, and the last one that rendered with Nunjucks.
TODAY = (
    "@backstage/plugin-scaffolder-backend@4.2.0",
    "@backstage/plugin-scaffolder-backend-module-github@0.10.0",
    "nunjitsu@0.6.2",
    # Bitbucket Cloud's needs a package that is not published.
    "@backstage/plugin-scaffolder-backend-module-azure@0.2.26",
    "@backstage/plugin-scaffolder-backend-module-bitbucket-server@0.2.26",
    "@backstage/plugin-scaffolder-backend-module-gerrit@0.2.25",
    "@backstage/plugin-scaffolder-backend-module-gitea@0.2.25",
    "@backstage/plugin-scaffolder-backend-module-gitlab@0.12.0",
)
BEFORE = ("@backstage/plugin-scaffolder-backend@4.0.2",)


def missing() -> str:
    """Say what is not there to run Backstage's code, or nothing."""
    absent = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} not found" if absent else ""


def modules(packages: tuple[str, ...]) -> Path:
    """Return a folder of node_modules with `packages` in it, installed if need be."""
    folder = CACHE / packages[0].rpartition("@")[2]
    done = folder / "installed"
    listed = "\n".join(packages)
    if not done.exists() or done.read_text() != listed:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true}\n')
        # No scripts: a package's native parts are not needed, and not trusted.
        command = [
            "npm",
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--silent",
            "--save-exact",
        ]
        subprocess.run([*command, *packages], cwd=folder, check=True, timeout=600)
        done.write_text(listed)
    return folder / "node_modules"


def ask(script: str, jobs: Iterable[dict[str, Any]], *arguments: Path) -> list[dict[str, Any]]:
    """Return a script's answers, one for each job."""
    lines = "\n".join(json.dumps(job) for job in jobs)
    done = subprocess.run(
        ["node", str(SCRIPTS / script), *map(str, arguments)],
        input=lines.encode(),
        capture_output=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    # Half of a surrogate pair is U+FFFD as soon as it is written to a file.
    text = done.stdout.decode("utf-8")
    return [_whole(json.loads(line)) for line in text.split("\n") if line]


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return value
