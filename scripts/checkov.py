"""Let checkov judge what rag-chatbot renders to; requirements/checkov.yaml has what is meant to be so.

checkov is large, and pins what it needs to versions of its own: it lives in an environment of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from scripts import tools

ROOT = Path(__file__).parents[1]
ACCEPTED = ROOT / "requirements" / "checkov.yaml"
CHOICES = ("environments=dev,stage,prod", "storageClass=fast", "gpuProduct=A100")
# As the pipeline of the application writes it.
DIGEST = "image.digest=sha256:" + "0" * 64
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "Namespace"}
FLAGS = ("--framework", "kubernetes", "--skip-download", "--compact", "--quiet", "--output", "json")


def render(folder: Path) -> Path:
    """Write the manifests of all environments below `folder`, each in the namespace it is synced to."""
    flags = [flag for choice in CHOICES for flag in ("--set", choice)]
    home = {"KICKSTART_HOME": str(folder / "home")}
    kickstart = (sys.executable, "-m", "kickstart", "render", "my-chatbot", "--owner", "acme", "--quiet")
    _run(*kickstart, "--no-input", "--output-dir", folder, *flags, **home)
    repository, made = folder / "my-chatbot-gitops", folder / "manifests"
    chart = repository / "helm"
    for values in sorted(chart.glob("values-*.yaml")):
        name = values.stem.removeprefix("values-")
        command = ("template", "my-chatbot", chart, "--values", values, "--set", DIGEST)
        _write(made / name / "chart.yaml", _run(tools.helm(), *command), f"my-chatbot-{name}")
    for place, namespace in (("argocd", "argocd"), ("platform", "logging")):
        for file in sorted((repository / place).rglob("*.yaml")):
            _write(made / file.relative_to(repository), file.read_text("utf-8"), namespace)
    secrets = repository / "external-secrets.yaml"
    _write(made / secrets.name, secrets.read_text("utf-8"), "my-chatbot-dev")
    return made


def faults(failed: Iterable[dict[str, Any]], accepted: list[dict[str, Any]]) -> list[str]:
    """Return what is neither right nor accepted, and what is accepted without need."""
    entries = {(each["check"], pattern) for each in accepted for pattern in each["objects"]}
    found, used = set(), set()
    for each in failed:
        kind, _, name = each["resource"].split(".", 2)
        matching = {
            (check, pattern)
            for check, pattern in entries
            if check == each["check_id"] and fnmatchcase(f"{kind}/{name}", pattern)
        }
        used |= matching
        if not matching:
            file = each["file_path"].lstrip("/")
            found.add(f"{file}: {kind}/{name}: {each['check_id']}: {each['check_name']}")
    needless = [f"{ACCEPTED.name}: {check} needs no entry for {on}" for check, on in sorted(entries - used)]
    return sorted(found) + needless


def main() -> int:
    """Print every fault; return 1 where there is one."""
    with tempfile.TemporaryDirectory() as name:
        try:
            made, checkov = render(Path(name)), tools.environment("checkov") / "checkov"
        except tools.UnavailableError as error:
            print(f"NOT CHECKED: {error}", file=sys.stderr)
            return 2
        command = [checkov, "--directory", made, *FLAGS]
        done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
        summary, failed = report["summary"], report["results"]["failed_checks"]
    except (ValueError, KeyError):
        print(done.stdout + done.stderr, file=sys.stderr)
        return 2
    if summary["parsing_errors"] or not summary["passed"]:
        print(f"checkov could not read everything: {summary}", file=sys.stderr)
        return 2
    found = faults(failed, yaml.safe_load(ACCEPTED.read_text("utf-8")))
    print(*found, sep="\n", end="\n" if found else "")
    print(f"checkov {summary['checkov_version']}: {summary['resource_count']} objects, {len(found)} faults")
    return 1 if found else 0


def _write(file: Path, text: str, namespace: str) -> None:
    objects = [each for each in yaml.safe_load_all(text) if each]
    for each in objects:
        if each["kind"] not in CLUSTER_WIDE:
            each["metadata"].setdefault("namespace", namespace)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump_all(objects), "utf-8")


def _run(*command: object, **environment: str) -> str:
    given = {**os.environ, **environment}
    return subprocess.run(
        [str(each) for each in command], stdout=subprocess.PIPE, text=True, check=True, env=given
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
