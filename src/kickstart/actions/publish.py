"""Actions and effects that publish a tree as a repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from kickstart import marker
from kickstart.actions.base import (
    AbsentError,
    Change,
    Effect,
    Given,
    InputError,
    Inspection,
    Model,
    Promise,
    author_of,
    repository_from,
)
from kickstart.tools import Publication, Repository, State, Tools
from kickstart.tree import Commit, Tree, normal_path


class Subject(Model):
    """What the subject of a workflow's OpenID Connect token is made of."""

    use_default: bool = Field(description="Keep GitHub's subject.")
    include_claim_keys: list[str] = Field(default=[], description="The claims instead, in their order.")

    @model_validator(mode="after")
    def _has_claims(self) -> Subject:
        if not self.use_default and not self.include_claim_keys:
            raise ValueError("useDefault: false needs includeClaimKeys")
        return self


class Allowed(Model):
    """Some of an organisation."""

    users: list[str] = Field(default=[], description="Logins.")
    teams: list[str] = Field(default=[], description="Teams, as in their addresses.")
    apps: list[str] = Field(default=[], description="Apps, as in their addresses.")


class About(Model):
    """What a repository is, and who may see it."""

    repo_url: str = Field(description="The repository, as `github.com?owner=OWNER&repo=NAME`.")
    description: str = Field(default="", description="One sentence about the repository.")
    homepage: str | None = Field(default=None, description="The project's page.")
    repo_visibility: Literal["private", "public", "internal"] = Field(
        default="private", description="Who can read the repository."
    )
    default_branch: str = Field(default="main", description="The branch that is published.")
    source_path: str = Field(default=".", description="The folder of the workspace to publish.")
    topics: list[str] = Field(default=[], description="Words to find the repository by.")
    access: str | None = Field(default=None, description="Who administers it: a user, or ORGANISATION/TEAM.")
    collaborators: list[dict[str, Any]] = Field(
        default=[],
        description="Who else has access: each a `user` or a `team`, and `access` as `pull` or `push`.",
    )
    git_commit_message: str = Field(default="initial commit", description="The commit's message.")
    git_author_name: str | None = Field(default=None, description="The commit's author.")
    git_author_email: str | None = Field(default=None, description="The author's address.")
    protect_default_branch: bool = Field(default=True, description="Protect the branch.")
    protect_enforce_admins: bool = Field(default=True, description="Administrators are bound too.")


class Rules(Model):
    """What has to be met before a branch takes a change."""

    required_approving_review_count: int = Field(default=1, description="Reviews before a merge.")
    require_code_owner_reviews: bool = Field(default=False, description="Code owners must review.")
    dismiss_stale_reviews: bool = Field(default=False, description="A push voids reviews.")
    required_status_check_contexts: list[str] = Field(default=[], description="Checks to pass.")
    require_branches_to_be_up_to_date: bool = Field(default=True, description="Merge only on top.")
    required_conversation_resolution: bool = Field(default=False, description="Settle all talk.")
    require_last_push_approval: bool = Field(default=False, description="Approve the last push.")
    required_commit_signing: bool = Field(default=False, description="Commits must be signed.")
    required_linear_history: bool = Field(default=False, description="No merge commits.")
    bypass_pull_request_allowances: Allowed | None = Field(
        default=None, description="Who may push without a pull request."
    )
    restrictions: Allowed | None = Field(default=None, description="Who may push at all; all by default.")
    block_creations: bool = Field(default=False, description="Others may not create the branch either.")


class PublishGithub:
    """Publish a folder of the workspace as a new repository of the forge that the user chose."""

    name: ClassVar[str] = "publish:github"

    class Input(Rules, About):
        """The repository and its settings. A local forge knows only files, branch and description.

        On GitHub a setting that is given is compared at every run, and made as asked.
        """

        delete_branch_on_merge: bool = Field(default=False, description="Delete merged branches.")
        allow_merge_commit: bool = Field(default=True, description="Allow merge commits.")
        allow_squash_merge: bool = Field(default=True, description="Allow squashing.")
        allow_rebase_merge: bool = Field(default=True, description="Allow rebasing.")
        allow_auto_merge: bool = Field(default=False, description="Allow merging by itself.")
        allow_update_branch: bool = Field(default=False, description="Offer to update branches.")
        squash_merge_commit_title: Literal["PR_TITLE", "COMMIT_OR_PR_TITLE"] | None = Field(
            default=None, description="The title of a squashed commit."
        )
        squash_merge_commit_message: Literal["PR_BODY", "COMMIT_MESSAGES", "BLANK"] | None = Field(
            default=None, description="The message of a squashed commit."
        )
        has_projects: bool | None = Field(default=None, description="Have projects.")
        has_wiki: bool | None = Field(default=None, description="Have a wiki.")
        has_issues: bool | None = Field(default=None, description="Have issues.")
        repo_variables: dict[str, str] = Field(default={}, description="Variables for workflows.")
        custom_properties: dict[str, str | list[str]] = Field(
            default={}, description="Values of properties that the organisation has defined."
        )
        oidc_customization: Subject | None = Field(
            default=None,
            description="The subject of workflows' OIDC tokens: `useDefault`, or `includeClaimKeys`.",
        )
        subscribe: bool = Field(default=False, description="Whoever publishes watches the repository.")
        secrets: dict[str, SecretStr] = Field(
            default={},
            description="Secrets for workflows; one that exists is left, unless `--renew-secrets`.",
        )
        token: SecretStr | None = Field(default=None, description="Ignored: the user's own is used.")

    class Output(Model):
        """Known before anything is published."""

        remote_url: str = Field(description="The URL to clone.")
        repo_contents_url: str = Field(description="The URL under which the files are seen.")
        commit_hash: str = Field(description="The id of the commit.")

    def promise(self, given: Given, input: Input) -> Promise:
        # What the template does not mention is the team's to choose later.
        settings = {
            "protectDefaultBranch": input.protect_default_branch,
            **input.model_dump(by_alias=True, exclude_unset=True, exclude=_NO_SETTINGS),
        }
        author = author_of(given, input.git_author_name, input.git_author_email)
        return published(
            given,
            repository_from(input.repo_url),
            files_below(given, input.source_path),
            Message(input.git_commit_message, author),
            input.default_branch,
            settings,
        )


