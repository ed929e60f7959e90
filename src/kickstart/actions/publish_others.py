"""Publishing actions of other forges: the repository goes to the forge that the user chose.

Inputs and outputs are those of the modules that Backstage publishes for these forges.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs

from pydantic import Field, SecretStr

from kickstart import naming
from kickstart.actions.base import Given, InputError, Model, Promise, author_of
from kickstart.actions.publish import Message, files_below, published
from kickstart.tools import Repository
from kickstart.tree import Tree

_DESCRIPTION = Field(default="", description="One sentence about the repository.")
_AUTHOR_NAME = Field(default=None, description="The commit's author.")
_AUTHOR_EMAIL = Field(default=None, description="The author's address.")
_VISIBILITY: Any = Field(default="private", description="Who can read the repository.")
_SOURCE_PATH = Field(default=".", description="The folder of the workspace to publish.")
_TOKEN = Field(default=None, description="Ignored: the user's own is used.")


class _Input(Model):
    """The repository; settings that only the named forge has are not taken over."""

    repo_url: str = Field(description="The repository, as the portal's repository picker gives it.")
    default_branch: str = Field(default="master", description="The branch that is published.")
    git_commit_message: str = Field(default="initial commit", description="The commit's message.")
    sign_commit: bool = Field(default=False, description="Ignored: the portal's key is not here.")


class _Output(Model):
    """Known before anything is published."""

    remote_url: str = Field(description="The URL to clone.")
    repo_contents_url: str = Field(description="The URL under which the files are seen.")
    commit_hash: str = Field(description="The id of the commit.")


# What every forge can be told, of the inputs that the named one takes.
_SETTINGS = {
    *("description", "repo_visibility", "default_branch", "topics"),
    *("git_author_name", "git_author_email"),
}
# What is left out and makes a difference to a team; a token makes none.
_LEFT_OUT = {
    *("sign_commit", "enable_lfs", "skip_existing", "set_user_as_owner", "owner_username"),
    *("branches", "project_variables"),
}


class _PublishElsewhere:
    """Publish a folder of the workspace as a new repository of the forge that the user chose."""

    name: ClassVar[str]
    Input: ClassVar[type[Model]]
    Output: ClassVar[type[Model]] = _Output
    # Which parts of the picker's value own the repository, outermost first, and which it must have.
    owners: ClassVar[tuple[str, ...]] = ("owner",)
    needs: ClassVar[tuple[str, ...]] = ("owner",)

    def repository(self, repo_url: str) -> Repository:
        """Return the repository of the user's forge for one of the named forge. Raises InputError."""
        host, question, query = repo_url.removeprefix("https://").partition("?")
        if not host or not question:
            form = "&".join(f"{part}={part.upper()}" for part in (*self.needs, "repo"))
            raise InputError(f"{repo_url!r} is not of the form HOST?{form}")
        fields = {key: values[0].strip("/") for key, values in parse_qs(query).items()}
        for part in (*self.needs, "repo"):
            if not fields.get(part):
                raise InputError(f"{repo_url!r} names no {part}")
        problem = naming.repository_name_problem(fields["repo"])
        if problem:
            raise InputError(f"the repo {fields['repo']!r} {problem}")
        # An owner may be a path of groups, of which a forge of repositories makes one name.
        parts = dict.fromkeys(fields[part] for part in self.owners if fields.get(part))
        return Repository(naming.owner_from_login("-".join(parts)), fields["repo"])

    def promise(self, given: Given, input: Any) -> Promise:
        repository = self.repository(input.repo_url)
        return self._published(given, input, repository, files_below(given, input.source_path), {})

    def _published(
        self, given: Given, input: Any, repository: Repository, files: Tree, more: dict[str, Any]
    ) -> Promise:
        # Only what the template says: the rest is the team's once the repository is there.
        said = input.model_dump(by_alias=True, exclude_unset=True, include=_SETTINGS)
        settings = {"protectDefaultBranch": True, **said, **more}
        name, email = (getattr(input, key, None) for key in ("git_author_name", "git_author_email"))
        message = Message(input.git_commit_message, author_of(given, name, email))
        promise = published(given, repository, files, message, input.default_branch, settings)
        names = ", ".join(self._left_out(input))
        notes = (f"{self.name} is not carried out in full here; left out: {names}",) if names else ()
        return Promise(output=promise.output, effect=promise.effect, notes=notes)

    def _left_out(self, input: Any) -> list[str]:
        """Return the inputs that are given and not taken over."""
        return [key for key, value in input.model_dump(by_alias=True, include=_LEFT_OUT).items() if value]


