"""Actions that bring files of the template into the workspace, and those that render what is there."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from kickstart import folders, redact
from kickstart.actions.base import AbsentError, BeyondError, Given, InputError, Model, Nothing, Promise
from kickstart.template import skeleton
from kickstart.template.language import Language
from kickstart.tree import Entry, normal_path

_URL: Any = Field(
    description="A path relative to template.yaml, inside the template's repository; or the web address of "
    "a folder or file in another repository, such as https://github.com/acme/skeletons/tree/main/service."
)
_COMPAT: Any = Field(
    default=False, description="Render `{{ cookiecutter.name }}` instead of `${{ values.name }}`."
)
_COPIED: Any = Field(
    default=[], description="Globs of files whose content is copied as it is; paths are rendered."
)
_EXTENSION: Any = Field(
    default=False, description="Render only files with this extension, and drop it; true stands for `.njk`."
)
_TOKEN: Any = Field(default=None, description="Ignored: Git's own credentials are used.")
_VALUES: Any = Field(default={}, description="What the files can refer to as `values`.")


class FetchTemplate:
    """Render a folder of the template into the workspace."""

    name: ClassVar[str] = "fetch:template"

    class Input(Model):
        """What to render, with which values, to where."""

        url: str = _URL
        target_path: str = Field(default=".", description="The folder of the workspace to render into.")
        values: dict[str, Any] = _VALUES
        copy_without_templating: list[str] = _COPIED
        template_file_extension: str | bool = _EXTENSION
        replace: bool = Field(default=False, description="Replace files that are already there.")
        trim_blocks: bool = Field(default=False, description="Drop the newline after a block tag.")
        lstrip_blocks: bool = Field(default=False, description="Drop blanks before a block tag.")
        cookiecutter_compat: bool = _COMPAT
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        rules = _rules(input, trim_blocks=input.trim_blocks, lstrip_blocks=input.lstrip_blocks)
        files = folders.Files(_folder(given, input.url))
        return _render(given, files, rules, input, _shown(input.url))


class WorkspaceTemplate:
    """Render a folder of the workspace into another one."""

    name: ClassVar[str] = "workspace:template"

    class Input(Model):
        """What to render, with which values, to where."""

        source_path: str = Field(description="The folder of the workspace to render.")
        target_path: str = Field(description="The folder to render into, which is not in the other one.")
        values: dict[str, Any] = _VALUES
        copy_without_templating: list[str] = _COPIED
        template_file_extension: str | bool = _EXTENSION
        replace: bool = Field(default=False, description="Replace files that are already there.")
        cookiecutter_compat: bool = _COMPAT

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        folder, target = normal_path(input.source_path), normal_path(input.target_path)
        files = given.tree.under(folder)
        if not files:
            raise AbsentError(f"{input.source_path} is not a folder of the workspace")
        if not folder or f"{target}/".startswith(f"{folder}/"):
            raise InputError(f"targetPath {input.target_path} is within {input.source_path}")
        return _render(given, files, _rules(input), input, folder)


class WorkspaceTemplateFile:
    """Render one file of the workspace to another place in it."""

    name: ClassVar[str] = "workspace:template:file"

    class Input(Model):
        """What to render, with which values, to where."""

        source_path: str = Field(description="The file of the workspace to render.")
        target_path: str = Field(description="The file of the workspace to render to.")
        values: dict[str, Any] = _VALUES
        replace: bool = Field(default=False, description="Replace the file if it is already there.")
        cookiecutter_compat: bool = _COMPAT

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        path = normal_path(input.source_path)
        if path not in given.tree:
            raise AbsentError(f"{input.source_path} is not a file of the workspace")
        rules = skeleton.Rules(compat=input.cookiecutter_compat)
        engine, context = _language(given, input)
        rendered = skeleton.render_entry(given.tree[path], context, rules, engine, path)
        return _place(given, {"": rendered}, input.target_path, replace=input.replace)


class FetchTemplateFile:
    """Render one file of the template into the workspace."""

    name: ClassVar[str] = "fetch:template:file"

    class Input(Model):
        """What to render, with which values, to where."""

        url: str = _URL
        target_path: str = Field(description="The file of the workspace to render to.")
        values: dict[str, Any] = _VALUES
        replace: bool = Field(default=False, description="Replace the file if it is already there.")
        trim_blocks: bool = Field(default=False, description="Drop the newline after a block tag.")
        lstrip_blocks: bool = Field(default=False, description="Drop blanks before a block tag.")
        cookiecutter_compat: bool = _COMPAT
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        file = _file(given, input.url)
        rules = skeleton.Rules(
            trim_blocks=input.trim_blocks,
            lstrip_blocks=input.lstrip_blocks,
            compat=input.cookiecutter_compat,
        )
        engine, context = _language(given, input)
        entry = folders.read_file(file)
        rendered = skeleton.render_entry(entry, context, rules, engine, _shown(input.url))
        return _place(given, {"": rendered}, input.target_path, replace=input.replace)


class FetchCookiecutter:
    """Render a folder of the template into the workspace with cookiecutter's rules; hooks do not run."""

    name: ClassVar[str] = "fetch:cookiecutter"

    class Input(Model):
        """What to render, with which values, to where."""

        url: str = _URL
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
        files = folders.Files(_folder(given, input.url))
        rendered = cookiecutter.render(files, input.values, input.copy_without_render, _shown(input.url))
        return _place(given, rendered, input.target_path, replace=True)