def files_below(given: Given, folder: str) -> Tree:
    """Return the files of a folder of the workspace. Raises AbsentError and PathError."""
    folder = normal_path(folder)
    files = Tree(given.tree.under(folder))
    # A portal publishes a repository without files as well, but none of a folder that is not there.
    if not files and (folder or given.left_out or not given.engine.is_portal):
        raise AbsentError(f"there is nothing to publish in {folder or 'the workspace'}")
    return files


@dataclass(frozen=True, slots=True)
class Message:
    """What a commit says, and who says it: "Name <address>"."""

    text: str
    author: str


def published(
    given: Given,
    repository: Repository,
    files: Tree,
    message: Message,
    branch: str,
    settings: Mapping[str, Any],
) -> Promise:
    """Return the promise of a new repository with `files` in it. Raises InputError.

    settings: what the forge makes so, by the names of `publish:github`'s inputs.
    """
    if marker.FILE_NAME in files:
        raise InputError(f"{marker.FILE_NAME} is kickstart's own file; the template may not write it")
    made_by = {
        "name": given.source.name,
        "version": given.source.version,
        "origin": given.source.origin,
        "commit": given.source.commit,
    }
    mark = marker.Marker(given.project, str(repository), made_by, files.digest(), given.parameters)
    commit = Commit(files.adding({marker.FILE_NAME: mark.entry()}), message.text, message.author, given.at)
    effect = Publish(repository, commit, mark, branch, given.address.name, settings)
    output = {
        "remoteUrl": given.address.clone_url(repository),
        "repoContentsUrl": given.address.contents_url(repository, branch),
        "commitHash": given.commits.get(mark.digest, commit.id),
    }
    return Promise(output=output, effect=effect)


_NO_SETTINGS = {"repo_url", "source_path", "token", "git_commit_message"}


@dataclass(frozen=True, slots=True)
class Publish(Effect):
    """Publishes one commit as a new repository; converges on what is already there."""

    repository: Repository
    commit: Commit
    mark: marker.Marker
    branch: str
    forge: str
    settings: Mapping[str, Any] = field(repr=False)

    @property
    def target(self) -> str:
        return f"repository {self.repository}"

    @property
    def tree(self) -> Tree:
        return self.commit.tree

    @property
    def published(self) -> Repository:
        return self.repository

    @property
    def publication(self) -> Publication:
        visibility = str(self.settings.get("repoVisibility", "private"))
        return Publication(
            self.repository, visibility, self.tree, has_properties=bool(self.settings.get("customProperties"))
        )

    @property
    def texts(self) -> Mapping[str, str]:
        """What everyone who sees the repository can read besides its files, by Backstage's names."""
        shown = {name: str(value) for name, value in self.settings.items() if name != "secrets"}
        return {**shown, "gitCommitMessage": self.commit.message, "repoUrl": str(self.repository)}

    def inspect(self, tools: Tools) -> Inspection:
        found = tools.forge.inspect(self.repository)
        if found.state is State.ABSENT:
            return Inspection(Change.CREATE, f"on {self.forge}")
        if found.state is State.FOREIGN or found.marker is None:
            return Inspection(Change.CONFLICT, found.reason)
        if found.marker.project != self.mark.project:
            return Inspection(Change.CONFLICT, f"belongs to the project {found.marker.project}")
        if found.archived:
            return Inspection(Change.CONFLICT, "is archived")
        if found.state is State.EMPTY:
            return Inspection(Change.CREATE, f"on {self.forge}, where an interrupted run has begun it")
        if found.marker.digest == self.mark.digest:
            return self._settings(tools)
        return Inspection(
            Change.CONFLICT,
            "was made with other parameters or another template",
            tools.forge.read(self.repository),
        )

    def apply(self, tools: Tools) -> Mapping[str, str]:
        return tools.forge.publish(self.repository, self.commit, self.branch, self.settings)

    def _settings(self, tools: Tools) -> Inspection:
        """The files are the team's by now; settings are compared, and made as the template asks."""
        differing = tools.forge.differences(self.repository, self.branch, self.settings)
        if not differing:
            return Inspection(Change.NONE)
        return Inspection(Change.UPDATE, f"settings: {', '.join(differing)}")
