"""A GitHub on this machine: REST with state, Git over HTTP by `git http-backend`, and faults on demand.

It answers as GitHub's description says, which `contract.py` holds it to, and refuses what GitHub
refuses: tokens, scopes, names that are taken, pushes against a rule.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from nacl.encoding import Base64Encoder
from nacl.public import PrivateKey, SealedBox

from tests.github import answers
from tests.github.contract import Contract

Answer = tuple[int, Any]
Headers = Mapping[str, str] | Message

UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."
FLAGS = {
    "has_issues": True,
    "has_projects": True,
    "has_wiki": True,
    "has_discussions": False,
    "has_downloads": True,
    "is_template": False,
    "allow_squash_merge": True,
    "allow_merge_commit": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "delete_branch_on_merge": False,
    "allow_update_branch": False,
    "archived": False,
}
_TEXTS = (
    *("description", "homepage", "visibility", "default_branch"),
    *("squash_merge_commit_title", "squash_merge_commit_message"),
)
_HAS_WORKFLOW = "git ls-tree -r --name-only $new | grep -q '^.github/workflows/'"
_NO_SCOPE = (
    "echo 'refusing to allow a Personal Access Token to create or update workflow "
    "`.github/workflows/ci.yaml` without `workflow` scope' >&2; exit 1"
)
_ROLES = {"pull": "read", "push": "write"}


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake
    """An answer that ends a request."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = more.pop("headers", {})
        self.body = {"message": message, "documentation_url": "https://docs.github.test", **more}


@dataclass(frozen=True)
class Grant:
    """Who a token stands for. scopes: of a classic token, else None. permissions: of an App's."""

    login: str
    scopes: frozenset[str] | None = frozenset({"repo", "workflow"})
    permissions: Mapping[str, str] | None = None


@dataclass
class Organisation:
    """An organisation. members: the role of each, `admin` or `member`."""

    members: dict[str, str] = field(default_factory=dict)
    teams: set[str] = field(default_factory=set)
    members_can_create: bool = True
    properties: set[str] = field(default_factory=lambda: {"cost-centre", "languages"})


