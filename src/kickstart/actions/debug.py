"""Actions for whoever writes a template."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from kickstart.actions.base import Given, Model, Nothing, Promise


class DebugLog:
    """Print a message, or what is in the workspace."""

    name: ClassVar[str] = "debug:log"

    class Input(Model):
        """What to print."""

        message: str = Field(default="", description="The text to print.")
        list_workspace: bool | str = Field(
            default=False, description="Print the paths of all files, or `with-contents` also their text."
        )
        extra: object = Field(default=None, description="Any value, printed as it is.")

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        messages = [input.message] if input.message else []
        if input.extra is not None:
            messages.append(str(input.extra))
        if input.list_workspace:
            for path, entry in given.tree.items():
                messages.append(path)
                if input.list_workspace == "with-contents":
                    messages.append(entry.content.decode("utf-8", "replace"))
        return Promise(messages=tuple(messages))


class DebugWait:
    """Wait in a portal, mostly for a repository to be there. Here the publishing action waits for that."""

    name: ClassVar[str] = "debug:wait"

    class Input(Model):
        """How long a portal waits."""

        minutes: float = Field(default=0, description="Minutes.")
        seconds: float = Field(default=0, description="Seconds.")
        milliseconds: float = Field(default=0, description="Milliseconds.")

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        return Promise()
