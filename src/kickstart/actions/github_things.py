"""Actions for what a repository on GitHub has besides files and settings.

On a forge that has no such things each says so, and does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SecretStr

from kickstart.actions.base import (
    Change,
    Effect,
    Given,
    InputError,
    Inspection,
    Model,
    Nothing,
    Promise,
    known_by,
    repository_from,
    unknown_number,
)
from kickstart.actions.publish import Rules
from kickstart.tools import Repository, Tools
from kickstart.tools.things import (
    Autolink,
    DeployKey,
    Dispatch,
    Environment,
    Issue,
    Labels,
    Match,
    Pages,
    Protection,
    Thing,
    Webhook,
    has_secret,
)

_URL = Field(description="The repository, as `github.com?owner=OWNER&repo=NAME`.")
_TOKEN = Field(default=None, description="Ignored: the user's own is used.")
_CHANGES = {Match.ABSENT: Change.CREATE, Match.DIFFERENT: Change.UPDATE, Match.SAME: Change.NONE}


@dataclass(frozen=True, slots=True)
class Provide(Effect):
    """Makes a thing of a repository as asked."""

    repository: Repository
    what: str
    forge: str
    thing: Thing = field(repr=False)
    shown: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return f"{self.what} of {self.repository}"

    @property
    def texts(self) -> Mapping[str, str]:
        return self.shown

    def inspect(self, tools: Tools) -> Inspection:
        match = tools.forge.look(self.repository, self.thing)
        if match is Match.UNKNOWN:
            return Inspection(Change.NONE, f"{self.forge} has no such thing")
        stays = match is Match.SAME and has_secret(self.thing)
        return Inspection(_CHANGES[match], "its secret stays: see --renew-secrets" if stays else "")

    def apply(self, tools: Tools) -> Mapping[str, str]:
        note = tools.forge.make(self.repository, self.thing)
        return {"note": note} if note else {}


class GithubWebhook:
    """Have GitHub tell an address of events in a repository."""

    name: ClassVar[str] = "github:webhook"

    class Input(Model):
        """One webhook of an address; a second step with the same address changes it."""

        repo_url: str = _URL
        webhook_url: str = Field(description="The address that is told.")
        webhook_secret: SecretStr | None = Field(default=None, description="Signs what is told.")
        events: list[str] = Field(default=["push"], description="What is told; `*` is everything.")
        active: bool = Field(default=True, description="Whether it is told now.")
        content_type: Literal["form", "json"] = Field(default="form", description="How it is told.")
        insecure_ssl: bool = Field(default=False, description="Do not check the address's certificate.")
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        thing = Webhook(
            input.webhook_url,
            tuple(input.events),
            input.active,
            input.content_type,
            input.insecure_ssl,
            input.webhook_secret,
        )
        return _promise(given, input.repo_url, "webhook", thing, webhookUrl=input.webhook_url)


class GithubDeployKey:
    """Give a key access to a repository, and workflows the private half of it as a secret."""

    name: ClassVar[str] = "github:deployKey:create"

    class Input(Model):
        """A pair of keys that exists already."""

        repo_url: str = _URL
        public_key: str = Field(description="The public half, as in a `.pub` file.")
        private_key: SecretStr = Field(description="The private half.")
        deploy_key_name: str = Field(description="The key's title, which is unique in the repository.")
        private_key_secret_name: str | None = Field(
            default=None, description="The name of the secret; by default from the title."
        )
        token: SecretStr | None = _TOKEN

    class Output(Model):
        """Known before anything is made."""

        private_key_secret_name: str = Field(description="The name of the secret.")

    def promise(self, given: Given, input: Input) -> Promise:
        if len(input.public_key.split()) < 2:
            raise InputError("publicKey is not of the form TYPE KEY")
        secret = input.private_key_secret_name
        secret = secret or f"KEY_{input.deploy_key_name}".upper().replace("-", "_").replace(" ", "_")
        thing = DeployKey(input.deploy_key_name, input.public_key, False, (secret, input.private_key))
        texts = {"publicKey": input.public_key, "deployKeyName": input.deploy_key_name}
        made = _promise(given, input.repo_url, f"deploy key {input.deploy_key_name}", thing, **texts)
        return Promise(output={"privateKeySecretName": secret}, effect=made.effect)


class BranchPolicy(Model):
    """Which branches may deploy: one of both."""

    protected_branches: bool = Field(default=False, alias="protected_branches", description="Protected.")
    custom_branch_policies: bool = Field(
        default=False, alias="custom_branch_policies", description="By patterns."
    )


class GithubEnvironment:
    """Make an environment that workflows deploy to."""

    name: ClassVar[str] = "github:environment:create"

    class Input(Model):
        """An environment's rules, variables and secrets; `--renew-secrets` sets again those that exist."""

        repo_url: str = _URL
        name: str = Field(description="The environment's name.")
        deployment_branch_policy: BranchPolicy | None = Field(
            default=None, description="Which branches may deploy; all by default."
        )
        custom_branch_policy_names: list[str] = Field(
            default=[], description="Patterns of branches that may deploy, and no others."
        )
        custom_tag_policy_names: list[str] = Field(default=[], description="Patterns of tags that may.")
        environment_variables: dict[str, str] = Field(default={}, description="Variables for workflows.")
        secrets: dict[str, SecretStr] = Field(default={}, description="Secrets for workflows.")
        wait_timer: int = Field(default=0, ge=0, le=43200, description="Minutes before a deployment.")
        prevent_self_review: bool = Field(default=False, description="Others must approve.")
        reviewers: list[str] = Field(
            default=[],
            description="Who must approve: `user:LOGIN`, or `group:TEAM` of the repository's organisation.",
        )
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        policy = input.deployment_branch_policy
        patterns = [("branch", pattern) for pattern in input.custom_branch_policy_names]
        patterns += [("tag", pattern) for pattern in input.custom_tag_policy_names]
        branches = ""
        if policy is not None and policy.protected_branches:
            branches = "protected"
        elif patterns or (policy is not None and policy.custom_branch_policies):
            branches = "custom"
        if branches == "protected" and patterns:
            raise InputError("deploymentBranchPolicy admits protected branches, and no patterns beside them")
        thing = Environment(
            input.name,
            input.wait_timer,
            input.prevent_self_review,
            branches,
            patterns,
            [_reviewer(reference) for reference in input.reviewers],
            {name.upper(): value for name, value in input.environment_variables.items()},
            {name.upper(): value for name, value in input.secrets.items()},
        )
        texts = {"name": input.name, "environmentVariables": str(dict(input.environment_variables))}
        return _promise(given, input.repo_url, f"environment {input.name}", thing, **texts)


