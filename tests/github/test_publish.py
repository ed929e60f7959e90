from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.support import Cli, fetch, git, git_in, publish, rendered_source, write_template
from tests.github.fake import UPGRADE, FakeGithub, Fault, running
from tests.github.support import SECRET, SETTINGS, TOKEN, create, one_repository


def test_two_repositories_are_published_in_order_with_the_promised_commits(
    cli: Cli, two: Path, github: FakeGithub, tmp_path: Path
) -> None:
    done = create(cli, two, "--output", "json")

    assert done.code == 0
    changes = done.json["changes"]
    assert [each["target"] for each in changes] == ["repository acme/demo", "repository acme/demo-gitops"]
    commits = {f"acme/{each['target'].rpartition('/')[2]}": each["facts"]["commit"] for each in changes}
    assert github.heads() == commits
    assert [each for each in github.writes() if "repos" in each or "receive-pack" in each] == [
        "POST /orgs/acme/repos",
        "POST /acme/demo.git/git-receive-pack",
        "PATCH /repos/acme/demo",
        "PUT /repos/acme/demo/branches/main/protection",
        "POST /orgs/acme/repos",
        "POST /acme/demo-gitops.git/git-receive-pack",
        "PATCH /repos/acme/demo-gitops",
        "PUT /repos/acme/demo-gitops/branches/main/protection",
    ]
    git("clone", "--quiet", github.repositories["acme/demo"].git_dir, tmp_path / "clone")
    for path, content in rendered_source().items():
        assert (tmp_path / "clone" / path).read_bytes() == content


