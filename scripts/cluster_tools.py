"""Bring what tests/cluster needs besides Python packages: a Kubernetes API server, and operators' CRDs.

Everything comes from Go modules, whose checksums are in requirements/cluster. The programs are built
once, which takes minutes. KUBEBUILDER_ASSETS names a folder that has them already;
KICKSTART_TEST_CRDS one with CRDs in YAML.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "requirements" / "cluster"
CACHE = ROOT / ".cache" / "tools"
GIVEN_CRDS = os.environ.get("KICKSTART_TEST_CRDS")  # tests hide such variables from kickstart
PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}


class UnavailableError(Exception):
    """What is needed cannot be had here; the text says why."""


def assets() -> Path:
    """Return the folder of the programs. Raises UnavailableError where they were not built."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    folder = Path(given) if given else _built()
    missing = [name for name in PROGRAMS if not (folder / name).is_file()]
    if missing:
        said = "make cluster-tools builds them" if not given else f"KUBEBUILDER_ASSETS is {given}"
        raise UnavailableError(f"{', '.join(missing)} cannot be found; {said}")
    return folder


def crds() -> Path:
    """Return the folder of the operators' CRDs. Raises UnavailableError where they were not fetched."""
    folder = Path(GIVEN_CRDS) if GIVEN_CRDS else _fetched()
    if not folder.is_dir():
        said = "make cluster-tools fetches them" if not GIVEN_CRDS else f"KICKSTART_TEST_CRDS is {GIVEN_CRDS}"
        raise UnavailableError(f"the CRDs of the operators are not there; {said}")
    return folder


def build() -> Path:
    """Build the programs, unless they are there, and return their folder."""
    try:
        return assets()
    except UnavailableError:
        if "KUBEBUILDER_ASSETS" in os.environ:
            raise
    version = _kubernetes()
    major, minor, _ = version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s", "-w", *(f"-X {package}.{name}={value}" for name, value in stamps.items())])
    folder = _built()
    staging = folder.with_suffix(".new")
    shutil.rmtree(staging, ignore_errors=True)
    for name, path in PROGRAMS.items():
        print(f"building {name} of {version}", flush=True)
        _go("build", "-trimpath", "-ldflags", flags, "-o", str(staging / name), path)
    staging.rename(folder)
    return folder


def fetch() -> Path:
    """Fetch the CRDs, unless they are there, and return their folder."""
    try:
        return crds()
    except UnavailableError:
        if GIVEN_CRDS:
            raise
    folder = _fetched()
    staging = folder.with_suffix(".new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for line in _sources():
        module, checksum, path, kinds = line.split()
        found = json.loads(_go("mod", "download", "-json", module))
        if found["Sum"] != checksum:
            raise UnavailableError(f"{module} has the checksum {found['Sum']}; {checksum} is expected")
        print(f"taking {kinds} of {module}", flush=True)
        missing = set(kinds.split(",")) - set(_take(Path(found["Dir"]) / path, kinds.split(","), staging))
        if missing:
            raise UnavailableError(f"{module} has no CRD of {', '.join(sorted(missing))}")
    staging.rename(folder)
    return folder


def _take(source: Path, kinds: list[str], target: Path) -> Iterator[str]:
    """Write the CRDs of some kinds, each to a file of its own, and yield the kinds that were found."""
    for file in [source] if source.is_file() else sorted(source.rglob("*.yaml")):
        for text in re.split(r"^---$", file.read_text("utf-8"), flags=re.MULTILINE):
            kind = re.search(r"^    kind: (\w+)$", text, re.MULTILINE)
            name = re.search(r"^  name: (\S+)$", text, re.MULTILINE)
            if kind and name and kind[1] in kinds and "openAPIV3Schema:" in text:
                (target / f"{name[1]}.yaml").write_text(text, "utf-8")
                yield kind[1]


def _built() -> Path:
    return CACHE / f"kubernetes-{_kubernetes().removeprefix('v')}-{_digest('go.mod')}"


def _fetched() -> Path:
    return CACHE / f"crds-{_digest('crds.lock')}"


def _digest(name: str) -> str:
    return hashlib.sha256((MODULE / name).read_bytes()).hexdigest()[:8]


def _sources() -> list[str]:
    lines = (MODULE / "crds.lock").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _kubernetes() -> str:
    for line in (MODULE / "go.mod").read_text("utf-8").splitlines():
        words = line.removeprefix("require").split()
        if words[:1] == ["k8s.io/kubernetes"]:
            return words[1]
    raise UnavailableError("requirements/cluster/go.mod names no version of Kubernetes")


def _go(*arguments: str) -> str:
    go = shutil.which("go")
    if go is None:
        raise UnavailableError("Go is needed to build the API server; https://go.dev/dl has it")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    done = subprocess.run(
        [go, *arguments], cwd=MODULE, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise UnavailableError(f"go {arguments[0]} failed: {lines[-1] if lines else 'no reason was given'}")
    return done.stdout


if __name__ == "__main__":
    try:
        print(build())
        print(fetch())
    except UnavailableError as error:
        sys.exit(str(error))
