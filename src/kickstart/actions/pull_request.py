"""The action that proposes files to a repository which is there already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, SecretStr

from kickstart.actions.base import (
    Change,
    Effect,
    Given,
    InputError,
    Inspection,
    Model,
    Promise,
    author_of,
    repository_from,
    unknown_number,
)
from kickstart.errors import ConflictError
from kickstart.naming import branch_name_problem
from kickstart.tools import Address, People, Repository, State, Tools
from kickstart.tree import Edit, Entry, Tree, normal_path

if TYPE_CHECKING:
    from kickstart.tools.working_copy import WorkingCopy


class PublishGithubPullRequest:
    """Propose a folder of the workspace to a repository, as a branch with a pull request.

    On a local forge the branch is pushed, and nothing more.
    """

    name: ClassVar[str] = "publish:github:pull-request"

    class Input(Model):
        """What is proposed, and where. Files that are not named stay as they are."""

        repo_url: str = Field(description="The repository, as `github.com?owner=OWNER&repo=NAME`.")
        branch_name: str = Field(description="The branch that is made.")
        title: str = Field(description="The pull request's title, and the commit's.")
        description: str = Field(description="The pull request's text.")
        target_branch_name: str = Field(default="", description="Where to merge; the default branch.")
        source_path: str = Field(default=".", description="The folder of the workspace to propose.")
        target_path: str = Field(default=".", description="The folder of the repository that gets it.")
        files_to_delete: list[str] = Field(default=[], description="Paths below `targetPath` to remove.")
        commit_message: str = Field(default="", description="The commit's message; the title by default.")
        draft: bool = Field(default=False, description="Open it as a draft, where the plan has drafts.")
        reviewers: list[str] = Field(default=[], description="Who is asked for a review.")
        team_reviewers: list[str] = Field(default=[], description="Teams of the organisation that are asked.")
        assignees: list[str] = Field(default=[], description="Who it is assigned to.")
        update: bool = Field(default=False, description="Add to the branch when it is there already.")
        create_when_empty: bool = Field(
            default=False, description="Open it also where nothing differs, with an empty commit."
        )
        force_fork: bool = Field(
            default=False, description="Push the branch to a fork of the user's own, which is made."
        )
        git_author_name: str | None = Field(default=None, description="The commit's author.")
        git_author_email: str | None = Field(default=None, description="The author's address.")
        force_empty_git_author: bool = Field(
            default=False, description="Ignored: commits are pushed, and so have an author."
        )
        token: SecretStr | None = Field(default=None, description="Ignored: the user's own is used.")

    class Output(Model):
        """Known before anything is proposed; GitHub gives the number when it is opened."""

        remote_url: str = Field(description="The URL under which the pull request is found.")
        pull_request_number: str = Field(
            description="What stands for its number; `github:issues:label` knows which one is meant."
        )
        target_branch_name: str = Field(description="As given; empty for the default branch.")

    def promise(self, given: Given, input: Input) -> Promise:
        repository = repository_from(input.repo_url)
        for key, branch in (
            ("branchName", input.branch_name),
            ("targetBranchName", input.target_branch_name),
        ):
            problem = branch_name_problem(branch) if branch or key == "branchName" else None
            if problem:
                raise InputError(f"{key} {branch!r} {problem}")
        source, target = normal_path(input.source_path), normal_path(input.target_path)
        start = f"{target}/" if target else ""
        files = Tree({f"{start}{path}": entry for path, entry in given.tree.under(source).items()})
        removed = tuple(f"{start}{normal_path(path)}" for path in input.files_to_delete)
        if not files and not removed and (source or not input.create_when_empty):
            raise InputError(f"there is nothing to propose in {source or 'the workspace'}")
        effect = ProposeChange(
            repository,
            given.address,
            files,
            removed,
            input.branch_name,
            input.target_branch_name,
            input.title,
            input.description,
            input.commit_message or input.title,
            author_of(given, input.git_author_name, input.git_author_email),
            given.at,
            input.update,
            input.create_when_empty,
            input.force_fork,
            input.draft,
            People(
                tuple(input.reviewers),
                tuple(team.rpartition("/")[2] for team in input.team_reviewers),
                tuple(input.assignees),
            ),
        )
        output = {
            "remoteUrl": given.address.proposal_url(repository, input.branch_name),
            "pullRequestNumber": unknown_number(
                f"pull request {'~:' if input.force_fork else ''}{input.branch_name}"
            ),
            "targetBranchName": input.target_branch_name,
        }
        return Promise(output, effect=effect)


@dataclass(frozen=True, slots=True)
class ProposeChange(Effect):
    """Pushes one commit as a branch, and asks to merge it."""

    repository: Repository
    address: Address
    files: Tree
    removed: tuple[str, ...]
    branch: str
    base: str
    title: str
    text: str
    message: str
    author: str
    at: datetime
    update: bool
    when_empty: bool
    from_fork: bool
    draft: bool
    people: People

    @property
    def target(self) -> str:
        return f"pull request {self.branch} of {self.repository}"

    @property
    def tree(self) -> Tree:
        return self.files

    @property
    def proposed(self) -> tuple[Repository, str]:
        return self.repository, self.branch

    @property
    def texts(self) -> Mapping[str, str]:
        return {"title": self.title, "description": self.text, "commitMessage": self.message}

    def inspect(self, tools: Tools) -> Inspection:
        if tools.forge.inspect(self.repository).state in {State.ABSENT, State.EMPTY}:
            return Inspection(Change.CREATE, "once the repository is there")
        with self._copy(tools) as copy:
            fork = tools.forge.fork(self.repository) if self.from_fork else self.repository
            proposed = self._in(fork, copy).fetch(f"refs/heads/{self.branch}") if fork else None
            there = self._there(copy, proposed or copy.head)
            if not self._differing(there):
                asked = tools.forge.pull_requests(self.repository, self._head(fork)) if fork else []
                if asked == [] and (proposed or self.when_empty):
                    return Inspection(
                        Change.CREATE, "of a branch that is there" if proposed else "without files"
                    )
                if fork and tools.forge.is_unasked(
                    self.repository, self._head(fork), copy.branch, self.people
                ):
                    return Inspection(Change.UPDATE, "nobody was asked about it")
                return Inspection(Change.NONE, "" if proposed else f"{copy.branch} has it already")
            if not proposed:
                return Inspection(Change.CREATE, existing=there)
            if self.update:
                return Inspection(Change.UPDATE, existing=there)
            detail = "the branch is there with other files; to add to it, the template says update: true"
            return Inspection(Change.CONFLICT, detail, there)

    def apply(self, tools: Tools) -> Mapping[str, str]:
        with self._copy(tools) as copy:
            base = copy.branch
            fork = tools.forge.make_fork(self.repository, base) if self.from_fork else self.repository
            pushed = self._in(fork, copy)
            # On top of the branch where it is there, else of the one that it is merged to.
            proposed = pushed.fetch(f"refs/heads/{self.branch}")
            copy.head = proposed or copy.head
            changes = self._differing(self._there(copy, copy.head))
            if not changes and not proposed and not self.when_empty:
                return {"note": f"{self.branch} is not proposed: {base} of {self.repository} has it already"}
            if changes or not proposed:
                made = copy.store(Edit(changes, self.message), self.author, self.at)
                lost = pushed.push(made, self.branch)
                if lost:
                    raise ConflictError(
                        f"somebody has pushed to {self.branch} of {fork} meanwhile: {lost}",
                        hint="look at it, and run the same command again",
                    )
        url = tools.forge.open_pull_request(
            self.repository, self._head(fork), base, self.title, self.text, draft=self.draft
        )
        if url is None:
            return {
                "note": f"{self.address.name} has no pull requests: merge the branch {self.branch} yourself"
            }
        note = tools.forge.ask(self.repository, url, self.people)
        return {"pullRequest": url, **({"note": note} if note else {})}

    @contextmanager
    def _copy(self, tools: Tools) -> Iterator[WorkingCopy]:
        """Bring the branch here that is merged to."""
        from kickstart.tools import working_copy

        environment = tools.forge.git_environment()
        with working_copy.cloned(
            str(self.repository), self.address.clone_url(self.repository), environment
        ) as copy:
            if self.base:
                copy.branch = self.base
                copy.refresh()
            yield copy

    def _in(self, repository: Repository, copy: WorkingCopy) -> WorkingCopy:
        """Return the copy as one of the repository that gets the branch."""
        return replace(copy, shown=str(repository), url=self.address.clone_url(repository))

    def _head(self, repository: Repository) -> str:
        return self.branch if repository == self.repository else f"{repository.owner}:{self.branch}"

    def _there(self, copy: WorkingCopy, commit: str) -> Tree:
        """Return what stands at the paths that are changed."""
        return Tree(copy.read([*self.files, *self.removed], commit))

    def _differing(self, there: Mapping[str, Entry]) -> dict[str, Entry | None]:
        changes: dict[str, Entry | None] = {
            path: entry for path, entry in self.files.items() if there.get(path) != entry
        }
        return changes | dict.fromkeys((path for path in self.removed if path in there), None)
