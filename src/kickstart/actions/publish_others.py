"""Publishing actions of other forges: the repository goes to the forge that the user chose."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs

from pydantic import Field, SecretStr

from kickstart import naming
from kickstart.actions.base import Given, InputError, Model, Promise
from kickstart.actions.publish import PublishGithub


class _Input(Model):
    """The repository; settings that only the named forge has are not taken over."""

    repo_url: str = Field(description="The repository, as the portal's repository picker gives it.")
    description: str = Field(default="", description="One sentence about the repository.")
    default_branch: str = Field(default="main", description="The branch that is published.")
    source_path: str = Field(default=".", description="The folder of the workspace to publish.")
    topics: list[str] = Field(default=[], description="Words to find the repository by.")
    git_commit_message: str = Field(default="initial commit", description="The commit's message.")
    git_author_name: str | None = Field(default=None, description="The commit's author.")
    git_author_email: str | None = Field(default=None, description="The author's address.")
    repo_visibility: str = Field(default="private", description="Who can read the repository.")
    token: SecretStr | None = Field(default=None, description="Ignored: the user's own is used.")


class _Output(Model):
    """Known before anything is published."""

    remote_url: str = Field(description="The URL to clone.")
    repo_contents_url: str = Field(description="The URL under which the files are seen.")
    commit_hash: str = Field(description="The id of the commit.")


class _PublishElsewhere:
    """Publish a folder of the workspace as a new repository of the forge that the user chose."""

    name: ClassVar[str]
    Input: ClassVar[type[Model]] = _Input
    Output: ClassVar[type[Model]] = _Output
    # Which parts of the picker's value own the repository, outermost first.
    owners: ClassVar[tuple[str, ...]] = ("owner",)

    def promise(self, given: Given, input: Any) -> Promise:
        fields = {key: values[0] for key, values in parse_qs(input.repo_url.partition("?")[2]).items()}
        if not fields.get("repo"):
            raise InputError(f"{input.repo_url!r} names no repo")
        # An owner may be a path of groups, of which a forge of repositories makes one name.
        owner = naming.owner_from_login("-".join(fields[part] for part in self.owners if fields.get(part)))
        # Only what the template says: the rest is the team's once the repository is there.
        settings = input.model_dump(by_alias=True, exclude_unset=True, exclude={"token"})
        if settings.get("repoVisibility", "private") not in {"public", "internal", "private"}:
            settings["repoVisibility"] = "private"
        settings["repoUrl"] = f"github.com?owner={owner}&repo={fields['repo']}"
        return PublishGithub().promise(given, PublishGithub.Input.model_validate(settings))


class PublishGitlab(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a GitLab project."""

    name = "publish:gitlab"

    class Output(_Output):
        """Known before anything is published."""

        project_id: str = Field(description="The path of the project, which GitLab takes for its id.")
        created: bool = Field(description="True: the project is new.")

    def promise(self, given: Given, input: Any) -> Promise:
        promise = super().promise(given, input)
        published = promise.effect.published if promise.effect else None
        return Promise(
            output={**promise.output, "projectId": str(published), "created": True}, effect=promise.effect
        )


class PublishGitea(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a Gitea repository."""

    name = "publish:gitea"


class PublishGerrit(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a Gerrit project."""

    name = "publish:gerrit"
    owners = ("workspace", "owner")


class PublishAzure(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a repository of Azure DevOps."""

    name = "publish:azure"
    owners = ("organization", "owner", "project")


class PublishBitbucketCloud(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a repository of Bitbucket Cloud."""

    name = "publish:bitbucketCloud"
    owners = ("workspace", "project")


class PublishBitbucketServer(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a repository of Bitbucket Server."""

    name = "publish:bitbucketServer"
    owners = ("project",)


class PublishBitbucket(_PublishElsewhere):
    """Publish a folder of the workspace, in place of a repository of Bitbucket."""

    name = "publish:bitbucket"
    owners = ("workspace", "project")