def _reviewer(reference: str) -> tuple[str, str]:
    """Return who an entity of a portal's catalog is on GitHub: there they have the same names."""
    kind, _, name = reference.rpartition(":")
    kinds = {"user": "User", "group": "Team"}
    if kind.lower() not in kinds:
        raise InputError(f"'{reference}' is no reviewer: write user:LOGIN, or group:TEAM")
    return kinds[kind.lower()], name.rpartition("/")[2]


class GithubActionsDispatch:
    """Start a workflow, once: one that was started by hand on that branch before is enough."""

    name: ClassVar[str] = "github:actions:dispatch"

    class Input(Model):
        """The workflow has to be in the repository, with `on: workflow_dispatch`."""

        repo_url: str = _URL
        workflow_id: str = Field(description="The workflow's file name, or its id.")
        branch_or_tag_name: str = Field(description="Where it runs.")
        workflow_inputs: dict[str, Any] = Field(default={}, description="The workflow's inputs.")
        return_workflow_run_details: bool = Field(default=False, description="Give the outputs.")
        token: SecretStr | None = _TOKEN

    class Output(Model):
        """What is known of the run before it starts; with `returnWorkflowRunDetails` only."""

        workflow_run_html_url: str = Field(description="The page of the workflow's runs.")
        workflow_run_url: str = Field(description="The same page.")
        workflow_run_id: str = Field(description="What stands for the run's id in texts.")

    def promise(self, given: Given, input: Input) -> Promise:
        repository = repository_from(input.repo_url)
        thing = Dispatch(input.workflow_id, input.branch_or_tag_name, input.workflow_inputs)
        texts = {"workflowInputs": str(input.workflow_inputs)}
        run = f"run of {input.workflow_id}"
        effect = Provide(repository, run, given.address.name, thing, texts)
        web = given.address.clone_url(repository).removesuffix(".git")
        page = f"{web}/actions/workflows/{input.workflow_id}"
        output = {"workflowRunHtmlUrl": page, "workflowRunUrl": page, "workflowRunId": unknown_number(run)}
        return Promise(output if input.return_workflow_run_details else {}, effect=effect)


