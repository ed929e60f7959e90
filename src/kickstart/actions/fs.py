"""Actions on the workspace."""

from __future__ import annotations

import posixpath
from typing import ClassVar

from pydantic import Field

from kickstart.actions.base import AbsentError, Given, InputError, Model, Nothing, Promise
from kickstart.errors import TemplateError
from kickstart.template import skeleton
from kickstart.tree import normal_path


class FsDelete:
    """Delete files of the workspace."""

    name: ClassVar[str] = "fs:delete"

    class Input(Model):
        """What to delete."""

        files: list[str] = Field(
            description="Paths and globs; a folder's name deletes what is in it. No match is no error."
        )

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        gone: set[str] = set()
        patterns = []
        for path in map(normal_path, input.files):
            # A name is first of all a name, whatever signs it has.
            named = [path, *(f"{path}/{inside}" for inside in given.tree.under(path))] if path else given.tree
            if any(name in given.tree for name in named):
                gone.update(named)
            else:
                patterns += [path, f"{path}/**"]
        try:
            gone.update(skeleton.selected(given.tree, patterns))
        except TemplateError as error:
            raise InputError(error.message) from error
        return Promise(tree=given.tree.without(gone))


class _Rename(Model):
    """One move."""

    from_: str = Field(alias="from", description="A file or folder of the workspace.")
    to: str = Field(description="Its new path.")
    overwrite: bool = Field(default=False, description="Replace what is already there.")


class FsRename:
    """Move files and folders of the workspace."""

    name: ClassVar[str] = "fs:rename"

    class Input(Model):
        """What to move, to where."""

        files: list[_Rename] = Field(description="The moves, made in this order.")

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        tree = given.tree
        for move in input.files:
            old, new = normal_path(move.from_), normal_path(move.to)
            moved = (
                {new: tree[old]}
                if old in tree
                else {f"{new}/{path}" if new else path: entry for path, entry in tree.under(old).items()}
            )
            if not moved or not old:
                raise AbsentError(f"{move.from_} does not exist in the workspace")
            gone = [old, *(f"{old}/{path}" for path in tree.under(old))]
            taken = [new, *(f"{new}/{path}" for path in tree.under(new))] if new else []
            rest = tree.without(gone)
            standing = [path for path in taken if path in rest]
            if standing and not move.overwrite:
                raise InputError(f"{move.to} already exists in the workspace; set overwrite: true")
            tree = rest.without(standing).adding(moved)
        return Promise(tree=tree)


class _Item(Model):
    """A file or a folder."""

    name: str = Field(description="The last part of its path.")
    path: str = Field(description="The path relative to the workspace.")
    full_path: str = Field(description="The same; a workspace has no place on a disk.")


class FsReaddir:
    """List files and folders of the workspace."""

    name: ClassVar[str] = "fs:readdir"

    class Input(Model):
        """What to list."""

        paths: list[str] = Field(description="Folders of the workspace.")
        recursive: bool = Field(default=False, description="List what is in folders below as well.")

    class Output(Model):
        """What is there, by path."""

        files: list[_Item] = Field(description="The files.")
        folders: list[_Item] = Field(description="The folders.")

    def promise(self, given: Given, input: Input) -> Promise:
        files: list[dict[str, str]] = []
        folders: dict[str, dict[str, str]] = {}
        for path in input.paths:
            top = normal_path(path)
            inside = given.tree.under(top)
            if not inside and top:
                raise AbsentError(f"{path} is not a folder of the workspace")
            for found in inside:
                parents = _parents(found)
                if input.recursive or not parents:
                    files.append(_item(top, found))
                for parent in parents if input.recursive else parents[:1]:
                    folders.setdefault(posixpath.join(top, parent), _item(top, parent))
        return Promise(output={"files": files, "folders": list(folders.values())})


def _parents(path: str) -> list[str]:
    """Return the folders above `path`, outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: index + 1]) for index in range(len(parts))]


def _item(top: str, path: str) -> dict[str, str]:
    inside = posixpath.join(top, path)
    return {"name": posixpath.basename(path), "path": inside, "fullPath": inside}
