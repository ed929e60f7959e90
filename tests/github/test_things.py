"""The actions for webhooks, keys, environments, workflows and labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kickstart.tools import Repository
from kickstart.tools.github.address import parse
from kickstart.tools.github.credentials import Token
from kickstart.tools.github.forge import GithubForge
from tests.cli.support import NAME, OWNER, Cli, LocalForge, fetch, git, page, publish, write_template
from tests.github.fake import FakeGithub, Fault, Repo
from tests.github.support import PASSWORD, SECRET, TOKEN, create

URL = "github.com?owner=${{ parameters.owner }}&repo=${{ parameters.name }}"
PASSWORD_INPUT = "${{ secrets.password }}"
HOOK = {"webhookUrl": "https://ci.example.com/hook", "webhookSecret": PASSWORD_INPUT, "events": ["push"]}
KEY = {"publicKey": "ssh-ed25519 AAAAC3 ci", "privateKey": PASSWORD_INPUT, "deployKeyName": "ci-writer"}
ENVIRONMENT = {
    "name": "prod",
    "waitTimer": 5,
    "deploymentBranchPolicy": {"protected_branches": False, "custom_branch_policies": True},
    "customBranchPolicyNames": ["main", "release/*"],
    "customTagPolicyNames": ["v*"],
    "preventSelfReview": True,
    "reviewers": ["user:default/grace", "group:platform"],
    "environmentVariables": {"region": "eu"},
    "secrets": {"token": PASSWORD_INPUT},
}
DISPATCH = {"workflowId": "ci.yaml", "branchOrTagName": "main", "workflowInputs": {"level": "high"}}
LABELS = {"number": "1", "labels": ["ai", "rag"]}
AUTOLINK = {"keyPrefix": "SHOP-", "urlTemplate": "https://tickets.example.com/SHOP-<num>"}
PAGES = {"buildType": "legacy", "sourcePath": "/docs"}
ISSUE = {"title": 'Say "hello" & go', "body": "The first steps.", "assignees": ["ada"], "labels": ["start"]}
ACTIONS: dict[str, dict[str, Any]] = {
    "github:webhook": HOOK,
    "github:deployKey:create": KEY,
    "github:environment:create": ENVIRONMENT,
    "github:actions:dispatch": DISPATCH,
    "github:issues:label": LABELS,
    "github:issues:create": ISSUE,
    "github:autolinks:create": AUTOLINK,
    "github:pages:enable": PAGES,
}
TARGETS = {
    "github:webhook": "webhook of acme/demo",
    "github:deployKey:create": "deploy key ci-writer of acme/demo",
    "github:environment:create": "environment prod of acme/demo",
    "github:actions:dispatch": "run of ci.yaml of acme/demo",
    "github:issues:label": "labels of #1 of acme/demo",
    "github:issues:create": "issue 'Say \"hello\" & go' of acme/demo",
    "github:autolinks:create": "autolink SHOP- of acme/demo",
    "github:pages:enable": "pages of acme/demo",
}


def template(folder: Path, *names: str) -> Path:
    """A template that publishes a repository, and then does each of these."""
    steps = [
        {"id": f"s{i}", "action": name, "input": {"repoUrl": URL, **ACTIONS[name]}}
        for i, name in enumerate(names)
    ]
    return write_template(
        folder, [fetch(), publish(), *steps], page(name=NAME, owner=OWNER, password=PASSWORD)
    )


def _review(repo: Repo) -> dict[str, Any]:
    rules = repo.environments["prod"]["answer"]["protection_rules"]
    found: dict[str, Any] = next(each for each in rules if each["type"] == "required_reviewers")
    return found


def _reviewers(environment: dict[str, Any]) -> tuple[bool, list[str]]:
    """Whether who deploys may not approve, and who may."""
    *_, rule = environment["answer"]["protection_rules"]
    people = [each["reviewer"] for each in rule["reviewers"]]
    return rule["prevent_self_review"], [each.get("login") or each["slug"] for each in people]


def test_all_are_made_after_the_repository_and_stay_made(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    made = template(tmp_path / "x", *ACTIONS)

    planned = create(cli, made, "--dry-run")
    done = create(cli, made)
    written = github.writes()
    again = create(cli, made)

    assert [f"create  {target}" in planned.out for target in TARGETS.values()] == [True] * 8
    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert github.writes() == written
    assert create(cli, made, "--dry-run").out.count("(its secret stays: see --renew-secrets)") == 3
    repo = github.repositories["acme/demo"]
    assert repo.hooks[1]["config"] == {
        "url": "https://ci.example.com/hook",
        "content_type": "form",
        "insecure_ssl": "0",
        "secret": SECRET,
    }
    assert [(each["title"], each["read_only"]) for each in repo.keys.values()] == [("ci-writer", False)]
    assert github.secret("acme/demo", "KEY_CI_WRITER") == SECRET
    prod = repo.environments["prod"]
    assert prod["answer"]["deployment_branch_policy"] == {
        "protected_branches": False,
        "custom_branch_policies": True,
    }
    patterns = [(each["type"], each["name"]) for each in prod["patterns"]]
    assert patterns == [("branch", "main"), ("branch", "release/*"), ("tag", "v*")]
    assert _reviewers(prod) == (True, ["grace", "platform"])
    assert prod["variables"] == {"REGION": "eu"}
    assert list(prod["secrets"]) == ["TOKEN"]
    assert repo.runs == [{"workflow": "ci.yaml", "ref": "main", "inputs": {"level": "high"}}]
    assert repo.labels["1"] == {"ai", "rag"}
    [issue] = repo.issues
    assert issue == {**ISSUE, "number": 1}
    [link] = repo.autolinks.values()
    assert link == {
        "key_prefix": "SHOP-",
        "url_template": "https://tickets.example.com/SHOP-<num>",
        "is_alphanumeric": True,
    }
    assert repo.pages == {"build_type": "legacy", "source": {"branch": "main", "path": "/docs"}}
    assert SECRET not in done.out + done.err + planned.out + planned.err


def test_secrets_are_set_again_when_their_renewal_is_asked_for(
    cli: Cli, github: FakeGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = template(tmp_path / "x", *ACTIONS)
    create(cli, made)
    monkeypatch.setenv("KICKSTART_PARAMETER_PASSWORD", "another")
    written = len(github.writes())

    renewed = create(cli, made, "--renew-secrets")

    assert renewed.code == 0, renewed.err
    assert github.writes()[written:] == [
        "PATCH /repos/acme/demo/hooks/1",
        "PUT /repos/acme/demo/actions/secrets/KEY_CI_WRITER",
        "PUT /repos/acme/demo/environments/prod",
        "PUT /repos/acme/demo/environments/prod/secrets/TOKEN",
    ]
    assert github.repositories["acme/demo"].hooks[1]["config"]["secret"] == "another"
    assert github.secret("acme/demo", "KEY_CI_WRITER") == "another"


def test_reviewers_and_patterns_of_the_team_stay(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    made = template(tmp_path / "x", "github:environment:create")
    create(cli, made)
    repo = github.repositories["acme/demo"]
    prod = repo.environments["prod"]
    alan = {
        "type": "User",
        "reviewer": {**_review(repo)["reviewers"][0]["reviewer"], "login": "alan", "id": 3},
    }
    _review(repo)["reviewers"] = [alan]
    prod["patterns"] = [{"id": 9, "node_id": "P", "name": "hotfix/*", "type": "branch"}]

    done = create(cli, made)

    assert done.code == 0, done.err
    assert _reviewers(prod) == (True, ["grace", "platform", "alan"])
    assert [each["name"] for each in prod["patterns"]] == ["hotfix/*", "main", "release/*", "v*"]


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"reviewers": ["user:nobody"]}, 4, "GitHub knows no user nobody, but the environment prod wants"),
        ({"reviewers": ["group:ops"]}, 4, "GitHub knows no team ops of acme that this token may see"),
        ({"reviewers": ["grace"]}, 3, "'grace' is no reviewer: write user:LOGIN, or group:TEAM"),
        (
            {"deploymentBranchPolicy": {"protected_branches": True}},
            3,
            "deploymentBranchPolicy admits protected branches, and no patterns beside them",
        ),
    ],
)
def test_rules_of_an_environment_that_cannot_be_stop_before_the_first_write(
    cli: Cli, github: FakeGithub, tmp_path: Path, changed: dict[str, Any], code: int, said: str
) -> None:
    step = {"action": "github:environment:create", "input": {"repoUrl": URL, **ENVIRONMENT, **changed}}
    parameters = page(name=NAME, owner=OWNER, password=PASSWORD)

    refused = create(cli, write_template(tmp_path / "x", [fetch(), publish(), step], parameters))

    assert refused.code == code, refused.err
    assert said in refused.err
    assert "Hint: " in refused.err or code == 3
    assert github.writes() == []


def test_patterns_alone_admit_what_they_name(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    asked = {"repoUrl": URL, "name": "prod", "customTagPolicyNames": ["v*"]}
    step = {"action": "github:environment:create", "input": asked}

    done = create(cli, write_template(tmp_path / "x", [fetch(), publish(), step]))

    assert done.code == 0, done.err
    prod = github.repositories["acme/demo"].environments["prod"]
    assert prod["answer"]["deployment_branch_policy"]["custom_branch_policies"] is True
    assert [(each["type"], each["name"]) for each in prod["patterns"]] == [("tag", "v*")]


def test_an_issue_is_found_by_its_title_and_says_whom_it_could_not_be_given(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    asked = {"repoUrl": URL, **ISSUE, "assignees": ["ada", "alan"]}
    step = {"id": "issue", "action": "github:issues:create", "input": asked}
    done = create(cli, write_template(tmp_path / "x", [fetch(), publish(), step]))

    assert done.code == 0, done.err
    assert f"GitHub ignores the assignees alan of {github.url}/acme/demo/issues/1" in done.err
    search = parse("https://github.com").issue_url(Repository("acme", "demo"), 'Say "hello" & go')
    words = "Say%20%20hello%20%20%26%20go"
    assert search == f"https://github.com/acme/demo/issues?q=is%3Aissue+in%3Atitle+%22{words}%22"


def test_an_issue_that_a_step_opens_is_labelled_by_the_next(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    number = "${{ steps.issue.output.issueNumber }}"
    steps = [
        {"id": "issue", "action": "github:issues:create", "input": {"repoUrl": URL, **ISSUE}},
        {"action": "github:issues:label", "input": {"repoUrl": URL, "number": number, "labels": ["new"]}},
    ]
    template = write_template(tmp_path / "x", [fetch(), publish(), *steps])

    done = create(cli, template)
    again = create(cli, template)

    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert github.repositories["acme/demo"].labels["1"] >= {"new"}
    assert "demo is unchanged" in again.out


def test_files_with_a_number_that_nobody_knows_yet_are_named(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    other = "github.com?owner=acme&repo=other"
    github.add("acme", "other", {"a": b"x"})
    dispatch = {"workflowId": "ci.yml", "branchOrTagName": "main", "returnWorkflowRunDetails": True}
    steps = [
        {"id": "issue", "action": "github:issues:create", "input": {"repoUrl": other, "title": "Hello"}},
        {"id": "run", "action": "github:actions:dispatch", "input": {"repoUrl": other, **dispatch}},
        fetch(
            {
                "issue": "${{ steps.issue.output.issueNumber }}",
                "run": "${{ steps.run.output.workflowRunId }}",
                "page": "${{ steps.run.output.workflowRunHtmlUrl }}",
            }
        ),
        publish(),
    ]
    files = {"a.md.j2": b"${{ values.issue }} ${{ values.run }} ${{ values.page }}", "b.md": b""}
    template = write_template(tmp_path / "x", steps, files=files)

    done = create(cli, template)

    assert done.code == 0, done.err
    issue, run = "<number of the issue Hello>", "<number of the run of ci.yml>"
    assert f"Note: what only a forge will number stands as {issue}, {run} in a.md" in done.err
    made = github.repositories["acme/demo"].git_dir
    page = f"{github.url}/acme/other/actions/workflows/ci.yml"
    assert git(f"--git-dir={made}", "show", "main:a.md") == f"{issue} {run} {page}"


@pytest.mark.parametrize(
    ("action", "at"), [("github:issues:create", "/issues$"), ("github:actions:dispatch", "/dispatches$")]
)
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("status", [0, 502])
def test_what_would_be_there_twice_is_not_sent_again(
    cli: Cli, github: FakeGithub, tmp_path: Path, action: str, at: str, status: int, after: bool
) -> None:
    made = template(tmp_path / "x", action)
    github.faults = [Fault(f"POST .*{at}", status, after=after)]

    failed = create(cli, made)
    done = create(cli, made)

    assert (failed.code, done.code) == (6, 0), failed.err + done.err
    assert "was lost, and it may have been done" in failed.err
    assert "run the same command again: it looks first" in failed.err
    repo = github.repositories["acme/demo"]
    assert len(repo.issues) + len(repo.runs) == 1


RULES = {"requiredApprovingReviewCount": 2, "restrictions": {"users": [], "teams": ["platform"]}}


def protecting(folder: Path, **more: Any) -> Path:
    """A template that protects the branch by a step of its own."""
    made = publish()
    made["input"] |= {"protectDefaultBranch": False}
    step = {"action": "github:branch-protection:create", "input": {"repoUrl": URL, **RULES, **more}}
    return write_template(folder, [fetch(), made, step])


@pytest.mark.parametrize(("branch", "shown"), [("main", "branch main"), ("", "default branch")])
def test_a_branch_is_protected_and_stays_so(
    cli: Cli, github: FakeGithub, tmp_path: Path, branch: str, shown: str
) -> None:
    made = protecting(tmp_path / "x", enforceAdmins=False, **({"branch": branch} if branch else {}))

    planned = create(cli, made, "--dry-run")
    done = create(cli, made)
    written = github.writes()
    again = create(cli, made)
    rules = github.repositories["acme/demo"].protection["main"]
    rules["required_pull_request_reviews"]["required_approving_review_count"] = 1
    weakened = create(cli, made, "--dry-run")
    create(cli, made)

    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert "unchanged" in again.out
    assert [each for each in written if "protection" in each] == [
        "PUT /repos/acme/demo/branches/main/protection"
    ]
    assert f"create  protection of the {shown} of acme/demo" in planned.out
    assert f"update  protection of the {shown} of acme/demo" in weakened.out
    rules = github.repositories["acme/demo"].protection["main"]
    assert rules["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert rules["restrictions"] == {"users": [], "teams": ["platform"], "apps": []}
    assert rules["enforce_admins"] is False


@pytest.mark.parametrize("branch", ["main", ""])
def test_of_steps_that_protect_one_branch_the_last_one_stands(
    cli: Cli, github: FakeGithub, tmp_path: Path, branch: str
) -> None:
    published = publish()
    published["input"] |= {"requiredCommitSigning": True, "requireCodeOwnerReviews": True}
    step = {"action": "github:branch-protection:create"}
    first = {**step, "input": {"repoUrl": URL, "branch": "main", "requireLastPushApproval": True}}
    last = {**step, "input": {"repoUrl": URL, **RULES, **({"branch": branch} if branch else {})}}
    made = write_template(tmp_path / "x", [fetch(), published, first, last])

    done = create(cli, made)
    written = github.writes()
    again = [create(cli, made) for _ in range(2)]
    repo = github.repositories["acme/demo"]
    repo.signatures.clear()
    create(cli, made)

    assert (done.code, [each.code for each in again]) == (0, [0, 0]), done.err
    assert [each for each in written if "protection" in each] == [
        "PUT /repos/acme/demo/branches/main/protection",
        "POST /repos/acme/demo/branches/main/protection/required_signatures",
    ]
    assert ["demo is unchanged" in each.out for each in again] == [True, True]
    reviews = repo.protection["main"]["required_pull_request_reviews"]
    assert reviews["required_approving_review_count"] == 2
    assert not reviews["require_code_owner_reviews"] and not reviews["require_last_push_approval"]
    assert repo.signatures == {"main"}


def test_another_branch_is_protected_besides(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    step = {"action": "github:branch-protection:create", "input": {"repoUrl": URL, "branch": "main"}}
    other = {**step, "input": {**step["input"], "repoUrl": f"{URL}-b"}}  # type: ignore[dict-item]
    made = write_template(
        tmp_path / "x", [fetch(), publish(), publish("${{ parameters.name }}-b", id="b"), step, other]
    )

    done = create(cli, made)

    assert done.code == 0, done.err
    assert [each for each in github.writes() if "protection" in each] == [
        "PUT /repos/acme/demo/branches/main/protection",
        "PUT /repos/acme/demo-b/branches/main/protection",
    ]


def test_protection_that_nobody_pays_for_is_a_note(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    github.free_plan = True

    done = create(cli, protecting(tmp_path / "x", branch="main"))

    assert done.code == 0, done.err
    assert "the branch main of acme/demo is not protected: Upgrade to GitHub Pro" in done.out + done.err


@pytest.mark.parametrize(
    ("number", "said"),
    [("shop", "'shop' is not the number of an issue"), (0, "must be greater than or equal to 1")],
)
def test_what_is_no_number_of_an_issue_is_told(
    cli: Cli, github: FakeGithub, tmp_path: Path, number: Any, said: str
) -> None:
    step = {"action": "github:issues:label", "input": {"repoUrl": URL, **LABELS, "number": number}}

    refused = create(cli, write_template(tmp_path / "x", [fetch(), publish(), step]))

    assert refused.code == 3
    assert said in refused.err


@pytest.mark.parametrize(
    ("action", "undo", "change"),
    [
        ("github:webhook", lambda repo: repo.hooks[1].update(events=["release"]), "update"),
        ("github:webhook", lambda repo: repo.hooks.clear(), "create"),
        ("github:deployKey:create", lambda repo: repo.keys[1].update(read_only=True), "update"),
        ("github:environment:create", lambda repo: repo.environments["prod"]["variables"].clear(), "update"),
        (
            "github:environment:create",
            lambda repo: repo.environments["prod"]["variables"].update(REGION="us"),
            "update",
        ),
        ("github:environment:create", lambda repo: repo.environments["prod"]["secrets"].clear(), "update"),
        ("github:environment:create", lambda repo: repo.environments.clear(), "create"),
        ("github:environment:create", lambda repo: repo.environments["prod"]["patterns"].pop(), "update"),
        ("github:environment:create", lambda repo: _review(repo)["reviewers"].pop(), "update"),
        (
            "github:environment:create",
            lambda repo: _review(repo).update(prevent_self_review=False),
            "update",
        ),
        ("github:actions:dispatch", lambda repo: repo.runs.clear(), "create"),
        ("github:issues:label", lambda repo: repo.labels["1"].discard("ai"), "create"),
        ("github:issues:create", lambda repo: repo.issues.clear(), "create"),
        ("github:issues:create", lambda repo: repo.issues[0].update(is_pull=True), "create"),
        ("github:autolinks:create", lambda repo: repo.autolinks.clear(), "create"),
        ("github:autolinks:create", lambda repo: repo.autolinks[1].update(is_alphanumeric=False), "update"),
        ("github:pages:enable", lambda repo: setattr(repo, "pages", None), "create"),
        ("github:pages:enable", lambda repo: repo.pages.update(build_type="workflow"), "update"),
    ],
)
def test_what_was_undone_is_made_again(
    cli: Cli, github: FakeGithub, tmp_path: Path, action: str, undo: Callable[[Repo], None], change: str
) -> None:
    made = template(tmp_path / "x", action)
    create(cli, made)
    undo(github.repositories["acme/demo"])

    planned = create(cli, made, "--dry-run")
    done = create(cli, made)
    again = create(cli, made)

    assert f"{change}  {TARGETS[action]}" in planned.out
    assert done.code == 0, done.err
    assert "demo is unchanged" in again.out


def test_a_local_forge_says_what_it_does_not_have(cli: Cli, local_forge: LocalForge, tmp_path: Path) -> None:
    made = template(tmp_path / "x", *ACTIONS)

    planned = cli("create", "demo", "--template", made, "--dry-run")
    done = cli("create", "demo", "--template", made)

    for target in TARGETS.values():
        assert f"unchanged  {target} (the local forge {local_forge.folder} has no such thing)" in planned.out
    assert done.code == 0
    assert set(local_forge.commits()) == {"demo.git"}


def test_an_issue_that_is_not_there_is_told(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    made = template(tmp_path / "x", "github:issues:label")
    create(cli, made)
    github.repositories["acme/demo"].labels.clear()

    done = create(cli, made)

    assert done.code == 4
    assert "POST /repos/acme/demo/issues/1/labels: Not Found" in done.err


def test_a_secret_may_not_be_where_others_read_it(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    step = {"id": "hook", "action": "github:webhook", "input": {"repoUrl": URL, "webhookUrl": PASSWORD_INPUT}}
    parameters = page(name=NAME, owner=OWNER, password=PASSWORD)

    done = create(cli, write_template(tmp_path / "x", [fetch(), publish(), step], parameters))

    assert done.code == 3
    assert "would write the secret 'password' into webhookUrl" in done.err


# Argo CD's access to a private repository

DEMO = Repository("acme", "demo")


@pytest.fixture
def forge(github: FakeGithub) -> GithubForge:
    github.add("acme", "demo", {"README.md": b"x"})
    return GithubForge(parse(github.url), lambda: Token(TOKEN, "a test"))


def test_a_key_is_made_that_reads_and_no_more(forge: GithubForge, github: FakeGithub) -> None:
    access = forge.grant_read(DEMO, "Argo CD")

    assert access is not None
    [key] = github.repositories["acme/demo"].keys.values()
    assert (key["title"], key["read_only"]) == ("Argo CD", True)
    assert access.private_key.get_secret_value().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert access.url == forge.address.ssh_url(DEMO) == "git@localhost:acme/demo.git"
    assert "PRIVATE" not in repr(access)
    assert forge.grants_read(DEMO, "Argo CD", access.fingerprint)


def test_a_new_key_takes_the_place_of_the_old_one(forge: GithubForge, github: FakeGithub) -> None:
    first = forge.grant_read(DEMO, "Argo CD")
    forge.grant_read(DEMO, "another")
    second = forge.grant_read(DEMO, "Argo CD")

    assert first is not None
    assert second is not None
    titles = [each["title"] for each in github.repositories["acme/demo"].keys.values()]
    assert sorted(titles) == ["Argo CD", "another"]
    assert not forge.grants_read(DEMO, "Argo CD", first.fingerprint)
    assert forge.grants_read(DEMO, "Argo CD", second.fingerprint)


def test_a_key_whose_answer_was_lost_is_there_once(
    forge: GithubForge, github: FakeGithub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kickstart.tools.github.retry.time.sleep", lambda seconds: None)
    github.faults = [Fault("POST /repos/acme/demo/keys", 502, after=True)]

    access = forge.grant_read(DEMO, "Argo CD")

    assert access is not None
    assert forge.grants_read(DEMO, "Argo CD", access.fingerprint)


def test_openssh_agrees_about_the_fingerprint(forge: GithubForge, github: FakeGithub, tmp_path: Path) -> None:
    import shutil
    import subprocess

    if shutil.which("ssh-keygen") is None:
        pytest.skip("NOT TESTED against OpenSSH: ssh-keygen is not installed")
    access = forge.grant_read(DEMO, "Argo CD")
    assert access is not None
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_text(access.private_key.get_secret_value())

    done = subprocess.run(["ssh-keygen", "-l", "-f", file], capture_output=True, text=True, check=True)

    assert access.fingerprint in done.stdout