class FetchPlain:
    """Copy a folder of the template into the workspace, as it is."""

    name: ClassVar[str] = "fetch:plain"

    class Input(Model):
        """What to copy, to where."""

        url: str = _URL
        target_path: str = Field(default=".", description="The folder of the workspace to copy into.")
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        return _place(given, folders.Files(_folder(given, input.url)), input.target_path, replace=True)


class FetchPlainFile:
    """Copy one file of the template into the workspace, as it is."""

    name: ClassVar[str] = "fetch:plain:file"

    class Input(Model):
        """What to copy, to where."""

        url: str = _URL
        target_path: str = Field(description="The file of the workspace to copy to.")
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        entry = folders.read_file(_file(given, input.url))
        return _place(given, {"": entry}, input.target_path, replace=True)


def _rules(input: Any, **blocks: bool) -> skeleton.Rules:
    """Return how a folder is rendered. Raises InputError when the inputs exclude each other."""
    extension = _extension(input.template_file_extension)
    if extension and (input.copy_without_templating or input.cookiecutter_compat):
        other = "copyWithoutTemplating" if input.copy_without_templating else "cookiecutterCompat"
        raise InputError(f"templateFileExtension and {other} exclude each other")
    copied = tuple(input.copy_without_templating)
    return skeleton.Rules(
        extension, copied, compat=input.cookiecutter_compat, replaces=input.replace, **blocks
    )


def _render(
    given: Given, files: Mapping[str, Entry], rules: skeleton.Rules, input: Any, shown: str
) -> Promise:
    engine, context = _language(given, input)
    entries = skeleton.render(files, context, rules, engine, shown)
    return _place(given, entries, input.target_path, replace=input.replace)


def _language(given: Given, input: Any) -> tuple[Language, dict[str, Any]]:
    """Return what renders, and what it renders with. Only Backstage's language knows cookiecutter's."""
    if not input.cookiecutter_compat:
        return given.engine, {"values": input.values}
    from kickstart.template.dialect.engine import Backstage

    engine = given.engine if given.engine.is_portal else Backstage()
    return engine, {"cookiecutter": input.values}


def _place(given: Given, entries: Mapping[str, Entry], target: str, *, replace: bool) -> Promise:
    """Put `entries` below `target`. Without `replace`, what is already there stays."""
    folder = normal_path(posixpath.normpath(target))
    placed = {"/".join(part for part in (folder, path) if part): entry for path, entry in entries.items()}
    if not replace:
        placed = {path: entry for path, entry in placed.items() if path not in given.tree}
    return Promise(tree=given.tree.adding(placed))


def _extension(value: str | bool) -> str | None:
    if isinstance(value, str):
        return value if value.startswith(".") or not value else f".{value}"
    return ".njk" if value else None


def _folder(given: Given, url: str) -> Path:
    path = given.source.path(url)
    if not path.is_dir():
        raise InputError(f"{redact.urls(url)} is not a folder")
    return path


def _file(given: Given, url: str) -> Path:
    path = given.source.path(url)
    if not path.is_file():
        raise InputError(f"{redact.urls(url)} is not a file")
    return path


def _shown(url: str) -> str:
    return redact.urls(url).removeprefix("./").rstrip("/") or "."