class Project(Model):
    """What a GitLab project is set to, by the names of GitLab's API."""

    name: str | None = Field(default=None, description="Ignored: GitHub has no titles.")
    path: str | None = Field(default=None, description="The repository's name, if not the one in `repoUrl`.")
    description: str | None = Field(default=None, description="One sentence about the repository.")
    topics: list[str] | None = Field(default=None, description="Words to find the repository by.")
    visibility: Literal["private", "public", "internal"] | None = Field(
        default=None, description="Who can read the repository."
    )
    auto_devops_enabled: bool = Field(
        default=False, alias="auto_devops_enabled", description="Ignored, as is all that follows."
    )
    ci_config_path: str | None = Field(
        default=None, alias="ci_config_path", description="Where GitLab's pipeline is described."
    )
    merge_method: Literal["merge", "rebase_merge", "ff"] = Field(
        default="merge", alias="merge_method", description="How GitLab merges."
    )
    squash_option: Literal["default_off", "default_on", "never", "always"] = Field(
        default="default_off", alias="squash_option", description="Whether GitLab squashes."
    )
    only_allow_merge_if_all_discussions_are_resolved: bool = Field(
        default=False,
        alias="only_allow_merge_if_all_discussions_are_resolved",
        description="Settle all talk before a merge.",
    )
    only_allow_merge_if_pipeline_succeeds: bool = Field(
        default=False, alias="only_allow_merge_if_pipeline_succeeds", description="Pass before a merge."
    )
    allow_merge_on_skipped_pipeline: bool = Field(
        default=False, alias="allow_merge_on_skipped_pipeline", description="Skipping is passing."
    )


