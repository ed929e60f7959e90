"""The file by which kickstart knows a repository as one that it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kickstart import document
from kickstart.tree import Entry, Tree

FILE_NAME = ".kickstart.yaml"
VERSION = "kickstart/v1"
_HEADER = """\
# Written by kickstart. It recognises, resumes and updates this repository by this file: keep it.
"""


class Marker(Struct, frozen=True):
    """What made a repository. It holds no secret.

    template: name, version, origin and commit. digest: of every other file as it was rendered.
    """

    project: str
    repository: str
    template: Mapping[str, str]
    digest: str
    parameters: Mapping[str, Any] = {}

    def entry(self) -> Entry:
        """Return the marker as a file."""
        body = {
            "apiVersion": VERSION,
            "kind": "Marker",
            "project": self.project,
            "repository": self.repository,
            "template": dict(self.template),
            "digest": self.digest,
            "parameters": dict(self.parameters),
        }
        return Entry((_HEADER + document.dump(body)).encode())


def read(content: bytes) -> Marker | None:
    """Return the marker that `content` holds, or None when it is not one of ours."""
    try:
        body = document.load(content.decode("utf-8"))
        if body["apiVersion"] != VERSION or body["kind"] != "Marker":
            return None
        return Marker(
            project=str(body["project"]),
            repository=str(body["repository"]),
            template={str(k): str(v) for k, v in body["template"].items()},
            digest=str(body["digest"]),
            parameters=dict(body["parameters"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def without(tree: Tree) -> Tree:
    """Return `tree` without its marker, which is what a marker's digest is about."""
    return tree.without([FILE_NAME])
