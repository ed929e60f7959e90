"""The action that renders a folder of the template as cookiecutter does."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from kickstart import folders
from kickstart.actions import rendering
from kickstart.actions.base import BeyondError, Given, Model, Nothing, Promise


class FetchCookiecutter:
    """Render a folder of the template into the workspace with cookiecutter's rules; hooks do not run."""

    name: ClassVar[str] = "fetch:cookiecutter"

    class Input(Model):
        """What to render, with which values, to where."""

        url: str = rendering.URL
        target_path: str = Field(default=".", description="The folder of the workspace to render into.")
        values: dict[str, Any] = Field(description="What the files can refer to as `cookiecutter`.")
        copy_without_render: list[str] = Field(
            default=[], description="Patterns of files and folders whose content is copied as it is."
        )
        extensions: list[str] = Field(
            default=[], description="Jinja2 extensions; a step with some is left to a portal."
        )
        image_name: str | None = Field(default=None, description="Ignored: no container is used.")

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        from kickstart.template import cookiecutter

        if input.extensions:
            raise BeyondError(f"cookiecutter's extensions are not there, such as {input.extensions[0]}")
        files = folders.Files(rendering.folder(given, input.url))
        rendered = cookiecutter.render(
            files, input.values, input.copy_without_render, rendering.shown(input.url)
        )
        return rendering.place(given, rendered, input.target_path, replace=True)