def test_from_another_machine_nothing_is_written_either(
    cli: Cli, two: Path, github: FakeGithub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(cli, two)
    written, heads = github.writes(), github.heads()
    shutil.rmtree(home / "state")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Grace Hopper")  # so that the same commit has another id

    again = create(cli, two, "--output", "json")

    assert (again.code, again.json["outcome"]) == (0, "unchanged")
    assert (github.writes(), github.heads()) == (written, heads)


def test_a_second_time_nothing_is_written(cli: Cli, two: Path, github: FakeGithub) -> None:
    create(cli, two)
    written, heads = github.writes(), github.heads()

    again = create(cli, two)

    assert again.code == 0
    assert again.out.startswith("demo is unchanged")
    assert (github.writes(), github.heads()) == (written, heads)


def test_what_was_created_on_this_machine_goes_to_a_server_as_the_next_steps_say(
    cli: Cli, github: FakeGithub
) -> None:
    cli("create", "my-chatbot", "--owner", "ada", "--set", "replicas=5", "--no-validate")

    done = cli("create", "my-chatbot", "--resume", "--forge", "github", "--owner", "acme", "--no-validate")

    assert done.code == 0, done.err
    assert sorted(github.repositories) == ["acme/my-chatbot", "acme/my-chatbot-gitops"]
    assert "kubectl apply -f my-chatbot-gitops/argocd/" in done.out


def test_a_user_publishes_to_the_own_account(cli: Cli, two: Path, github: FakeGithub) -> None:
    done = create(cli, two, owner="Ada")

    assert done.code == 0, done.err
    assert sorted(github.repositories) == ["ada/demo", "ada/demo-gitops"]
    assert github.writes()[0] == "POST /user/repos"
    assert github.repositories["ada/demo"].visibility == "private"


def test_every_setting_is_made_and_stays_made(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    template = one_repository(tmp_path / "shop", **SETTINGS)

    done = create(cli, template)
    written = github.writes()
    again = create(cli, template)

    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert "unchanged" in again.out
    assert github.writes() == written
    repo = github.repositories["acme/demo"]
    assert (repo.description, repo.homepage) == ("Answers questions", "https://shop.example.com")
    assert (repo.topics, repo.default_branch) == (["rag", "python"], "trunk")
    assert (repo.teams, repo.invitations) == ({"platform": "admin"}, {"grace": "push"})
    assert repo.variables == {"REGION": "eu"}
    assert github.secret("acme/demo", "TOKEN") == SECRET
    assert repo.flags["delete_branch_on_merge"] is True
    assert (repo.flags["allow_merge_commit"], repo.flags["has_wiki"]) == (False, False)
    assert (repo.squash_merge_commit_title, repo.squash_merge_commit_message) == ("PR_TITLE", "PR_BODY")
    assert repo.properties == {"cost-centre": "r-and-d", "languages": ["python", "go"]}
    assert repo.oidc == {"use_default": False, "include_claim_keys": ["repo", "context"]}
    assert repo.watchers == {"ada"}
    rules = repo.protection["trunk"]
    assert rules["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert rules["required_status_checks"] == {"strict": True, "contexts": ["test"]}
    assert rules["required_pull_request_reviews"]["bypass_pull_request_allowances"] == {
        "users": ["grace"],
        "teams": ["platform"],
        "apps": [],
    }
    assert rules["restrictions"] == {"users": [], "teams": ["platform"], "apps": ["renovate"]}
    assert rules["block_creations"] is True
    assert repo.signatures == {"trunk"}
    # Some organisations let nobody say the visibility again.
    assert [each.body for each in github.requests if "visibility" in (each.body or {})] == [
        {
            "name": "demo",
            "description": "kickstart is publishing the project demo here",
            "visibility": "private",
            "custom_properties": repo.properties,
        }
    ]


def test_a_secret_that_exists_is_left_until_its_renewal_is_asked_for(
    cli: Cli, github: FakeGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = one_repository(tmp_path / "shop", **SETTINGS)
    create(cli, template)
    monkeypatch.setenv("KICKSTART_PARAMETER_PASSWORD", "another")

    left = create(cli, template)
    before = github.secret("acme/demo", "TOKEN")
    planned = create(cli, template, "--renew-secrets", "--dry-run")
    written = len(github.writes())
    renewed = create(cli, template, "--renew-secrets")

    assert (left.code, renewed.code) == (0, 0), left.err + renewed.err
    assert left.out.startswith("demo is unchanged")
    assert "left as they are in acme/demo: the secrets TOKEN (see --renew-secrets)" in left.err
    assert before == SECRET
    assert "update  repository acme/demo (settings: secrets)" in planned.out
    assert github.secret("acme/demo", "TOKEN") == "another"
    assert github.writes()[written:] == ["PUT /repos/acme/demo/actions/secrets/TOKEN"]
    assert "another" not in planned.out + planned.err + renewed.out + renewed.err


def test_workflows_that_the_first_push_starts_find_what_they_need(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    create(cli, one_repository(tmp_path / "shop", **SETTINGS))

    sent = [str(each) for each in github.requests]
    path = "/repos/acme/demo/actions"
    push = next(i for i, each in enumerate(sent) if each.endswith("git-receive-pack") and "POST" in each)
    needed = [f"PUT {path}/secrets/TOKEN", f"POST {path}/variables", f"PUT {path}/oidc/customization/sub"]
    assert [sent.index(each) < push for each in needed] == [True] * 3
    # Its description says until then that it is not finished.
    assert sent.index("PATCH /repos/acme/demo") > push


@pytest.mark.parametrize(
    ("undo", "detail"),
    [
        (lambda repo: repo.topics.clear(), "topics"),
        (lambda repo: repo.flags.update(has_wiki=True), "has_wiki"),
        (lambda repo: repo.teams.clear(), "teams"),
        (lambda repo: repo.invitations.clear(), "collaborators"),
        (lambda repo: repo.variables.update(REGION="us"), "variables"),
        (lambda repo: repo.variables.clear(), "variables"),
        (lambda repo: repo.secrets.clear(), "secrets"),
        (lambda repo: repo.protection.clear(), "branch protection"),
        (lambda repo: repo.protection["trunk"].update(enforce_admins=False), "branch protection"),
        (lambda repo: repo.signatures.clear(), "branch protection"),
        (
            lambda repo: setattr(repo, "squash_merge_commit_title", "COMMIT_OR_PR_TITLE"),
            "squash_merge_commit_title",
        ),
        (lambda repo: setattr(repo, "squash_merge_commit_message", "BLANK"), "squash_merge_commit_message"),
        (lambda repo: repo.properties.update(languages=["go"]), "custom properties"),
        (lambda repo: repo.properties.clear(), "custom properties"),
        (lambda repo: repo.oidc.update(include_claim_keys=["context", "repo"]), "OIDC subject"),
        (lambda repo: setattr(repo, "oidc", {"use_default": True}), "OIDC subject"),
        (lambda repo: repo.watchers.clear(), "subscription"),
        (lambda repo: setattr(repo, "description", None), "description"),
        (lambda repo: setattr(repo, "visibility", "internal"), "visibility"),
    ],
)
def test_a_setting_that_differs_is_shown_and_made_again(
    cli: Cli, github: FakeGithub, tmp_path: Path, undo: object, detail: str
) -> None:
    assert callable(undo)
    template = one_repository(tmp_path / "shop", **SETTINGS)
    create(cli, template)
    head = github.heads()
    undo(github.repositories["acme/demo"])

    planned = create(cli, template, "--dry-run")
    done = create(cli, template)
    again = create(cli, template)

    assert f"update  repository acme/demo (settings: {detail})" in planned.out
    assert done.code == 0
    assert "updated  repository acme/demo" in done.err
    assert "demo is unchanged" in again.out
    assert github.heads() == head


def test_what_the_template_does_not_mention_is_the_teams(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    template = one_repository(tmp_path / "shop")
    create(cli, template)
    repo = github.repositories["acme/demo"]
    repo.flags["allow_merge_commit"] = False
    repo.description, repo.visibility, repo.topics = "Ours now", "public", ["own"]
    repo.squash_merge_commit_title, repo.oidc = "PR_TITLE", {"use_default": True, "include_claim_keys": []}
    repo.properties["cost-centre"] = "sales"
    written = github.writes()

    again = create(cli, template)

    assert "demo is unchanged" in again.out
    assert github.writes() == written


def test_an_exception_for_nobody_is_none(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    template = one_repository(tmp_path / "shop", bypassPullRequestAllowances={"users": []})

    done = create(cli, template)

    assert done.code == 0, done.err
    assert "unchanged  repository acme/demo" in create(cli, template, "--dry-run").out


def test_whom_the_team_lets_push_may_push_after_another_rule_was_made_again(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    template = one_repository(tmp_path / "shop", requiredStatusCheckContexts=["test"])
    create(cli, template)
    rules = github.repositories["acme/demo"].protection["main"]
    teams = {"users": ["alan"], "teams": [], "apps": []}
    rules["restrictions"] = teams
    rules["required_pull_request_reviews"]["bypass_pull_request_allowances"] = teams
    unchanged = create(cli, template, "--dry-run")
    rules["required_status_checks"]["contexts"] = []

    done = create(cli, template)

    assert "unchanged" in unchanged.out
    assert done.code == 0, done.err
    rules = github.repositories["acme/demo"].protection["main"]
    assert rules["required_status_checks"]["contexts"] == ["test"]
    assert rules["restrictions"] == teams
    assert rules["required_pull_request_reviews"]["bypass_pull_request_allowances"] == teams


def test_the_message_of_a_squash_alone_leaves_the_teams_title(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    create(cli, one_repository(tmp_path / "shop"))
    repo = github.repositories["acme/demo"]
    repo.squash_merge_commit_title = "PR_TITLE"

    done = create(cli, one_repository(tmp_path / "more", squashMergeCommitMessage="BLANK"))

    assert done.code == 0, done.err
    assert (repo.squash_merge_commit_title, repo.squash_merge_commit_message) == ("PR_TITLE", "BLANK")


def test_the_default_subject_of_tokens_is_given_back(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    create(cli, one_repository(tmp_path / "shop", oidcCustomization=SETTINGS["oidcCustomization"]))
    template = one_repository(tmp_path / "more", oidcCustomization={"useDefault": True})

    done, again = create(cli, template), create(cli, template)

    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert github.repositories["acme/demo"].oidc == {"use_default": True}
    assert "demo is unchanged" in again.out


def test_claims_that_are_missing_are_told_before_the_first_request(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    done = create(cli, one_repository(tmp_path / "shop", oidcCustomization={"useDefault": False}))

    assert done.code == 3
    assert "useDefault: false needs includeClaimKeys" in done.err
    assert github.requests == []


def test_a_property_that_nobody_has_defined_stops_before_the_repository_is_made(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    done = create(cli, one_repository(tmp_path / "shop", customProperties={"tier": "1"}))

    assert done.code == 2
    assert "Property 'tier' does not exist" in done.err
    assert github.repositories == {}


def test_who_cannot_watch_publishes_all_the_same(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    template = one_repository(tmp_path / "shop", subscribe=True)
    said = "Resource not accessible by integration"
    github.faults = [Fault("/subscription$", 403, message=said, times=2)]

    done = create(cli, template)
    again = create(cli, template)

    assert (done.code, again.code) == (0, 0), done.err + again.err
    assert f"Note: acme/demo is not watched: {said}" in done.err
    assert "demo is unchanged" in again.out


def test_a_foreign_repository_stops_everything_before_the_first_write(
    cli: Cli, two: Path, github: FakeGithub
) -> None:
    github.add("acme", "demo-gitops", {"README.md": b"somebody else's"})

    done = create(cli, two)

    assert done.code == 5
    assert "repository acme/demo-gitops: was not made by kickstart" in done.err
    assert github.writes() == []


@pytest.mark.parametrize(
    ("description", "archived", "reason"),
    [
        ("made by hand", False, "was not made by kickstart"),
        ("kickstart is publishing the project other here", False, "belongs to the project other"),
        ("kickstart is publishing the project demo here", True, "is archived"),
    ],
)
def test_an_empty_repository_of_somebody_else_is_refused(
    cli: Cli, two: Path, github: FakeGithub, description: str, archived: bool, reason: str
) -> None:
    github.add("acme", "demo", description=description).flags["archived"] = archived

    done = create(cli, two)

    assert done.code == 5
    assert f"repository acme/demo: {reason}" in done.err
    assert github.writes() == []


def test_an_empty_repository_with_our_mark_is_adopted(cli: Cli, two: Path, github: FakeGithub) -> None:
    github.add("acme", "demo", description="kickstart is publishing the project demo here")

    planned = create(cli, two, "--dry-run")
    done = create(cli, two)

    assert "where an interrupted run has begun it" in planned.out
    assert done.code == 0, done.err
    assert all(github.heads()[name] for name in ("acme/demo", "acme/demo-gitops"))
    assert github.repositories["acme/demo"].description == ""


def test_a_push_that_outlives_its_run_may_arrive_between_two_looks(
    cli: Cli, two: Path, github: FakeGithub
) -> None:
    create(cli, two)
    expected, repo = github.heads(), github.repositories["acme/demo"]
    ref = f"refs/heads/{repo.default_branch}"
    git_in(repo.git_dir, "update-ref", "-d", ref)
    repo.description = "kickstart is publishing the project demo here"
    github.requests.clear()
    create(cli, two, "--dry-run")
    look = next(n for n, each in enumerate(github.requests, start=1) if each.path.endswith("demo/commits"))
    github.requests.clear()

    def arrive(request: int) -> None:
        if request == look:
            git_in(repo.git_dir, "update-ref", ref, expected["acme/demo"])

    github.on_request = arrive
    done = create(cli, two)

    assert done.code == 0, done.err
    assert github.heads() == expected
    assert repo.description == ""


def test_a_description_alone_makes_no_files_ours(cli: Cli, two: Path, github: FakeGithub) -> None:
    mark = "kickstart is publishing the project demo here"
    github.add("acme", "demo", {"README.md": b"somebody's"}, description=mark)

    done = create(cli, two)

    assert done.code == 5
    assert "repository acme/demo: was not made by kickstart" in done.err
    assert github.writes() == []


def test_one_of_another_project_that_came_meanwhile_is_not_filled(
    cli: Cli, two: Path, github: FakeGithub
) -> None:
    github.add("acme", "demo", description="kickstart is publishing the project other here")
    github.faults = [Fault(at="GET /repos/acme/demo$", status=404, message="Not Found")]

    done = create(cli, two)

    assert done.code == 5
    assert "acme/demo came into being meanwhile" in done.err
    assert github.heads()["acme/demo"] == ""


def test_a_name_that_the_token_cannot_see_is_a_conflict(cli: Cli, two: Path, github: FakeGithub) -> None:
    github.add("acme", "demo", {"README.md": b"secret"})
    github.faults.append(Fault(at="GET /repos/acme/demo$", status=404, message="Not Found", times=2))

    done = create(cli, two)

    assert done.code == 5
    assert "acme/demo exists, and this token may not see it" in done.err


def test_protection_that_the_plan_does_not_include_is_a_note(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    github.free_plan = True
    template = one_repository(tmp_path / "shop")

    done = create(cli, template)
    again = create(cli, template)

    assert (done.code, again.code) == (0, 0)
    assert f"Note: the branch main of acme/demo is not protected: {UPGRADE}" in done.err
    assert "Request PUT" not in done.err  # PyGithub's own words
    assert "unchanged" in again.out


def test_a_feature_that_the_plan_ignores_is_a_note(cli: Cli, github: FakeGithub, tmp_path: Path) -> None:
    github.free_plan = True
    template = one_repository(tmp_path / "shop", allowAutoMerge=True)

    done = create(cli, template)

    assert done.code == 0
    assert "GitHub ignores allow_auto_merge here" in done.err


def test_two_repositories_with_topics_protection_and_a_secret_take_few_requests(
    cli: Cli, github: FakeGithub, tmp_path: Path
) -> None:
    common = {"topics": ["rag"], "protectDefaultBranch": True}
    source = publish()["input"] | common | {"secrets": {"TOKEN": "x"}}
    gitops = publish("${{ parameters.name }}-gitops")["input"] | common
    steps = [fetch(), publish(input=source), publish(input=gitops, id="gitops")]

    done = create(cli, write_template(tmp_path / "pair", steps))

    assert done.code == 0
    assert github.count("rest") <= 14
    assert github.count("git") <= 6


def test_the_preview_says_who_publishes_and_writes_nothing(cli: Cli, two: Path, github: FakeGithub) -> None:
    done = create(cli, two, "--dry-run")

    assert done.code == 0
    host = github.url.partition("://")[2]
    assert (
        f"Note: on {host} as ada (GH_ENTERPRISE_TOKEN), with the scopes repo, workflow; 4990 requests left"
        in done.out
    )
    assert done.out.count(f"create  repository acme/demo (on {host})") == 1
    assert github.writes() == []


def test_a_path_before_the_api_is_part_of_every_address(
    cli: Cli, two: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", TOKEN)
    with running(tmp_path / "github", prefix="/forge") as fake:
        done = create(cli, two, "--github-url", f"{fake.url}/api/v3/")

        assert done.code == 0, done.err
        assert f"clone {fake.url}/acme/demo.git" not in done.err
        assert len(fake.heads()) == 2


def test_without_an_owner_the_machines_login_is_not_taken(cli: Cli, two: Path, github: FakeGithub) -> None:
    parameters = {"title": "P", "required": ["name", "owner"], "properties": {}}
    parameters["properties"] = {"name": {"type": "string"}, "owner": {"type": "string"}}
    template = write_template(two.parent / "owned", [fetch(), publish()], parameters)

    done = cli("create", "demo", "--template", template, "--forge", "github")

    assert done.code == 2
    assert "owner: is required" in done.err
    assert github.requests == []


def test_the_built_in_template_names_the_github_that_it_is_published_to(cli: Cli, github: FakeGithub) -> None:
    done = cli("create", "demo", "--forge", "github", "--owner", "acme", "--no-validate")

    def published(repository: str, path: str) -> str:
        return git_in(github.repositories[f"acme/{repository}"].git_dir, "show", f"main:{path}")

    assert done.code == 0, done.err
    assert f"source-location: url:{github.url}/acme/demo\n" in published("demo", "catalog-info.yaml")
    assert f'image.source="{github.url}/acme/demo"' in published("demo", "Dockerfile")
    generator = published("demo-gitops", "argocd/optional/pull-requests.yaml")
    assert f"api: {github.url}/api/v3/\n" in generator
