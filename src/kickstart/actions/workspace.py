"""Actions that render what is in the workspace to another place in it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from kickstart.actions import rendering
from kickstart.actions.base import AbsentError, Given, InputError, Model, Nothing, Promise
from kickstart.template import skeleton
from kickstart.tree import normal_path


class WorkspaceTemplate:
    """Render a folder of the workspace into another one."""

    name: ClassVar[str] = "workspace:template"

    class Input(Model):
        """What to render, with which values, to where."""

        source_path: str = Field(description="The folder of the workspace to render.")
        target_path: str = Field(description="The folder to render into, which is not in the other one.")
        values: dict[str, Any] = rendering.VALUES
        copy_without_templating: list[str] = rendering.COPIED
        template_file_extension: str | bool = rendering.EXTENSION
        replace: bool = Field(default=False, description="Replace files that are already there.")
        cookiecutter_compat: bool = rendering.COMPAT

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        folder, target = normal_path(input.source_path), normal_path(input.target_path)
        files = given.tree.under(folder)
        if not files:
            raise AbsentError(f"{input.source_path} is not a folder of the workspace")
        if not folder or f"{target}/".startswith(f"{folder}/"):
            raise InputError(f"targetPath {input.target_path} is within {input.source_path}")
        return rendering.render(given, files, rendering.rules_of(input), input, folder)


class WorkspaceTemplateFile:
    """Render one file of the workspace to another place in it."""

    name: ClassVar[str] = "workspace:template:file"

    class Input(Model):
        """What to render, with which values, to where."""

        source_path: str = Field(description="The file of the workspace to render.")
        target_path: str = Field(description="The file of the workspace to render to.")
        values: dict[str, Any] = rendering.VALUES
        replace: bool = Field(default=False, description="Replace the file if it is already there.")
        cookiecutter_compat: bool = rendering.COMPAT

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        path = normal_path(input.source_path)
        if path not in given.tree:
            raise AbsentError(f"{input.source_path} is not a file of the workspace")
        rules = skeleton.Rules(compat=input.cookiecutter_compat)
        engine, context = rendering.language(given, input)
        rendered = skeleton.render_entry(given.tree[path], context, rules, engine, path)
        return rendering.place(given, {"": rendered}, input.target_path, replace=input.replace)
