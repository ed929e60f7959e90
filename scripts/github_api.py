"""Bring GitHub's own description of its REST API, from a package of the registry, for the tests."""

from __future__ import annotations

from pathlib import Path

from scripts import npm

ROOT = Path(__file__).parents[1]
PACKAGE, VERSION = "@octokit/openapi", "23.0.2"
SHA512 = "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="
MEMBER = "package/generated/api.github.com.json"
FILE = ROOT / ".cache" / "tools" / f"github-api-{VERSION}.json"


def description() -> Path:
    """Return the OpenAPI document, fetched at first use. Raises `npm.UnavailableError`."""
    if not FILE.is_file():
        FILE.parent.mkdir(parents=True, exist_ok=True)
        staging = FILE.with_suffix(".new")
        staging.write_bytes(npm.member(PACKAGE, VERSION, SHA512, MEMBER))
        staging.replace(FILE)
    return FILE


if __name__ == "__main__":
    print(description())
