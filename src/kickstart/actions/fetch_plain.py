"""Actions that copy files of the template into the workspace, as they are."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from kickstart import folders
from kickstart.actions import rendering
from kickstart.actions.base import Given, Model, Nothing, Promise


class FetchPlain:
    """Copy a folder of the template into the workspace, as it is."""

    name: ClassVar[str] = "fetch:plain"

    class Input(Model):
        """What to copy, to where."""

        url: str = rendering.URL
        target_path: str = Field(default=".", description="The folder of the workspace to copy into.")
        token: SecretStr | None = rendering.TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        return rendering.place(
            given, folders.Files(rendering.folder(given, input.url)), input.target_path, replace=True
        )


class FetchPlainFile:
    """Copy one file of the template into the workspace, as it is."""

    name: ClassVar[str] = "fetch:plain:file"

    class Input(Model):
        """What to copy, to where."""

        url: str = rendering.URL
        target_path: str = Field(description="The file of the workspace to copy to.")
        token: SecretStr | None = rendering.TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        entry = folders.read_file(rendering.file(given, input.url))
        return rendering.place(given, {"": entry}, input.target_path, replace=True)
