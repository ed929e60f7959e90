"""Bring what tests need of a cluster besides Python packages: an API server, operators' CRDs, Argo CD.

Everything comes from Go modules, whose checksums are in requirements/cluster and requirements/argocd.
The programs are built once, which takes minutes. KUBEBUILDER_ASSETS names a folder that has those of
Kubernetes already; KICKSTART_TEST_CRDS one with CRDs in YAML.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "tools"
GIVEN_CRDS = os.environ.get("KICKSTART_TEST_CRDS")  # tests hide such variables from kickstart


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs that are built once, from packages of the Go module in a folder of requirements/.

    version_of: the module whose version they have.
    """

    name: str
    version_of: str
    packages: Mapping[str, str]

    @property
    def module(self) -> Path:
        return ROOT / "requirements" / self.name

    @property
    def version(self) -> str:
        for line in (self.module / "go.mod").read_text("utf-8").splitlines():
            words = line.removeprefix("require").split()
            if words[:1] == [self.version_of]:
                return words[1]
        raise UnavailableError(f"requirements/{self.name}/go.mod names no version of {self.version_of}")

    @property
    def folder(self) -> Path:
        return CACHE / f"{self.name}-{self.version.removeprefix('v')}-{_digest(self.module / 'go.mod')}"

    def missing(self, folder: Path) -> list[str]:
        return [name for name in self.packages if not (folder / name).is_file()]


KUBERNETES = Programs(
    "cluster",
    "k8s.io/kubernetes",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    },
)
ARGOCD = Programs(
    "argocd",
    "github.com/argoproj/argo-cd/v3",
    {
        "argocd": "github.com/argoproj/argo-cd/v3/cmd",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    },
)


class UnavailableError(Exception):
    """What is needed cannot be had here; the text says why."""


def assets() -> Path:
    """Return the folder of Kubernetes' programs. Raises UnavailableError where they were not built."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    said = f"KUBEBUILDER_ASSETS is {given}" if given else "make cluster-tools builds them"
    return _complete(KUBERNETES, Path(given) if given else KUBERNETES.folder, said)


def argocd() -> Path:
    """Return the folder of Argo CD's programs. Raises UnavailableError where they were not built."""
    return _complete(ARGOCD, ARGOCD.folder, "make argocd-tools builds them")


def crds() -> Path:
    """Return the folder of the operators' CRDs. Raises UnavailableError where they were not fetched."""
    folder = Path(GIVEN_CRDS) if GIVEN_CRDS else _fetched()
    if not folder.is_dir():
        said = "make cluster-tools fetches them" if not GIVEN_CRDS else f"KICKSTART_TEST_CRDS is {GIVEN_CRDS}"
        raise UnavailableError(f"the CRDs of the operators are not there; {said}")
    return folder


def build() -> Path:
    """Build Kubernetes' programs, unless they are there, and return their folder."""
    try:
        return assets()
    except UnavailableError:
        if "KUBEBUILDER_ASSETS" in os.environ:
            raise
    major, minor, _ = KUBERNETES.version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    stamps = {"gitVersion": KUBERNETES.version, "gitMajor": major, "gitMinor": minor}
    staging = _built(KUBERNETES, *(f"-X {package}.{name}={value}" for name, value in stamps.items()))
    return staging.rename(KUBERNETES.folder)


def build_argocd() -> Path:
    """Build Argo CD, unless it is there, and return the folder."""
    if not ARGOCD.missing(ARGOCD.folder):
        return ARGOCD.folder
    staging = _built(ARGOCD)
    # Argo CD's server of repositories runs it, and finds it by its name.
    source = json.loads(_go(ARGOCD.module, "list", "-m", "-json", ARGOCD.version_of))["Dir"]
    shutil.copy(Path(source) / "hack" / "git-verify-wrapper.sh", staging)
    (staging / "git-verify-wrapper.sh").chmod(0o755)
    return staging.rename(ARGOCD.folder)


def fetch() -> Path:
    """Fetch the CRDs, unless they are there, and return their folder."""
    try:
        return crds()
    except UnavailableError:
        if GIVEN_CRDS:
            raise
    folder = _fetched()
    staging = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for line in _sources():
        module, checksum, path, kinds = line.split()
        found = json.loads(_go(KUBERNETES.module, "mod", "download", "-json", module))
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


def _complete(programs: Programs, folder: Path, otherwise: str) -> Path:
    missing = programs.missing(folder)
    if missing:
        raise UnavailableError(f"{', '.join(missing)} cannot be found; {otherwise}")
    return folder


def _built(programs: Programs, *flags: str) -> Path:
    """Build programs, and return the folder that they wait in. flags: more for the linker."""
    staging = programs.folder.with_name(f"{programs.folder.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    for name, package in programs.packages.items():
        print(f"building {name} of {programs.version_of} {programs.version}", flush=True)
        linker = " ".join(["-s", "-w", *flags])
        _go(programs.module, "build", "-trimpath", "-ldflags", linker, "-o", str(staging / name), package)
    return staging


def _fetched() -> Path:
    return CACHE / f"crds-{_digest(KUBERNETES.module / 'crds.lock')}"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:8]


def _sources() -> list[str]:
    lines = (KUBERNETES.module / "crds.lock").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _go(module: Path, *arguments: str) -> str:
    go = shutil.which("go")
    if go is None:
        raise UnavailableError("Go is needed to build what a cluster is made of; https://go.dev/dl has it")
    # auto: a module may need a newer Go than the one that is installed, which then fetches it.
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "auto"}
    done = subprocess.run(
        [go, *arguments], cwd=module, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise UnavailableError(f"go {arguments[0]} failed: {lines[-1] if lines else 'no reason was given'}")
    return done.stdout


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["argocd"]:
            print(build_argocd())
        else:
            print(build())
            print(fetch())
    except UnavailableError as error:
        sys.exit(str(error))