@dataclass
class Repo:
    """A repository's state besides what Git has."""

    owner: str
    name: str
    git_dir: Path
    visibility: str
    id: int
    parent: Repo | None = None
    is_ready: bool = True
    description: str | None = None
    homepage: str | None = None
    default_branch: str = "main"
    squash_merge_commit_title: str = "COMMIT_OR_PR_TITLE"
    squash_merge_commit_message: str = "COMMIT_MESSAGES"
    flags: dict[str, bool] = field(default_factory=lambda: dict(FLAGS))
    topics: list[str] = field(default_factory=list)
    protection: dict[str, dict[str, Any]] = field(default_factory=dict)
    signatures: set[str] = field(default_factory=set)
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    collaborators: dict[str, str] = field(default_factory=dict)
    invitations: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    workflow_access: str = "none"
    oidc: dict[str, Any] = field(default_factory=lambda: {"use_default": True})
    watchers: set[str] = field(default_factory=set)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)  # who has reviewed each of `pulls`
    keys: dict[int, dict[str, Any]] = field(default_factory=dict)
    hooks: dict[int, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    autolinks: dict[int, dict[str, Any]] = field(default_factory=dict)
    pages: dict[str, Any] | None = None
    runs: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[str, set[str]] = field(default_factory=lambda: {"1": set()})

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass
class Fault:
    """What goes wrong with requests of which `VERB PATH` matches `at`, `times` times.

    status 0 closes the connection. after: only when the request has had its effect. A fault whose
    `number` is given hits that one request of all, counted from 1; one that is `lasting` goes on with
    every further request of that verb and path.
    """

    at: str = ""
    status: int = 500
    message: str = "Server Error"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    times: int = 1
    number: int = 0
    lasting: bool = False

    def strike(self) -> NoReturn:
        raise Refusal(self.status, self.message, headers=dict(self.headers))


@dataclass(frozen=True)
class Request:
    """One request as it came. kind: `rest` or `git`."""

    kind: str
    verb: str
    path: str
    status: int
    body: Any = None

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


@dataclass
class Call:
    """A request on its way to its handler."""

    params: dict[str, str]
    query: dict[str, str]
    body: Any
    grant: Grant


class FakeGithub:
    """The state, and the server that shows it. Stop it with `stop`."""

    def __init__(self, folder: Path, *, contract: Contract | None = None, prefix: str = "") -> None:
        """prefix: a path before everything, as where a GitHub Enterprise shares its host."""
        self.folder = folder
        self.contract = contract
        self.prefix = prefix
        self.tokens: dict[str, Grant] = {"ghp_ada": Grant("ada")}
        self.organisations: dict[str, Organisation] = {"acme": Organisation({"ada": "admin"}, {"platform"})}
        self.users = {"ada": 1, "grace": 2, "alan": 3}
        self.repositories: dict[str, Repo] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.free_plan = False
        self.push_refusal = ""
        self.invisible_for = 0  # pushes that do not see a new repository yet
        self.remaining = 4990
        self.on_request: Callable[[int], None] = lambda number: None
        self._made = 0
        self._key = PrivateKey.generate()
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.fake = self
        self._scheme = "http"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """What `--github-url` takes."""
        return f"{self._scheme}://localhost:{self._server.server_address[1]}{self.prefix}"

    def encrypt(self, certificate: Path, key: Path) -> None:
        """Speak TLS from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "https"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # What tests look at and prepare

    def writes(self) -> list[str]:
        """Return the requests that changed something, in order."""
        return [
            str(each)
            for each in self.requests
            if each.status < 400 and each.verb != "GET" and "git-upload-pack" not in each.path
        ]

    def count(self, kind: str) -> int:
        return sum(each.kind == kind for each in self.requests)

    def heads(self) -> dict[str, str]:
        """Return the commit of each repository's default branch, "" where it has none."""
        return {
            name: _git(repo.git_dir, "rev-parse", "--verify", "--quiet", f"refs/heads/{repo.default_branch}")
            for name, repo in sorted(self.repositories.items())
        }

    def secret(self, repository: str, name: str) -> str:
        """Return a secret as a workflow would read it."""
        sealed = base64.b64decode(self.repositories[repository].secrets[name])
        return SealedBox(self._key).decrypt(sealed).decode()

    def add(self, owner: str, name: str, files: Mapping[str, bytes] | None = None, **state: Any) -> Repo:
        """Make a repository of somebody else's."""
        repo = self._make(owner, name, "private")
        for key, value in state.items():
            setattr(repo, key, value)
        if files:
            stream = b"feature done\ncommit refs/heads/main\ncommitter X <x@y> 1 +0000\ndata 1\nx"
            for path, content in files.items():
                stream += b"\nM 100644 inline %s\ndata %d\n%s" % (path.encode(), len(content), content)
            command = ["git", f"--git-dir={repo.git_dir}", "fast-import", "--quiet"]
            subprocess.run(command, input=stream + b"\ndone\n", check=True)
        return repo

    # Requests

    def rest(self, verb: str, target: str, headers: Headers, raw: bytes) -> tuple[int, Any, dict[str, str]]:
        """Answer one REST request: status, body and headers."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(f"{self.prefix}/api/v3")
        query = dict(parse_qsl(parts.query))
        body = json.loads(raw) if raw else None
        with self._lock:
            number = len(self.requests) + 1
            self.on_request(number)
            fault = self._fault(f"{verb} {path}", number)
            told = self._limits()
            operation, params, handler = _route(verb, path)
            try:
                if fault and not fault.after:
                    fault.strike()
                grant = self._grant(headers, path)
                if grant.scopes is not None:
                    told["X-OAuth-Scopes"] = ", ".join(sorted(grant.scopes))
                try:
                    status, answer = handler(self, Call(params, query, body, grant))
                finally:
                    if fault:
                        fault.strike()
            except Refusal as refusal:
                status, answer = refusal.status, refusal.body
                told |= refusal.headers
            self.requests.append(Request("rest", verb, path, status, body))
            if self.contract and fault is None:
                self.contract.check(operation, query, body, status, answer)
        return status, answer, told

    def _limits(self) -> dict[str, str]:
        reset = str(int(time.time()) + 600)
        return {"X-RateLimit-Remaining": str(self.remaining), "X-RateLimit-Reset": reset}

    def _fault(self, request: str, number: int) -> Fault | None:
        for fault in self.faults:
            hit = fault.number == number if fault.number else re.search(fault.at, request)
            if hit and fault.times > 0:
                if fault.lasting:
                    fault.number, fault.at = 0, f"^{re.escape(request)}$"
                else:
                    fault.times -= 1
                return fault
        return None

    def _grant(self, headers: Headers, path: str) -> Grant:
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if path.startswith("/app/") and kind == "Bearer" and token.count(".") == 2:
            return Grant("acme", None, {})
        grant = self.tokens.get(token) if kind in {"Bearer", "token"} else None
        if grant is None:
            raise Refusal(401, "Bad credentials")
        return grant

    def git(self, verb: str, target: str, headers: Headers, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer one request of Git's through `git http-backend`."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(self.prefix)
        with self._lock:
            number = len(self.requests) + 1
            self.on_request(number)
            fault = self._fault(f"{verb} {path}", number)
        status, answered, body = self._git_answer(verb, path, parts.query, headers, raw, fault)
        with self._lock:
            self.requests.append(Request("git", verb, f"{path}?{parts.query}".rstrip("?"), status))
        return status, answered, body

    def _git_answer(
        self, verb: str, path: str, query: str, headers: Headers, raw: bytes, fault: Fault | None
    ) -> tuple[int, dict[str, str], bytes]:
        if fault and not fault.after:
            return fault.status, dict(fault.headers), fault.message.encode()
        name = "/".join(path.strip("/").split("/")[:2]).removesuffix(".git")
        repo = self.repositories.get(name.lower())
        kind, _, secret = headers.get("Authorization", "").partition(" ")
        if not kind and repo and repo.visibility == "public" and "git-upload-pack" in f"{path}?{query}":
            grant: Grant | None = Grant("")  # everybody reads what is public
        elif kind != "Basic":
            return 401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, b"authentication required"
        else:
            user, _, token = base64.b64decode(secret).decode().partition(":")
            grant = self.tokens.get(token) if user == "x-access-token" else None
        if grant is None:
            return 401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, b"Invalid username or token."
        if repo is None or self.invisible_for > 0:
            self.invisible_for -= 1
            return 404, {}, b"Repository not found."
        self._write_hook(repo, grant)
        rest = path.strip("/").split("/", 2)[2]
        answer = _http_backend(repo.git_dir, verb, rest, query, headers, raw)
        if fault:
            return fault.status, dict(fault.headers), fault.message.encode()
        return answer

    def _write_hook(self, repo: Repo, grant: Grant) -> None:
        """Refuse as GitHub does: by rules, and workflows without their scope."""
        lines = [f"cat >&2 <<'END'\n{self.push_refusal}\nEND\nexit 1"] if self.push_refusal else []
        if grant.scopes is not None and "workflow" not in grant.scopes:
            lines.append(f"while read old new ref; do {_HAS_WORKFLOW} && {{ {_NO_SCOPE}; }}; done; true")
        hook = repo.git_dir / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\n" + "\n".join(lines or ["cat > /dev/null"]) + "\n")
        hook.chmod(0o755)

    # Handlers, by the description's names of operations

    def get_user(self, call: Call) -> Answer:
        if call.grant.permissions is not None:
            raise Refusal(403, "Resource not accessible by integration")
        return 200, answers.private_user(self.url, call.grant.login)

    def get_public_user(self, call: Call) -> Answer:
        login = call.params["username"].lower()
        if login not in self.users:
            raise Refusal(404, "Not Found")
        return 200, {**answers.private_user(self.url, login), "id": self.users[login]}

    def get_team(self, call: Call) -> Answer:
        teams, slug = self._organisation(call.params["org"]).teams, call.params["team_slug"]
        if slug not in teams:
            raise Refusal(404, "Not Found")
        organisation = answers.organisation(self.url, call.params["org"], members_can_create=True)
        return 200, answers.full_team(self._api("/teams"), slug, organisation)

    def get_membership(self, call: Call) -> Answer:
        role = self._organisation(call.params["org"]).members.get(call.grant.login)
        if role is None:
            raise Refusal(404, "Not Found")
        return 200, answers.membership(self.url, call.params["org"], call.grant.login, role)

    def get_organisation(self, call: Call) -> Answer:
        can_create = self._organisation(call.params["org"]).members_can_create
        return 200, answers.organisation(self.url, call.params["org"], can_create)

    def create_for_user(self, call: Call) -> Answer:
        self._need_scope(call)
        return self._create(call, call.grant.login, "private" if call.body.get("private") else "public")

    def create_for_organisation(self, call: Call) -> Answer:
        self._need_scope(call)
        organisation = self._organisation(call.params["org"])
        if call.grant.permissions is None:
            role = organisation.members.get(call.grant.login)
            if role is None or (role == "member" and not organisation.members_can_create):
                raise Refusal(
                    403, "You need admin access to the organization before adding a repository to it."
                )
        return self._create(call, call.params["org"], call.body.get("visibility", "public"))

    def _create(self, call: Call, owner: str, visibility: str) -> Answer:
        name = call.body["name"]
        if f"{owner}/{name}".lower() in self.repositories:
            errors = [{"resource": "Repository", "code": "custom", "field": "name"}]
            errors[0]["message"] = "name already exists on this account"
            raise Refusal(422, "Repository creation failed.", errors=errors)
        properties = call.body.get("custom_properties", {})
        self._need_properties(owner, properties)
        repo = self._make(owner, name, visibility)
        repo.properties = dict(properties)
        self._change(repo, call.body)
        return 201, self._repository(repo)

    def get_repository(self, call: Call) -> Answer:
        return 200, self._repository(self._repo(call))

    def patch_repository(self, call: Call) -> Answer:
        repo = self._repo(call)
        if "squash_merge_commit_message" in call.body and "squash_merge_commit_title" not in call.body:
            raise Refusal(422, "squash_merge_commit_title is required with squash_merge_commit_message")
        self._change(repo, call.body)
        return 200, self._repository(repo)

    def delete_repository(self, call: Call) -> Answer:
        repo = self._repo(call)
        if call.grant.scopes is not None and "delete_repo" not in call.grant.scopes:
            raise Refusal(
                403,
                "Must have admin rights to Repository.",
                headers={"X-Accepted-OAuth-Scopes": "delete_repo"},
            )
        del self.repositories[repo.full_name.lower()]
        return 204, None

    def get_contents(self, call: Call) -> Answer:
        repo, path = self._repo(call), call.params["path"]
        found = subprocess.run(
            ["git", f"--git-dir={repo.git_dir}", "cat-file", "blob", f"{repo.default_branch}:{path}"],
            capture_output=True,
            check=False,
        )
        if found.returncode:
            raise Refusal(404, "Not Found" if self._head(repo) else "This repository is empty.")
        encoded = base64.encodebytes(found.stdout).decode()
        url = self._api(f"/repos/{repo.full_name}/contents/{path}")
        return 200, answers.content(url, path, encoded, len(found.stdout))

    def get_commits(self, call: Call) -> Answer:
        if not self._head(self._repo(call)):
            raise Refusal(409, "Git Repository is empty.")
        return 200, []

    def put_topics(self, call: Call) -> Answer:
        repo = self._repo(call)
        repo.topics = list(call.body["names"])
        return 200, {"names": repo.topics}

    def get_protection(self, call: Call) -> Answer:
        repo = self._repo(call)
        self._need_plan(repo)
        rules = repo.protection.get(call.params["branch"])
        if rules is None:
            raise Refusal(404, "Branch not protected")
        url = self._api(f"/repos/{repo.full_name}/branches/{call.params['branch']}/protection")
        return 200, answers.protection(url, rules, call.params["branch"] in repo.signatures)

    def put_protection(self, call: Call) -> Answer:
        repo, branch = self._repo(call), call.params["branch"]
        self._need_plan(repo)
        if not _git(repo.git_dir, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"):
            raise Refusal(404, "Branch not found")
        repo.protection[branch] = call.body
        return 200, {"url": self._api(f"/repos/{repo.full_name}/branches/{branch}/protection")}

    def require_signatures(self, call: Call) -> Answer:
        repo, branch = self._repo(call), call.params["branch"]
        repo.signatures.add(branch)
        return 200, {"url": self._api(f"/repos/{repo.full_name}/branches/{branch}"), "enabled": True}

    def list_secrets(self, call: Call) -> Answer:
        return 200, answers.secrets(self._repo(call).secrets)

    def secrets_key(self, call: Call) -> Answer:
        self._repo(call)
        return 200, {
            "key_id": "568250167242549743",
            "key": self._key.public_key.encode(Base64Encoder).decode(),
        }

    def put_secret(self, call: Call) -> Answer:
        secrets, name = self._repo(call).secrets, call.params["secret_name"]
        is_new = name not in secrets
        secrets[name] = call.body["encrypted_value"]
        return (201, {}) if is_new else (204, None)

    def list_variables(self, call: Call) -> Answer:
        return 200, answers.variables(self._repo(call).variables)

    def post_variable(self, call: Call) -> Answer:
        variables = self._repo(call).variables
        if call.body["name"] in variables:
            raise Refusal(409, "Already exists - Variable already exists")
        variables[call.body["name"]] = call.body["value"]
        return 201, {}

    def patch_variable(self, call: Call) -> Answer:
        self._repo(call).variables[call.params["name"]] = call.body["value"]
        return 204, None

    def get_properties(self, call: Call) -> Answer:
        found = self._repo(call).properties.items()
        return 200, [{"property_name": name, "value": value} for name, value in found]

    def patch_properties(self, call: Call) -> Answer:
        repo = self._repo(call)
        values = {each["property_name"]: each["value"] for each in call.body["properties"]}
        self._need_properties(repo.owner, values)
        repo.properties |= values
        return 204, None

    def _need_properties(self, owner: str, values: Mapping[str, Any]) -> None:
        unknown = sorted(values.keys() - self.organisations.get(owner, Organisation()).properties)
        if unknown:
            raise Refusal(422, f"Property '{unknown[0]}' does not exist")

    def get_oidc(self, call: Call) -> Answer:
        return 200, self._repo(call).oidc

    def put_oidc(self, call: Call) -> Answer:
        self._repo(call).oidc = call.body
        return 201, {}

    def get_workflow_access(self, call: Call) -> Answer:
        return 200, {"access_level": self._repo(call).workflow_access}

    def put_workflow_access(self, call: Call) -> Answer:
        self._repo(call).workflow_access = call.body["access_level"]
        return 204, None

    def get_subscription(self, call: Call) -> Answer:
        repo = self._repo(call)
        if call.grant.login not in repo.watchers:
            raise Refusal(404, "Not Found")
        return 200, answers.subscription(self._api(f"/repos/{repo.full_name}"))

    def put_subscription(self, call: Call) -> Answer:
        repo = self._repo(call)
        repo.watchers.add(call.grant.login)
        return 200, answers.subscription(self._api(f"/repos/{repo.full_name}"))

    def list_collaborators(self, call: Call) -> Answer:
        found = self._repo(call).collaborators.items()
        return 200, [{**self._user(user), "role_name": _ROLES.get(role, role)} for user, role in found]

    def list_invitations(self, call: Call) -> Answer:
        repo = self._repo(call)
        return 200, [self._invitation(repo, user, role) for user, role in repo.invitations.items()]

    def put_collaborator(self, call: Call) -> Answer:
        repo, user = self._repo(call), call.params["username"]
        if user in self.organisations.get(repo.owner, Organisation()).members:
            repo.collaborators[user] = call.body["permission"]
            return 204, None
        repo.invitations[user] = call.body["permission"]
        return 201, self._invitation(repo, user, call.body["permission"])

    def list_teams(self, call: Call) -> Answer:
        found = self._repo(call).teams.items()
        return 200, [answers.team(self._api("/teams"), slug, role) for slug, role in found]

    def put_team(self, call: Call) -> Answer:
        if call.params["team_slug"] not in self._organisation(call.params["org"]).teams:
            raise Refusal(404, "Not Found")
        self._repo(call).teams[call.params["team_slug"]] = call.body["permission"]
        return 204, None

    def list_keys(self, call: Call) -> Answer:
        return 200, list(self._repo(call).keys.values())

    def post_key(self, call: Call) -> Answer:
        keys = self._repo(call).keys
        if any(each["key"] == " ".join(call.body["key"].split()[:2]) for each in keys.values()):
            errors = [{"resource": "PublicKey", "code": "custom", "field": "key"}]
            errors[0]["message"] = "key is already in use"
            raise Refusal(422, "Validation Failed", errors=errors)
        number = max(keys, default=0) + 1
        keys[number] = answers.key(self._api("/keys"), number, call.body)
        return 201, keys[number]

    def delete_key(self, call: Call) -> Answer:
        del self._repo(call).keys[int(call.params["key_id"])]
        return 204, None

    def list_hooks(self, call: Call) -> Answer:
        hooks = self._repo(call).hooks
        return 200, [answers.hook(self._api("/hooks"), number, body) for number, body in hooks.items()]

    def post_hook(self, call: Call) -> Answer:
        hooks = self._repo(call).hooks
        hooks[len(hooks) + 1] = call.body
        return 201, answers.hook(self._api("/hooks"), len(hooks), call.body)

    def patch_hook(self, call: Call) -> Answer:
        number = int(call.params["hook_id"])
        self._repo(call).hooks[number] |= call.body
        return 200, answers.hook(self._api("/hooks"), number, self._repo(call).hooks[number])

    def get_environment(self, call: Call) -> Answer:
        return 200, self._environment(call)["answer"]

    def put_environment(self, call: Call) -> Answer:
        name = call.params["environment_name"]
        empty: dict[str, Any] = {"variables": {}, "secrets": {}, "patterns": []}
        made = self._repo(call).environments.setdefault(name, empty)
        logins = {number: login for login, number in self.users.items()}
        reviewers = [
            {
                "type": each["type"],
                "reviewer": {**answers.user(self.url, logins[each["id"]]), "id": each["id"]}
                if each["type"] == "User"
                else answers.team(self._api("/teams"), "platform", "pull"),
            }
            for each in call.body.get("reviewers") or []
        ]
        made["answer"] = answers.environment(self._api("/environments"), name, call.body, reviewers)
        return 200, made["answer"]

    def list_patterns(self, call: Call) -> Answer:
        found = self._environment(call)["patterns"]
        return 200, {"total_count": len(found), "branch_policies": found}

    def post_pattern(self, call: Call) -> Answer:
        environment = self._environment(call)
        if not (environment["answer"]["deployment_branch_policy"] or {}).get("custom_branch_policies"):
            raise Refusal(404, "Not Found")
        made = {"id": len(environment["patterns"]) + 1, "node_id": "P", **call.body}
        environment["patterns"].append(made)
        return 200, made

    def list_environment_variables(self, call: Call) -> Answer:
        return 200, answers.variables(self._environment(call)["variables"])

    def post_environment_variable(self, call: Call) -> Answer:
        self._environment(call)["variables"][call.body["name"]] = call.body["value"]
        return 201, {}

    def patch_environment_variable(self, call: Call) -> Answer:
        self._environment(call)["variables"][call.params["name"]] = call.body["value"]
        return 204, None

    def list_environment_secrets(self, call: Call) -> Answer:
        return 200, answers.secrets(self._environment(call)["secrets"])

    def environment_secrets_key(self, call: Call) -> Answer:
        self._environment(call)
        return self.secrets_key(call)

    def put_environment_secret(self, call: Call) -> Answer:
        self._environment(call)["secrets"][call.params["secret_name"]] = call.body["encrypted_value"]
        return 201, {}

    def _environment(self, call: Call) -> dict[str, Any]:
        found = self._repo(call).environments.get(call.params["environment_name"])
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def list_issues(self, call: Call) -> Answer:
        repo = self._repo(call)
        return 200, [self._issue(repo, each) for each in repo.issues]

    def post_issue(self, call: Call) -> Answer:
        repo = self._repo(call)
        people = [each for each in call.body["assignees"] if each in repo.collaborators or each == "ada"]
        repo.issues.append({**call.body, "number": len(repo.issues) + 1, "assignees": people})
        return 201, self._issue(repo, repo.issues[-1])

    def _issue(self, repo: Repo, issue: Mapping[str, Any]) -> dict[str, Any]:
        people = [self._user(login) for login in issue["assignees"]]
        labels = [answers.label(self._api("/labels"), name) for name in issue["labels"]]
        return answers.own_issue(self.url, repo.full_name, issue, self._user("ada"), people, labels)

    def list_autolinks(self, call: Call) -> Answer:
        return 200, [{"id": number, **each} for number, each in self._repo(call).autolinks.items()]

    def post_autolink(self, call: Call) -> Answer:
        links = self._repo(call).autolinks
        if any(each["key_prefix"] == call.body["key_prefix"] for each in links.values()):
            raise Refusal(422, "Validation Failed")
        number = max(links, default=0) + 1
        links[number] = dict(call.body)
        return 201, {"id": number, **call.body}

    def delete_autolink(self, call: Call) -> Answer:
        del self._repo(call).autolinks[int(call.params["autolink_id"])]
        return 204, None

    def get_pages(self, call: Call) -> Answer:
        repo = self._repo(call)
        if repo.pages is None:
            raise Refusal(404, "Not Found")
        told = {"url": self._api(f"/repos/{repo.full_name}/pages"), "status": None, "cname": None}
        return 200, {**told, "custom_404": False, "public": True, **repo.pages}

    def post_pages(self, call: Call) -> Answer:
        repo = self._repo(call)
        if repo.pages is not None:
            raise Refusal(409, "GitHub Pages is already enabled.")
        repo.pages = dict(call.body)
        return 201, self.get_pages(call)[1]

    def put_pages(self, call: Call) -> Answer:
        self._repo(call).pages = dict(call.body)
        return 204, None

    def list_runs(self, call: Call) -> Answer:
        runs = [each for each in self._repo(call).runs if each["ref"] == call.query["branch"]]
        return 200, {"total_count": len(runs), "workflow_runs": []}

    def post_dispatch(self, call: Call) -> Answer:
        self._repo(call).runs.append({"workflow": call.params["workflow_id"], **call.body})
        return 204, None

    def list_labels(self, call: Call) -> Answer:
        return 200, [answers.label(self._api("/labels"), name) for name in sorted(self._labels(call))]

    def post_labels(self, call: Call) -> Answer:
        self._labels(call).update(call.body["labels"])
        return self.list_labels(call)

    def _labels(self, call: Call) -> set[str]:
        found = self._repo(call).labels.get(call.params["issue_number"])
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def list_pulls(self, call: Call) -> Answer:
        head, state = call.query.get("head"), call.query.get("state", "open")
        found = [each for each in self._repo(call).pulls if head in {None, each["head"]["label"]}]
        return 200, [each for each in reversed(found) if state in {"all", each["state"]}]

    def post_pull(self, call: Call) -> Answer:
        repo = self._repo(call)
        owner, _, branch = call.body["head"].rpartition(":")
        source = self.repositories[f"{owner}/{repo.name}".lower()] if owner else repo
        head = _git(source.git_dir, "rev-parse", f"refs/heads/{branch}")
        if not head:
            errors = [{"resource": "PullRequest", "field": "head", "code": "invalid"}]
            raise Refusal(422, "Validation Failed", errors=errors)
        base = f"refs/heads/{call.body['base']}"
        if source is repo and _git(repo.git_dir, "rev-list", "--count", head, f"^{base}") == "0":
            said = f"No commits between {call.body['base']} and {call.body['head']}"
            raise Refusal(
                422,
                "Validation Failed",
                errors=[{"resource": "PullRequest", "code": "custom", "message": said}],
            )
        label = f"{source.owner}:{branch}"
        if any(each["head"]["label"] == label and each["state"] == "open" for each in repo.pulls):
            said = f"A pull request already exists for {label}."
            errors = [{"resource": "PullRequest", "code": "custom", "message": said}]
            raise Refusal(422, "Validation Failed", errors=errors)
        if call.body.get("draft") and self.free_plan:
            raise Refusal(422, "Draft pull requests are not supported in this repository.")
        by = self._user(call.grant.login)
        made = answers.pull(self.url, self._repository(repo), len(repo.pulls) + 1, call.body, by)
        repo.pulls.append(made)
        return 201, made

    def post_fork(self, call: Call) -> Answer:
        repo, login = self._repo(call), call.grant.login
        found = next((each for each in self.repositories.values() if each.parent is repo), None)
        if found is None:
            found = self._make(login, repo.name, repo.visibility)
            found.parent, found.is_ready = repo, False  # GitHub copies while it answers already
        return 202, self._repository(found)

    def post_merge_upstream(self, call: Call) -> Answer:
        repo, branch = self._repo(call), call.body["branch"]
        assert repo.parent is not None
        if not repo.is_ready:
            repo.is_ready = True
            raise Refusal(404, "Branch not found")
        fetched = subprocess.run(
            [
                "git",
                f"--git-dir={repo.git_dir}",
                "fetch",
                "--quiet",
                str(repo.parent.git_dir),
                f"{branch}:{branch}",
            ],
            capture_output=True,
            check=False,
        )
        if fetched.returncode:
            raise Refusal(409, "There are merge conflicts")
        return 200, {"message": "Successfully fetched and fast-forwarded", "merge_type": "fast-forward"}

    def post_reviewers(self, call: Call) -> Answer:
        pull = self._pull(call, "pull_number")
        known = self.organisations[call.params["owner"]]
        people, teams = call.body.get("reviewers", []), call.body.get("team_reviewers", [])
        if not known.members.keys() >= set(people) or not known.teams >= set(teams):
            raise Refusal(422, "Reviews may only be requested from collaborators.")
        pull["requested_reviewers"] += [self._user(login) for login in people]
        pull["requested_teams"] += [answers.team(self._api("/teams"), slug, "push") for slug in teams]
        return 201, pull

    def list_reviews(self, call: Call) -> Answer:
        pull, by = self._pull(call, "pull_number"), self._repo(call).reviewers
        return 200, [answers.review(pull, number, self._user(login)) for number, login in enumerate(by, 1)]

    def post_assignees(self, call: Call) -> Answer:
        pull = self._pull(call, "issue_number")
        members = self.organisations[call.params["owner"]].members
        # Whoever cannot be assigned is left out without a word.
        pull["assignees"] += [self._user(login) for login in call.body["assignees"] if login in members]
        return 201, answers.issue(pull)

    def _pull(self, call: Call, number: str) -> dict[str, Any]:
        return self._repo(call).pulls[int(call.params[number]) - 1]

    def get_installation(self, call: Call) -> Answer:
        return 200, answers.installation(self._api("/app/installations/77"), self._user("acme"))

    def post_installation_token(self, call: Call) -> Answer:
        permissions = {
            "administration": "write",
            "contents": "write",
            "workflows": "write",
            "secrets": "write",
        }
        self.tokens["ghs_app"] = Grant("acme", None, permissions)
        return 201, {"token": "ghs_app", "expires_at": "2026-11-24T10:00:00Z", "permissions": permissions}

    # State

    def _make(self, owner: str, name: str, visibility: str) -> Repo:
        self._made += 1  # so that one that was deleted leaves nothing to the next of its name
        git_dir = self.folder / owner / f"{name}-{self._made}.git"
        command = ["git", "init", "--bare", "--quiet", "--initial-branch=main", str(git_dir)]
        subprocess.run(command, check=True)
        _git(git_dir, "config", "http.receivepack", "true")
        _git(git_dir, "config", "uploadpack.allowFilter", "true")
        repo = Repo(owner, name, git_dir, visibility, self._made)
        self.repositories[repo.full_name.lower()] = repo
        return repo

    def _repo(self, call: Call) -> Repo:
        repo = self.repositories.get(f"{call.params['owner']}/{call.params['repo']}".lower())
        scopes = call.grant.scopes
        hidden = scopes is not None and "repo" not in scopes and repo and repo.visibility != "public"
        if repo is None or hidden:
            raise Refusal(404, "Not Found")
        return repo

    def _change(self, repo: Repo, body: Mapping[str, Any]) -> None:
        for key, value in body.items():
            if key in repo.flags:
                # Plans without a feature take the request and leave the setting.
                repo.flags[key] = value and not (self.free_plan and key == "allow_auto_merge")
            elif key in _TEXTS:
                setattr(repo, key, value)

    def _organisation(self, name: str) -> Organisation:
        found = self.organisations.get(name)
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def _need_scope(self, call: Call) -> None:
        if call.grant.scopes is not None and "repo" not in call.grant.scopes:
            raise Refusal(404, "Not Found", headers={"X-Accepted-OAuth-Scopes": "public_repo, repo"})

    def _need_plan(self, repo: Repo) -> None:
        if self.free_plan and repo.visibility == "private":
            raise Refusal(403, UPGRADE)

    def _head(self, repo: Repo) -> str:
        return _git(repo.git_dir, "rev-parse", "--verify", "--quiet", f"refs/heads/{repo.default_branch}")

    # Answers

    def _api(self, path: str) -> str:
        return f"{self.url}/api/v3{path}"

    def _user(self, login: str) -> dict[str, Any]:
        return answers.user(self.url, login, "Organization" if login in self.organisations else "User")

    def _repository(self, repo: Repo) -> dict[str, Any]:
        state = {**repo.flags, **{name: getattr(repo, name) for name in ("id", "topics", *_TEXTS)}}
        made = answers.repository(self.url, repo.full_name, self._user(repo.owner), state)
        return (
            made if repo.parent is None else {**made, "fork": True, "parent": self._repository(repo.parent)}
        )

    def _invitation(self, repo: Repo, user: str, role: str) -> dict[str, Any]:
        people = (self._user("ada"), self._user(user))
        url = self._api("/invitations/1")
        return answers.invitation(url, _ROLES.get(role, role), people, self._repository(repo))


Handler = Callable[[FakeGithub, Call], Answer]
_REPO = "/repos/{owner}/{repo}"
_BRANCH = f"{_REPO}/branches/{{branch}}"
_ENVIRONMENT = f"{_REPO}/environments/{{environment_name}}"
_WORKFLOW = f"{_REPO}/actions/workflows/{{workflow_id}}"
ROUTES: dict[str, Handler] = {
    "GET /user": FakeGithub.get_user,
    "GET /users/{username}": FakeGithub.get_public_user,
    "GET /orgs/{org}/teams/{team_slug}": FakeGithub.get_team,
    "GET /user/memberships/orgs/{org}": FakeGithub.get_membership,
    "POST /user/repos": FakeGithub.create_for_user,
    "GET /orgs/{org}": FakeGithub.get_organisation,
    "POST /orgs/{org}/repos": FakeGithub.create_for_organisation,
    "PUT /orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}": FakeGithub.put_team,
    f"GET {_REPO}": FakeGithub.get_repository,
    f"PATCH {_REPO}": FakeGithub.patch_repository,
    f"DELETE {_REPO}": FakeGithub.delete_repository,
    f"GET {_REPO}/contents/{{path}}": FakeGithub.get_contents,
    f"GET {_REPO}/commits": FakeGithub.get_commits,
    f"PUT {_REPO}/topics": FakeGithub.put_topics,
    f"GET {_BRANCH}/protection": FakeGithub.get_protection,
    f"PUT {_BRANCH}/protection": FakeGithub.put_protection,
    f"POST {_BRANCH}/protection/required_signatures": FakeGithub.require_signatures,
    f"GET {_REPO}/actions/secrets": FakeGithub.list_secrets,
    f"GET {_REPO}/actions/secrets/public-key": FakeGithub.secrets_key,
    f"PUT {_REPO}/actions/secrets/{{secret_name}}": FakeGithub.put_secret,
    f"GET {_REPO}/actions/variables": FakeGithub.list_variables,
    f"POST {_REPO}/actions/variables": FakeGithub.post_variable,
    f"PATCH {_REPO}/actions/variables/{{name}}": FakeGithub.patch_variable,
    f"GET {_REPO}/properties/values": FakeGithub.get_properties,
    f"PATCH {_REPO}/properties/values": FakeGithub.patch_properties,
    f"GET {_REPO}/actions/oidc/customization/sub": FakeGithub.get_oidc,
    f"PUT {_REPO}/actions/oidc/customization/sub": FakeGithub.put_oidc,
    f"GET {_REPO}/actions/permissions/access": FakeGithub.get_workflow_access,
    f"PUT {_REPO}/actions/permissions/access": FakeGithub.put_workflow_access,
    f"GET {_REPO}/subscription": FakeGithub.get_subscription,
    f"PUT {_REPO}/subscription": FakeGithub.put_subscription,
    f"GET {_REPO}/collaborators": FakeGithub.list_collaborators,
    f"PUT {_REPO}/collaborators/{{username}}": FakeGithub.put_collaborator,
    f"GET {_REPO}/invitations": FakeGithub.list_invitations,
    f"GET {_REPO}/teams": FakeGithub.list_teams,
    f"GET {_REPO}/keys": FakeGithub.list_keys,
    f"POST {_REPO}/keys": FakeGithub.post_key,
    f"DELETE {_REPO}/keys/{{key_id}}": FakeGithub.delete_key,
    f"GET {_REPO}/hooks": FakeGithub.list_hooks,
    f"POST {_REPO}/hooks": FakeGithub.post_hook,
    f"PATCH {_REPO}/hooks/{{hook_id}}": FakeGithub.patch_hook,
    f"GET {_ENVIRONMENT}": FakeGithub.get_environment,
    f"PUT {_ENVIRONMENT}": FakeGithub.put_environment,
    f"GET {_ENVIRONMENT}/deployment-branch-policies": FakeGithub.list_patterns,
    f"POST {_ENVIRONMENT}/deployment-branch-policies": FakeGithub.post_pattern,
    f"GET {_ENVIRONMENT}/variables": FakeGithub.list_environment_variables,
    f"POST {_ENVIRONMENT}/variables": FakeGithub.post_environment_variable,
    f"PATCH {_ENVIRONMENT}/variables/{{name}}": FakeGithub.patch_environment_variable,
    f"GET {_ENVIRONMENT}/secrets": FakeGithub.list_environment_secrets,
    f"GET {_ENVIRONMENT}/secrets/public-key": FakeGithub.environment_secrets_key,
    f"PUT {_ENVIRONMENT}/secrets/{{secret_name}}": FakeGithub.put_environment_secret,
    f"GET {_REPO}/issues": FakeGithub.list_issues,
    f"POST {_REPO}/issues": FakeGithub.post_issue,
    f"GET {_REPO}/autolinks": FakeGithub.list_autolinks,
    f"POST {_REPO}/autolinks": FakeGithub.post_autolink,
    f"DELETE {_REPO}/autolinks/{{autolink_id}}": FakeGithub.delete_autolink,
    f"GET {_REPO}/pages": FakeGithub.get_pages,
    f"POST {_REPO}/pages": FakeGithub.post_pages,
    f"PUT {_REPO}/pages": FakeGithub.put_pages,
    f"GET {_WORKFLOW}/runs": FakeGithub.list_runs,
    f"POST {_WORKFLOW}/dispatches": FakeGithub.post_dispatch,
    f"GET {_REPO}/issues/{{issue_number}}/labels": FakeGithub.list_labels,
    f"POST {_REPO}/issues/{{issue_number}}/labels": FakeGithub.post_labels,
    f"POST {_REPO}/forks": FakeGithub.post_fork,
    f"POST {_REPO}/merge-upstream": FakeGithub.post_merge_upstream,
    f"GET {_REPO}/pulls": FakeGithub.list_pulls,
    f"POST {_REPO}/pulls": FakeGithub.post_pull,
    f"GET {_REPO}/pulls/{{pull_number}}/reviews": FakeGithub.list_reviews,
    f"POST {_REPO}/pulls/{{pull_number}}/requested_reviewers": FakeGithub.post_reviewers,
    f"POST {_REPO}/issues/{{issue_number}}/assignees": FakeGithub.post_assignees,
    "GET /app/installations/{installation_id}": FakeGithub.get_installation,
    "POST /app/installations/{installation_id}/access_tokens": FakeGithub.post_installation_token,
}


def _route(verb: str, path: str) -> tuple[str, dict[str, str], Handler]:
    for operation, handler in ROUTES.items():
        wanted, _, template = operation.partition(" ")
        pattern = re.sub(
            r"\{(\w+)\}", lambda name: f"(?P<{name[1]}>{'.+' if name[1] == 'path' else '[^/]+'})", template
        )
        found = re.fullmatch(pattern, path)
        if wanted == verb and found:
            return operation, {key: unquote(value) for key, value in found.groupdict().items()}, handler
    raise AssertionError(f"the fake does not know {verb} {path}")


def _git(git_dir: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={git_dir}", *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _http_backend(
    git_dir: Path, verb: str, rest: str, query: str, headers: Headers, raw: bytes
) -> tuple[int, dict[str, str], bytes]:
    done = subprocess.run(
        ["git", "http-backend"],
        input=raw,
        capture_output=True,
        check=True,
        env={
            **{
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(git_dir.parent),
                "GIT_HTTP_EXPORT_ALL": "1",
            },
            **{"PATH_INFO": f"/{git_dir.name}/{rest}", "QUERY_STRING": query, "REQUEST_METHOD": verb},
            **{"CONTENT_TYPE": headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(raw))},
            **{"REMOTE_USER": "x-access-token", "GIT_PROTOCOL": headers.get("Git-Protocol", "")},
        },
    )
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    answered = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return int(answered.pop("Status", "200").split()[0]), answered, body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeGithub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave out what a client that was killed makes of its connection."""
        import sys

        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms for somebody to confirm the headers
    server: _Server

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        raw = self._body()
        fake = self.server.fake
        if urlsplit(self.path).path.startswith(f"{fake.prefix}/api/v3/"):
            status, answer, told = fake.rest(self.command, self.path, self.headers, raw)
            body = b"" if answer is None else json.dumps(answer).encode()
            told = {**told, "Content-Type": "application/json; charset=utf-8"}
        else:
            status, told, body = fake.git(self.command, self.path, self.headers, raw)
        if status == 0:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            raw = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[FakeGithub]:
    """Run a GitHub until the block ends."""
    fake = FakeGithub(folder, **settings)
    try:
        yield fake
    finally:
        fake.stop()
