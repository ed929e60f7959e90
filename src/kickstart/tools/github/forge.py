"""The forge that is GitHub: what is there, what is made there, and how Git is let in."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kickstart import marker
from kickstart.errors import ConflictError, KickstartError, PreflightError
from kickstart.tools import Found, People, Publication, Repository, State, objects, plumbing
from kickstart.tools.github import unfinished
from kickstart.tools.github.address import GithubAddress
from kickstart.tools.github.credentials import Credentials
from kickstart.tools.things import Match, ReadAccess, Thing
from kickstart.tree import Commit, Tree

if TYPE_CHECKING:
    from kickstart.tools.github.api import Api, RefusedError
    from kickstart.tools.github.settings import Part


class GithubForge:
    """Publishes to GitHub. Nothing is asked, nor a library imported, before it is needed."""

    has_empty_repositories = True

    def __init__(
        self,
        address: GithubAddress,
        credentials: Callable[[], Credentials],
        *,
        ca: str | None = None,
        say: Callable[[str], None] = lambda text: None,
        renew_secrets: bool = False,
    ) -> None:
        """credentials: raises PreflightError where there are none. ca, say: as for `Api`.

        renew_secrets: a secret that is there differs, since nobody can see whether it does.
        """
        self.address = address
        self._credentials = credentials
        self._ca = ca
        self._say = say
        self._renew_secrets = renew_secrets
        self._opened: Api | None = None

    @property
    def api(self) -> Api:
        """The REST API."""
        if self._opened is None:
            from kickstart.tools.github.api import Api

            self._opened = Api(self.address, self._credentials(), ca=self._ca, say=self._say)
        return self._opened

    def preflight(self, publications: Sequence[Publication]) -> Sequence[str]:
        from kickstart.tools.github import preflight

        return preflight.check(self.api, publications)

    def inspect(self, repository: Repository) -> Found:
        found = self.api.get(f"/repos/{repository}")
        if found is None:
            return Found(State.ABSENT)
        if found["full_name"].lower() != str(repository).lower():
            return Found(State.FOREIGN, reason=f"was renamed to {found['full_name']}")
        archived = bool(found["archived"])
        file = self._marker_file(repository)
        begun = unfinished.project_of(found["description"])
        if file is None and begun:
            if self._is_empty(repository):
                return Found(State.EMPTY, marker.Marker(begun, str(repository), {}, ""), archived=archived)
            file = self._marker_file(repository)  # the push of a run that was killed outlives it
        if file is None:
            return Found(State.FOREIGN, reason="was not made by kickstart")
        mark = _marker(file)
        if mark is None:
            return Found(State.FOREIGN, reason=f"has a {marker.FILE_NAME} that cannot be read")
        return Found(State.OURS, mark, archived=archived)

    def differences(self, repository: Repository, branch: str, settings: Mapping[str, Any]) -> Sequence[str]:
        found = [part.name for part in self._parts(repository, branch, settings) if part.differs()]
        if settings.get("secrets") and "secrets" not in found:
            names = ", ".join(settings["secrets"])
            self._say(f"left as they are in {repository}: the secrets {names} (see --renew-secrets)")
        return found

    def read(self, repository: Repository) -> Tree:
        with tempfile.TemporaryDirectory(prefix="kickstart-") as folder:
            url = self.address.clone_url(repository)
            plumbing.fetch_commit(url, "", Path(folder), self.git_environment())
            return objects.read_tree(Path(folder), "FETCH_HEAD")

    def begin(self, repository: Repository, project: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        text = " ".join(str(settings.get("description") or "").split())
        mark = marker.Marker(project, str(repository), {}, "")
        made, is_new = self._create(repository, mark, settings, text)
        return _facts(made, _applied(self._parts(repository, "", settings, made), is_new))

    def publish(
        self, repository: Repository, commit: Commit, branch: str, settings: Mapping[str, Any]
    ) -> Mapping[str, str]:
        from kickstart.tools.github.push import push

        made, is_new = self._create(repository, _mark_of(commit), settings)
        parts = self._parts(repository, branch, settings, made)
        # Workflows start with the push, and find their secrets and variables then.
        notes = _applied([part for part in parts if not part.needs_files], is_new)
        if is_new:
            push(made["clone_url"], repository, commit, branch, self.git_environment(), self._say)
        notes += _applied([part for part in parts if part.needs_files], is_new)
        return {"commit": commit.id, **_facts(made, notes)}

    def look(self, repository: Repository, thing: Thing) -> Match:
        from kickstart.tools.github import things

        return things.look(self.api, repository, thing, renew_secrets=self._renew_secrets)

    def make(self, repository: Repository, thing: Thing) -> str:
        from kickstart.tools.github import things

        return things.make(self.api, repository, thing)

    def grant_read(self, repository: Repository, title: str) -> ReadAccess | None:
        from kickstart.tools.github import read_access

        return read_access.grant(self.api, repository, title)

    def grants_read(self, repository: Repository, title: str, fingerprint: str) -> bool:
        from kickstart.tools.github import read_access

        return read_access.reads(self.api, repository, title, fingerprint)

    def remove(self, repository: Repository, *, purge: bool) -> Mapping[str, str]:
        if purge:
            self.api.write("DELETE", f"/repos/{repository}")
            return {}
        made = self.api.write("PATCH", f"/repos/{repository}", {"archived": True})
        return {"archive": str(made["html_url"])}

    def git_environment(self) -> Mapping[str, str]:
        basic = base64.b64encode(f"x-access-token:{self.api.token}".encode()).decode()
        host = f"{self.address.web.partition('://')[0]}://{self.address.host}/"
        entries = {
            f"http.{host}.extraHeader": f"Authorization: Basic {basic}",
            # Nobody else's credentials instead, and ours into nobody's store.
            "credential.helper": "",
        }
        if self._ca:
            entries[f"http.{host}.sslCAInfo"] = self._ca
        return plumbing.configuration(entries)

    def fork(self, repository: Repository) -> Repository | None:
        from kickstart.tools.github import forks

        return forks.of(self.api, repository)

    def make_fork(self, repository: Repository, branch: str) -> Repository:
        from kickstart.tools.github import forks

        return forks.make(self.api, repository, branch, self._say)

    def open_pull_request(
        self, repository: Repository, branch: str, base: str, title: str, text: str, *, draft: bool = False
    ) -> str | None:
        from kickstart.tools.github.api import RefusedError

        path = f"/repos/{repository}/pulls"
        body = {"title": title, "body": text, "head": branch, "base": base}
        try:
            made = self.api.send("POST", path, {**body, "draft": True} if draft else body)
        except RefusedError as refused:
            # GitHub knows one open pull request for a branch; ours may be it, also by a lost answer.
            there = self.pull_request(repository, branch, base)
            if refused.status == 422 and not there and draft and "draft" in refused.said.lower():
                self._say(f"the pull request is no draft: {refused.said}")  # the plan has none
                return self.open_pull_request(repository, branch, base, title, text)
            if refused.status != 422 or not there:
                raise refused.error from None
            return there
        return str(made["html_url"])

    def pull_request(self, repository: Repository, branch: str, base: str) -> str | None:
        found = self._open_pull_request(repository, branch, base)
        return str(found["html_url"]) if found else None

    def _open_pull_request(self, repository: Repository, branch: str, base: str) -> Any:
        from kickstart.tools.github.api import quoted
        from kickstart.tools.github.things import head_of

        path = f"/repos/{repository}"
        head = quoted(head_of(path, branch))
        found = self.api.all(f"{path}/pulls?state=open&head={head}&base={quoted(base)}")
        return found[0] if found else None

    def pull_requests(self, repository: Repository, branch: str) -> Sequence[str]:
        from kickstart.tools.github.things import pulls_of

        return [str(each["html_url"]) for each in pulls_of(self.api, f"/repos/{repository}", branch)]

    def is_unasked(self, repository: Repository, branch: str, base: str, people: People) -> bool:
        pull = self._open_pull_request(repository, branch, base) if people != People() else None
        if pull is None or pull["requested_reviewers"] or pull["requested_teams"] or pull["assignees"]:
            return False
        # Whoever has reviewed is no longer asked to.
        return not self.api.all(f"/repos/{repository}/pulls/{pull['number']}/reviews")

    def ask(self, repository: Repository, pull_request: str, people: People) -> str:
        number = pull_request.rpartition("/")[2]
        issue, pull = (f"/repos/{repository}/{kind}/{number}" for kind in ("issues", "pulls"))
        asked = (
            ("reviewers", f"{pull}/requested_reviewers", {"reviewers": list(people.reviewers)}),
            ("teamReviewers", f"{pull}/requested_reviewers", {"team_reviewers": list(people.teams)}),
            ("assignees", f"{issue}/assignees", {"assignees": list(people.assignees)}),
        )
        notes = []
        for name, path, body in asked:
            if not any(body.values()):
                continue
            try:
                answer = self.api.write("POST", path, body)
            except KickstartError as error:  # the pull request is open, and the rest is a click there
                notes.append(f"the {name} were not asked: {error}")
                continue
            if name == "assignees":
                took = {each["login"].lower() for each in answer["assignees"]}
                left = [login for login in people.assignees if login.lower() not in took]
                notes += [f"GitHub ignores the assignees {', '.join(left)}"] if left else []
        return "; ".join(notes)

    def _create(
        self, repository: Repository, mark: marker.Marker, settings: Mapping[str, Any], text: str = ""
    ) -> tuple[Any, bool]:
        """Return the repository as GitHub tells it, and whether it still needs its files.

        One that is there already may have been made by a call whose answer was lost. text: the
        description that it will have.
        """
        from kickstart.tools.github.api import RefusedError

        visibility = str(settings.get("repoVisibility") or "private")
        body: dict[str, Any] = {
            "name": repository.name,
            "description": unfinished.description(mark.project, text),
        }
        if self._is_own_account(repository.owner):
            path, body["private"] = "/user/repos", visibility != "public"
        else:
            path, body["visibility"] = f"/orgs/{repository.owner}/repos", visibility
            if settings.get("customProperties"):  # some organisations let none be made without
                body["custom_properties"] = settings["customProperties"]
        is_new = True
        try:
            made = self.api.send("POST", path, body)
        except RefusedError as refused:
            if refused.status != 422 or "already exists" not in refused.said:
                raise _creation_error(refused, repository) from None
            is_new = self._adopt(repository, mark)
            made = self.api.get(f"/repos/{repository}", missing=False)
        promised = self.address.clone_url(repository)
        if made["clone_url"].lower() != promised.lower():
            raise PreflightError(
                f"GitHub made {made['clone_url']} where {promised} was promised",
                hint="delete it there, and give the address that GitHub uses: --github-url",
            )
        return made, is_new

    def _is_own_account(self, owner: str) -> bool:
        identity = self.api.identity()
        return identity.permissions is None and identity.login.lower() == owner.lower()

    def _adopt(self, repository: Repository, mark: marker.Marker) -> bool:
        """Tell whether what is there already still needs its files. Raises ConflictError if not ours."""
        found = self.inspect(repository)
        if found.marker and found.marker.project == mark.project:
            if found.state is State.EMPTY:
                return True
            if found.marker.digest == mark.digest or not mark.digest:
                return False
        hidden = "exists, and this token may not see it" if found.state is State.ABSENT else ""
        reason = hidden or found.reason or "came into being meanwhile"
        raise ConflictError(f"{repository} {reason}", hint="choose another name")

    def _marker_file(self, repository: Repository) -> Any:
        return self.api.get(f"/repos/{repository}/contents/{marker.FILE_NAME}")

    def _is_empty(self, repository: Repository) -> bool:
        from kickstart.tools.github.api import RefusedError

        try:
            self.api.send("GET", f"/repos/{repository}/commits?per_page=1")
        except RefusedError as refused:
            return refused.status == 409  # "Git Repository is empty."
        return False

    def _parts(
        self, repository: Repository, branch: str, settings: Mapping[str, Any], found: Any = None
    ) -> list[Part]:
        from kickstart.tools.github.settings import parts

        found = found or self.api.get(f"/repos/{repository}", missing=False)
        return parts(self.api, repository, found, branch, settings, renew_secrets=self._renew_secrets)


def _applied(parts: Sequence[Part], is_new: bool) -> list[str]:
    """Make settings as asked, and return the notes. A new repository has none of them: no look is needed."""
    return [part.apply() for part in parts if is_new or part.differs()]


def _facts(made: Any, notes: Sequence[str]) -> dict[str, str]:
    note = "; ".join(filter(None, notes))
    facts = {"url": str(made["html_url"])}
    return {**facts, "note": note} if note else facts


def _creation_error(refused: RefusedError, repository: Repository) -> KickstartError:
    if refused.status in {403, 404} and isinstance(refused.error, PreflightError):
        return PreflightError(
            f"GitHub does not let you create {repository}: {refused.said}",
            hint=refused.error.hint or "ask an owner of the organisation, or take another owner: --owner",
        )
    return refused.error


def _marker(file: Any) -> marker.Marker | None:
    try:
        return marker.read(base64.b64decode(file["content"]))
    except (KeyError, TypeError, binascii.Error):  # a folder, or a submodule of that name
        return None


def _mark_of(commit: Commit) -> marker.Marker:
    mark = marker.read(commit.tree[marker.FILE_NAME].content)
    if mark is None:
        raise ValueError("a commit that is published has a marker")
    return mark