class PublishGitlab(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a GitLab project."""

    name = "publish:gitlab"
    # Where a misplaced input belongs: GitHub's action has it at the top.
    moved: ClassVar[dict[str, str]] = {"description": "settings.description"}

    class Input(_Input):
        """The repository; settings that only GitLab has are not taken over."""

        source_path: str | bool = Field(
            default=".",
            description="The folder of the workspace to publish; true is all of it, and false no file.",
        )
        repo_visibility: Literal["private", "public", "internal"] = _VISIBILITY
        topics: list[str] = Field(default=[], description="Words to find the repository by.")
        settings: Project | None = Field(
            default=None, description="What the project is set to; it wins over the inputs beside it."
        )
        branches: list[dict[str, Any]] = Field(
            default=[], description="Ignored: other branches are not made, and not protected."
        )
        project_variables: list[dict[str, Any]] = Field(
            default=[], description="Ignored: variables for GitLab's pipelines.", repr=False
        )
        skip_existing: bool = Field(
            default=False,
            description="Ignored: what stands there and is not the project's stops the run.",
        )
        set_user_as_owner: bool = Field(default=False, description="Ignored: the user owns it anyway.")
        owner_username: str | None = Field(default=None, description="Ignored: accounts of GitLab's.")
        git_author_name: str | None = _AUTHOR_NAME
        git_author_email: str | None = _AUTHOR_EMAIL
        token: SecretStr | None = _TOKEN

    class Output(_Output):
        """Known before anything is published."""

        project_id: str = Field(description="The path of the project, which GitLab takes for its id.")
        created: bool = Field(description="True: the project is new.")

    def promise(self, given: Given, input: Any) -> Promise:
        repository = self.repository(input.repo_url)
        settings = input.settings or Project()
        if settings.path:
            problem = naming.repository_name_problem(settings.path)
            if problem:
                raise InputError(f"the path {settings.path!r} {problem}")
            repository = Repository(repository.owner, settings.path)
        said = {
            "description": settings.description,
            "repoVisibility": settings.visibility,
            "topics": settings.topics,
        }
        more = {key: value for key, value in said.items() if value is not None}
        folder = "." if input.source_path is True else input.source_path
        files = files_below(given, folder) if folder is not False else Tree()
        promise = self._published(given, input, repository, files, more)
        output = {**promise.output, "projectId": str(repository), "created": True}
        return Promise(output=output, effect=promise.effect, notes=promise.notes)

    def _left_out(self, input: Any) -> list[str]:
        settings = input.settings or Project()
        taken = {"path", "description", "topics", "visibility"}
        others = settings.model_dump(by_alias=True, exclude_unset=True, exclude=taken)
        return [*super()._left_out(input), *(f"settings.{key}" for key in others)]


class PublishGitea(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a Gitea repository."""

    name = "publish:gitea"
    needs = ()

    class Input(_Input):
        """The repository. Gitea shows it to everybody by default; here a template has to say so."""

        source_path: str = _SOURCE_PATH
        description: str = Field(description="One sentence about the repository.")
        default_branch: str = Field(default="main", description="The branch that is published.")
        repo_visibility: Literal["private", "public"] = _VISIBILITY
        git_author_name: str | None = _AUTHOR_NAME
        git_author_email: str | None = _AUTHOR_EMAIL


class PublishGerrit(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a Gerrit project."""

    name = "publish:gerrit"
    owners = ("workspace", "owner")
    needs = ("workspace",)

    class Input(_Input):
        """The repository. Gerrit's project inherits who can read it; here it is private."""

        source_path: str = _SOURCE_PATH
        description: str = _DESCRIPTION
        git_author_name: str | None = _AUTHOR_NAME
        git_author_email: str | None = _AUTHOR_EMAIL


class PublishAzure(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a repository of Azure DevOps."""

    name = "publish:azure"
    owners = ("organization", "project")
    needs = ("organization", "project")

    class Input(_Input):
        """The repository. In Azure DevOps its project says who can read it; here it is private."""

        source_path: str = _SOURCE_PATH
        description: str = _DESCRIPTION
        git_author_name: str | None = _AUTHOR_NAME
        git_author_email: str | None = _AUTHOR_EMAIL
        token: SecretStr | None = _TOKEN

    class Output(_Output):
        """Known before anything is published."""

        repository_id: str = Field(description="The path of the repository, which stands for its id.")

    def promise(self, given: Given, input: Any) -> Promise:
        promise = super().promise(given, input)
        output = {**promise.output, "repositoryId": str(self.repository(input.repo_url))}
        return Promise(output=output, effect=promise.effect, notes=promise.notes)


class PublishBitbucketCloud(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a repository of Bitbucket Cloud."""

    name = "publish:bitbucketCloud"
    owners = ("workspace", "project")
    needs = ("workspace", "project")

    class Input(_Input):
        """The repository; settings that only Bitbucket has are not taken over."""

        source_path: str = _SOURCE_PATH
        description: str = _DESCRIPTION
        repo_visibility: Literal["private", "public"] = _VISIBILITY
        token: SecretStr | None = _TOKEN


class PublishBitbucketServer(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a repository of Bitbucket Server."""

    name = "publish:bitbucketServer"
    owners: ClassVar[tuple[str, ...]] = ("project",)
    needs = ("project",)

    class Input(_Input):
        """The repository; settings that only Bitbucket has are not taken over."""

        source_path: str = _SOURCE_PATH
        description: str = _DESCRIPTION
        repo_visibility: Literal["private", "public"] = _VISIBILITY
        enable_lfs: bool = Field(
            default=False,
            alias="enableLFS",
            description="Ignored: large files are stored as all others are.",
        )
        git_author_name: str | None = _AUTHOR_NAME
        git_author_email: str | None = _AUTHOR_EMAIL
        token: SecretStr | None = _TOKEN


class PublishBitbucket(PublishBitbucketServer):
    """Publish a folder of the workspace, in place of a repository of Bitbucket."""

    name = "publish:bitbucket"
    owners = ("workspace", "project")
