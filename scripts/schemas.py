"""Pack the schemas of Kubernetes' own kinds for `kickstart validate`, from a package that has them all.

The schemas are Kubernetes' own OpenAPI descriptions (Apache License 2.0). Descriptions are left out,
and a definition that several versions share stands once: 30 KB instead of 100 MB.
`--check` writes nothing, and exits with 1 when the packed file is out of date.
"""

from __future__ import annotations

import json
import lzma
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

VERSIONS = [f"1.{minor}" for minor in range(30, 38)]
PACKED = Path(__file__).resolve().parents[1] / "src" / "kickstart" / "checks" / "builtin.json.xz"


def packed() -> bytes:
    """Return the file's content: the same bytes for the same schemas."""
    numbers: dict[str, int] = {}
    versions = {
        version: {
            name: numbers.setdefault(_text(definition), len(numbers))
            for name, definition in sorted(_definitions(version).items())
        }
        for version in VERSIONS
    }
    whole = {"versions": versions, "definitions": [json.loads(text) for text in numbers]}
    return lzma.compress(json.dumps(whole, separators=(",", ":")).encode(), preset=9)


def _definitions(version: str) -> dict[str, Any]:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    definitions: dict[str, Any] = json.loads((folder / "_definitions.json").read_text("utf-8"))["$defs"]
    return definitions


def _text(definition: Any) -> str:
    return json.dumps(_without_descriptions(definition), sort_keys=True, separators=(",", ":"))


def _without_descriptions(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _without_descriptions(value)
            for key, value in schema.items()
            if not (key == "description" and isinstance(value, str))
        }
    if isinstance(schema, list):
        return [_without_descriptions(each) for each in schema]
    return schema


def main(arguments: list[str]) -> int:
    """Write or check the packed file."""
    fresh = packed()
    if PACKED.is_file() and PACKED.read_bytes() == fresh:
        return 0
    if "--check" in arguments:
        print(f"out of date: {PACKED.name}; run: python scripts/schemas.py")
        return 1
    PACKED.write_bytes(fresh)
    print(f"written  {PACKED.name}, {len(fresh):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
