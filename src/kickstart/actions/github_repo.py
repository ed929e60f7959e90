"""Backstage's two steps for what `publish:github` does in one: make a repository, and fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field

from kickstart.actions.base import Change, Effect, Given, Inspection, Model, Promise, repository_from
from kickstart.actions.publish import PublishGithub, Rules
from kickstart.tools import Publication, Repository, State, Tools
from kickstart.tree import Tree

# What only a push has.
_FILES = {
    *("default_branch", "source_path", "git_commit_message", "git_author_name", "git_author_email"),
    *("protect_default_branch", "protect_enforce_admins", *Rules.model_fields),
}


_NO_SETTINGS = {*_FILES, "repo_url", "token", "auto_init"}


class GithubRepoCreate:
    """Make a repository that `github:repo:push` fills. On a local forge it appears when it is filled."""

    name: ClassVar[str] = "github:repo:create"

    class Input(PublishGithub.Input):
        """The repository and its settings, as for `publish:github`; what is about files is ignored."""

        auto_init: bool = Field(
            default=False, description="Ignored: the repository is empty until files are pushed."
        )
        workflow_access: Literal["none", "organization", "user"] | None = Field(
            default=None, description="Who outside may use its workflows, where it is private."
        )

    class Output(Model):
        """Known before anything is made."""

        remote_url: str = Field(description="The URL to clone.")
        repo_contents_url: str = Field(description="The URL under which the files will be seen.")

    def promise(self, given: Given, input: Input) -> Promise:
        repository = repository_from(input.repo_url)
        settings = input.model_dump(by_alias=True, exclude_unset=True, exclude=_NO_SETTINGS)
        effect = CreateRepository(repository, given.project, given.address.name, settings)
        output = {
            "remoteUrl": given.address.clone_url(repository),
            "repoContentsUrl": given.address.contents_url(repository, input.default_branch),
        }
        return Promise(output=output, effect=effect)


class GithubRepoPush(PublishGithub):
    """Fill a repository that `github:repo:create` has made; makes it where it is not there."""

    name: ClassVar[str] = "github:repo:push"


@dataclass(frozen=True, slots=True)
class CreateRepository(Effect):
    """Makes an empty repository; converges on what is already there."""

    repository: Repository
    project: str
    forge: str
    settings: Mapping[str, Any] = field(repr=False)

    @property
    def target(self) -> str:
        return f"empty repository {self.repository}"

    @property
    def publication(self) -> Publication:
        visibility = str(self.settings.get("repoVisibility", "private"))
        return Publication(
            self.repository, visibility, Tree(), has_properties=bool(self.settings.get("customProperties"))
        )

    @property
    def texts(self) -> Mapping[str, str]:
        return {name: str(value) for name, value in self.settings.items() if name != "secrets"}

    def inspect(self, tools: Tools) -> Inspection:
        if not tools.forge.has_empty_repositories:
            return Inspection(Change.NONE, f"{self.forge} has it when it is filled")
        found = tools.forge.inspect(self.repository)
        if found.state is State.ABSENT:
            return Inspection(Change.CREATE, f"on {self.forge}")
        if found.state is State.FOREIGN or found.marker is None:
            return Inspection(Change.CONFLICT, found.reason)
        if found.marker.project != self.project:
            return Inspection(Change.CONFLICT, f"belongs to the project {found.marker.project}")
        if found.archived:
            return Inspection(Change.CONFLICT, "is archived")
        differing = tools.forge.differences(self.repository, "", self.settings)
        if differing:
            return Inspection(Change.UPDATE, f"settings: {', '.join(differing)}")
        return Inspection(Change.NONE)

    def apply(self, tools: Tools) -> Mapping[str, str]:
        return tools.forge.begin(self.repository, self.project, self.settings)
