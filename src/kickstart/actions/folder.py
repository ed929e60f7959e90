"""The effect that writes a tree as a plain folder, for whoever wants the files themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kickstart import marker
from kickstart.actions.base import Change, Effect, Inspection
from kickstart.tools import Tools
from kickstart.tree import Tree


@dataclass(frozen=True, slots=True)
class WriteFolder(Effect):
    """Makes a folder hold exactly a tree. A folder that somebody changed stays as it is."""

    folder: Path
    tree: Tree

    @property
    def target(self) -> str:
        return f"folder {self.folder}"

    def inspect(self, tools: Tools) -> Inspection:
        existing = tools.folders.read(self.folder)
        if existing is not None and existing == self.tree:
            return Inspection(Change.NONE)
        if (self.folder / ".git").exists():  # it would be lost with the folder, empty as that may look
            return Inspection(Change.CONFLICT, "is a Git working copy", existing)
        if not existing:  # an empty folder is as good as none
            return Inspection(Change.CREATE)
        mark = marker.read(existing[marker.FILE_NAME].content) if marker.FILE_NAME in existing else None
        if mark is None:
            return Inspection(Change.CONFLICT, "holds other files", existing)
        if mark.digest != marker.without(existing).digest():
            return Inspection(Change.CONFLICT, "was changed since it was written", existing)
        return Inspection(Change.UPDATE, existing=existing)

    def apply(self, tools: Tools) -> Mapping[str, str]:
        tools.folders.write(self.folder, self.tree)
        return {"folder": str(self.folder)}
