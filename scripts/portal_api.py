"""Bring Backstage's own description of its catalog's API, from a package of the registry, for the tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from scripts import npm

ROOT = Path(__file__).parents[1]
PACKAGE, VERSION = "@backstage/plugin-catalog-backend", "4.0.0"
SHA512 = "G90XYW+/YDdxsShzz4FYQuvQhsQ3P+VENyzqB96nk0d1mcf1zzGwqyGkSxIU+xOo+GWljmmIN8PDfoFFWONCLA=="
MEMBER = "package/dist/schema/openapi/generated/router.cjs.js"
FILE = ROOT / ".cache" / "tools" / f"portal-api-{VERSION}.json"
# The description stands in a script that wants one package, and only to build its routes.
SHOW = """
const read = new Function("require", "exports", require("fs").readFileSync(0, "utf8"));
const exported = {};
read(() => ({}), exported);
console.log(JSON.stringify(exported.spec));
"""


def description() -> Path:
    """Return the OpenAPI document, fetched at first use. Raises `npm.UnavailableError`."""
    if FILE.is_file():
        return FILE
    if shutil.which("node") is None:
        raise npm.UnavailableError("node is not installed")
    script = npm.member(PACKAGE, VERSION, SHA512, MEMBER)
    shown = subprocess.run(["node", "-e", SHOW], input=script, capture_output=True, check=True, timeout=60)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    staging = FILE.with_suffix(".new")
    staging.write_bytes(shown.stdout)
    staging.replace(FILE)
    return FILE


if __name__ == "__main__":
    print(description())
