"""Actions that render files of the template into the workspace."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec.structs import replace
from pydantic import Field, SecretStr

from kickstart import folders
from kickstart.actions import rendering
from kickstart.actions.base import Given, Model, Nothing, Promise
from kickstart.template import skeleton


class FetchTemplate:
    """Render a folder of the template into the workspace."""

    name: ClassVar[str] = "fetch:template"

    class Input(Model):
        """What to render, with which values, to where."""

        url: str = rendering.URL
        target_path: str = Field(default=".", description="The folder of the workspace to render into.")
        values: dict[str, Any] = rendering.VALUES
        copy_without_templating: list[str] = rendering.COPIED
        copy_without_render: list[str] = Field(
            default=[], description="Ignored, as by every portal of today: use `copyWithoutTemplating`."
        )
        template_file_extension: str | bool = rendering.EXTENSION
        replace: bool = Field(default=False, description="Replace files that are already there.")
        trim_blocks: bool = Field(default=False, description="Drop the newline after a block tag.")
        lstrip_blocks: bool = Field(default=False, description="Drop blanks before a block tag.")
        cookiecutter_compat: bool = rendering.COMPAT
        token: SecretStr | None = rendering.TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        rules = rendering.rules_of(input, trim_blocks=input.trim_blocks, lstrip_blocks=input.lstrip_blocks)
        files = folders.Files(rendering.folder(given, input.url))
        made = rendering.render(given, files, rules, input, rendering.shown(input.url))
        ignored = "copyWithoutRender is ignored, as by every portal of today: the files are rendered"
        return replace(made, notes=(ignored,)) if input.copy_without_render else made


class FetchTemplateFile:
    """Render one file of the template into the workspace."""

    name: ClassVar[str] = "fetch:template:file"

    class Input(Model):
        """What to render, with which values, to where."""

        url: str = rendering.URL
        target_path: str = Field(description="The file of the workspace to render to.")
        values: dict[str, Any] = rendering.VALUES
        replace: bool = Field(default=False, description="Replace the file if it is already there.")
        trim_blocks: bool = Field(default=False, description="Drop the newline after a block tag.")
        lstrip_blocks: bool = Field(default=False, description="Drop blanks before a block tag.")
        cookiecutter_compat: bool = rendering.COMPAT
        token: SecretStr | None = rendering.TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        file = rendering.file(given, input.url)
        rules = skeleton.Rules(
            trim_blocks=input.trim_blocks,
            lstrip_blocks=input.lstrip_blocks,
            compat=input.cookiecutter_compat,
        )
        engine, context = rendering.language(given, input)
        entry = folders.read_file(file)
        rendered = skeleton.render_entry(entry, context, rules, engine, rendering.shown(input.url))
        return rendering.place(given, {"": rendered}, input.target_path, replace=input.replace)