class GithubIssuesLabel:
    """Label an issue or a pull request; the labels that it has stay."""

    name: ClassVar[str] = "github:issues:label"

    class Input(Model):
        """The issue has to be there."""

        repo_url: str = _URL
        number: Annotated[int, Field(ge=1)] | str = Field(
            union_mode="left_to_right",
            description="Its number, or the output `pullRequestNumber` or `issueNumber`.",
        )
        labels: list[str] = Field(min_length=1, description="The labels.")
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        names, texts = tuple(input.labels), {"labels": str(input.labels)}
        if isinstance(input.number, int):
            return _promise(
                given, input.repo_url, f"labels of #{input.number}", Labels(input.number, names), **texts
            )
        what, name = known_by(input.number)
        thing = Labels(0, names, title=name) if what == "issue" else Labels(0, names, branch=name)
        return _promise(given, input.repo_url, f"labels of the {what} {name}", thing, **texts)


class GithubIssuesCreate:
    """Open an issue, once: one of the same title, open or closed, is enough."""

    name: ClassVar[str] = "github:issues:create"

    class Input(Model):
        """The issue. GitHub leaves out assignees who may not push."""

        repo_url: str = _URL
        title: str = Field(min_length=1, max_length=256, description="The title.")
        body: str = Field(default="", description="The text.")
        assignees: list[str] = Field(default=[], description="Who is to see to it: logins.")
        milestone: int | None = Field(default=None, description="The number of a milestone.")
        labels: list[str] = Field(default=[], description="Its labels.")
        token: SecretStr | None = _TOKEN

    class Output(Model):
        """What is known of it before it is opened."""

        issue_url: str = Field(description="A search that finds it, since only GitHub will know its number.")
        issue_number: str = Field(description="What stands for that number in texts.")

    def promise(self, given: Given, input: Input) -> Promise:
        repository = repository_from(input.repo_url)
        thing = Issue(input.title, input.body, input.assignees, input.labels, input.milestone)
        texts = {"title": input.title, "body": input.body}
        effect = Provide(repository, f"issue '{input.title}'", given.address.name, thing, texts)
        output = {
            "issueUrl": given.address.issue_url(repository, input.title),
            "issueNumber": unknown_number(f"issue {input.title}"),
        }
        return Promise(output, effect=effect)


class GithubAutolinksCreate:
    """Make links of references to another system, as `TICKET-123`."""

    name: ClassVar[str] = "github:autolinks:create"

    class Input(Model):
        """One kind of reference; a repository has one for each prefix."""

        repo_url: str = _URL
        key_prefix: str = Field(min_length=1, description="How the reference begins.")
        url_template: str = Field(pattern="<num>", description="The address, with `<num>` for the number.")
        is_alphanumeric: bool = Field(default=True, description="Letters may be in the number as well.")
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        thing = Autolink(input.key_prefix, input.url_template, input.is_alphanumeric)
        texts = {"keyPrefix": input.key_prefix, "urlTemplate": input.url_template}
        return _promise(given, input.repo_url, f"autolink {input.key_prefix}", thing, **texts)


class Branch(Model):
    """A branch of a repository."""

    repo_url: str = _URL
    branch: str = Field(default="", description="The branch; the default branch by default.")
    enforce_admins: bool = Field(default=True, description="Administrators are bound too.")


class GithubBranchProtectionCreate:
    """Protect a branch. The default branch is protected by `publish:github` already, unless told not to.

    Of several steps that protect one branch, the rules of the last one stand.
    """

    name: ClassVar[str] = "github:branch-protection:create"

    class Input(Rules, Branch):
        """The branch, and its rules as for `publish:github`."""

        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        rules = input.model_dump(by_alias=True, exclude_unset=True, include=set(Rules.model_fields))
        thing = Protection(input.branch, {**rules, "protectEnforceAdmins": input.enforce_admins})
        what = f"protection of the {f'branch {input.branch}' if input.branch else 'default branch'}"
        return _promise(given, input.repo_url, what, thing, rules=str(rules))


class GithubPagesEnable:
    """Give a repository a site."""

    name: ClassVar[str] = "github:pages:enable"

    class Input(Model):
        """Where the site is from: a workflow, or a folder of a branch."""

        repo_url: str = _URL
        build_type: Literal["legacy", "workflow"] = Field(
            default="workflow", description="A workflow makes it, or GitHub from a branch."
        )
        source_branch: str = Field(default="main", description="The branch.")
        source_path: Literal["/", "/docs"] = Field(default="/", description="The folder of the branch.")
        token: SecretStr | None = _TOKEN

    Output: ClassVar[type[Model]] = Nothing

    def promise(self, given: Given, input: Input) -> Promise:
        thing = Pages(input.build_type, input.source_branch, input.source_path)
        return _promise(given, input.repo_url, "pages", thing)


def _promise(given: Given, repo_url: str, what: str, thing: Thing, **texts: str) -> Promise:
    effect = Provide(repository_from(repo_url), what, given.address.name, thing, texts)
    return Promise(effect=effect)
