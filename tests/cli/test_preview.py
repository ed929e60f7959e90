"""Previews: environments of pull requests in a published GitOps repository."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

import pytest

from kickstart import document
from tests.cli.gitops import ONE, TWO, GitOps, forget, gitops, published_shop
from tests.cli.support import Cli, Result, git_in, process, wrap_git

__all__ = ["gitops", "published_shop"]

PLACE = "previews/pr-42/values.yaml"


def _create(*more: str, number: int = 42, image: str = ONE) -> list[str]:
    return ["preview", "create", "shop", "--pr", str(number), "--image-digest", image, *more]


def test_a_preview_is_one_file_in_one_commit_on_top(cli: Cli, gitops: GitOps) -> None:
    before = gitops.head

    done = cli(*_create("--ttl", "7d", "-o", "json"))

    assert (done.code, done.err) == (0, "")
    assert gitops.changed(before) == [f"A {PLACE}"]
    assert git_in(gitops.repository, "rev-parse", "main^") == before
    result = done.json
    assert (result["kind"], result["outcome"], result["commit"]) == ("PreviewCreate", "changed", gitops.head)
    assert result["preview"]["namespace"] == "shop-pr-42"
    assert result["preview"]["host"] == "shop-pr-42.example.com"
    assert result["preview"]["state"] == "active"
    assert git_in(gitops.repository, "log", "-1", "--format=%an %s", "main") == (
        "Ada Lovelace Preview pull request 42 with sha256:111111111111"
    )


def test_argo_cd_finds_a_folder_and_the_values_in_it(cli: Cli, gitops: GitOps) -> None:
    cli(*_create())

    made = document.load(gitops.read("argocd/previews.yaml"))["spec"]
    (pattern,) = [each["path"] for each in made["generators"][0]["git"]["directories"]]
    found = {path.rpartition("/")[0] for path in gitops.files() if path.startswith("previews/")}
    assert [fnmatch(folder, pattern) for folder in found] == [True]
    (source,) = made["template"]["spec"]["sources"]
    (name,) = [folder.rpartition("/")[2] for folder in found]
    given = [each.replace("{{ .path.basename }}", name) for each in source["helm"]["valueFiles"]]
    assert given == ["values.yaml", "values-preview.yaml", f"/{PLACE}"]
    destination = made["template"]["spec"]["destination"]
    permitted = document.load(gitops.read("argocd/appproject.yaml"))["spec"]["destinations"]
    assert {**destination, "namespace": "shop-pr-*"} in permitted
    assert destination["namespace"].replace("{{ .path.basename }}", name) == "shop-pr-42"
    values = document.load(gitops.read(PLACE))
    assert values.pop("preview")["ttl"] == "72h"
    assert values == {
        "environment": "pr-42",
        "exposure": {"host": "shop-pr-42.example.com"},
        "image": {"digest": ONE},
    }


def test_the_same_image_again_is_unchanged_and_no_commit(cli: Cli, gitops: GitOps) -> None:
    cli(*_create())
    before = gitops.head

    again = cli(*_create("-o", "json"))

    assert (again.code, again.json["outcome"], again.json["files"]) == (0, "unchanged", [])
    assert gitops.head == before


def test_another_image_changes_its_lines_and_no_others(cli: Cli, gitops: GitOps) -> None:
    cli(*_create())
    by_hand = (
        gitops.read(PLACE).replace('digest: "', 'digest:   "')
        + "\n# ours: more to see\napp: {logLevel:  DEBUG}\n"
    )
    gitops.write(PLACE, by_hand)
    _expire(gitops, 42)
    before = gitops.head

    done = cli(*_create(image=TWO))

    assert done.code == 0
    differing = git_in(gitops.repository, "diff", "--unified=0", before, "main", "--", PLACE)
    changes = [line for line in differing.splitlines() if re.match("[+-] ", line)]
    assert changes[:2] == [f'-  digest:   "{ONE}"', f'+  digest:   "{TWO}"']
    assert [line[:9] for line in changes[2:]] == ["-  since:", "+  since:"]


def test_another_time_to_live_starts_it_anew(cli: Cli, gitops: GitOps) -> None:
    cli(*_create("--ttl", "1h"))
    before = gitops.head

    done = cli(*_create("--ttl", "2h", "-o", "json"))

    assert done.json["files"] == [{"path": PLACE, "change": "update"}]
    assert gitops.changed(before) == [f"M {PLACE}"]
    assert document.load(gitops.read(PLACE))["preview"]["ttl"] == "2h"


def test_created_and_deleted_the_repository_is_as_it_was(cli: Cli, gitops: GitOps) -> None:
    before = gitops.tree
    cli(*_create())
    cli(*_create(number=7))

    first = cli("preview", "delete", "shop", "--pr", "42")
    cli("preview", "delete", "shop", "--pr", "7")

    assert "The preview of pull request 42 is removed." in first.out
    assert gitops.tree == before


def test_deleting_what_is_not_there_is_unchanged(cli: Cli, gitops: GitOps) -> None:
    before = gitops.head

    done = cli("preview", "delete", "shop", "--pr", "42", "-o", "json")

    assert (done.code, done.json["outcome"]) == (0, "unchanged")
    assert gitops.head == before


def test_the_list_says_what_is_there_and_how_it_is(cli: Cli, gitops: GitOps) -> None:
    assert "acme/shop-gitops has no previews." in cli("preview", "list", "shop").out
    cli(*_create(number=8))
    cli(*_create())
    _expire(gitops, 8)
    gitops.write("previews/pr-9/values.yaml", "environment: pr-9\npreview: {since: now\n")

    listed = cli("preview", "list", "shop", "-o", "json").json

    shown = [(each["number"], each["state"], each["problem"]) for each in listed["previews"]]
    assert shown == [
        (8, "expired", ""),
        (
            9,
            "broken",
            "previews/pr-9/values.yaml:3: while parsing a flow mapping, did not find expected ',' or '}'",
        ),
        (42, "active", ""),
    ]
    assert [line.split()[:2] for line in cli("preview", "list", "shop").out.splitlines()] == [
        ["pr-8", "expired"],
        ["pr-9", "broken"],
        ["pr-42", "active"],
    ]


def test_the_list_tells_when_a_preview_ends_in_utc(cli: Cli, gitops: GitOps) -> None:
    cli(*_create(number=8))
    path = "previews/pr-8/values.yaml"
    gitops.write(path, re.sub(r"since: .*", 'since: "2020-01-01T00:00:00+09:00"', gitops.read(path)))

    listed = cli("preview", "list", "shop").out

    assert " 15:00 UTC" in listed


def test_the_list_is_a_table_also_with_long_numbers(cli: Cli, gitops: GitOps) -> None:
    cli(*_create(number=8))
    cli(*_create(number=123456789))
    _expire(gitops, 8)

    lines = cli("preview", "list", "shop").out.splitlines()

    assert [line.index(word) for line, word in zip(lines, ("expired", "active"), strict=True)] == [14, 14]
    assert len({line.index("until") for line in lines}) == 1


def _expire(gitops: GitOps, number: int) -> None:
    path = f"previews/pr-{number}/values.yaml"
    gitops.write(path, re.sub(r"since: .*", 'since: "2020-01-01T00:00:00+00:00"', gitops.read(path)))


def test_gc_removes_what_is_over_and_nothing_else(cli: Cli, gitops: GitOps) -> None:
    for number in (7, 8, 42):
        cli(*_create(number=number))
    _expire(gitops, 7)
    _expire(gitops, 8)
    before = gitops.head

    done = cli("preview", "gc", "shop", "-o", "json")

    assert (done.code, done.json["removed"]) == (0, [7, 8])
    assert gitops.changed(before) == [
        "D previews/pr-7/values.yaml",
        "D previews/pr-8/values.yaml",
    ]
    again = cli("preview", "gc", "shop", "-o", "json").json
    assert (again["outcome"], again["removed"]) == ("unchanged", [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("environment: [", "while parsing a flow node"),
        ("environment: pr-9\n", "has no key 'preview'"),
        ("preview: {ttl: 72h, since: later}\n", "preview.since"),
        ('preview: {ttl: 72h, since: "2026-01-01T00:00:00"}\n', "no time zone"),
        ('preview: {ttl: 72h, since: "9999-12-31T00:00:00+00:00"}\n', "preview.since: is too late"),
        (
            'environment: pr-8\npreview: {ttl: 72h, since: "2999-01-01T00:00:00+00:00"}\n',
            "environment: is 'pr-8' and not 'pr-9', as its folder",
        ),
        ("preview: {ttl: forever, since: 2026-01-01}\n", "preview.ttl: 'forever' is not a time to live"),
        ("\0", "control characters are not allowed"),
    ],
)
def test_a_broken_preview_is_named_and_holds_up_no_other(
    text: str, problem: str, cli: Cli, gitops: GitOps
) -> None:
    cli(*_create(number=7))
    _expire(gitops, 7)
    gitops.write("previews/pr-9/values.yaml", text)

    done = cli("preview", "gc", "shop", "-o", "json")

    assert done.code == 8
    assert done.json["removed"] == [7]
    (fault,) = done.json["error"]["faults"]
    assert fault["where"] == "previews/pr-9/values.yaml"
    assert problem in fault["message"]
    assert "previews/pr-7/values.yaml" not in gitops.files()
    assert "previews/pr-9/values.yaml" in gitops.files()


def test_a_permanent_environment_of_the_same_name_is_in_the_way(cli: Cli, gitops: GitOps) -> None:
    before = gitops.write("environments/pr-42.yaml", "environment: pr-42\n")

    refused, other = cli(*_create()), cli(*_create(number=4))

    assert (refused.code, other.code) == (5, 0)
    assert "environments/pr-42.yaml makes an environment of the same name" in refused.err
    assert gitops.changed(before) == ["A previews/pr-4/values.yaml"]


@pytest.mark.parametrize("command", [["list"], ["gc"], ["delete", "--pr", "42"]])
def test_the_source_repository_named_by_mistake_is_no_success(
    command: list[str], cli: Cli, gitops: GitOps
) -> None:
    done = cli("preview", command[0], "shop", *command[1:], "--repository", "acme/shop")

    assert done.code == 4
    assert "has no place for previews: argocd/appproject.yaml does not exist" in done.err
    assert "--repository OWNER/NAME" in done.err


def test_one_that_is_over_goes_whatever_else_is_wrong_with_it(cli: Cli, gitops: GitOps) -> None:
    cli(*_create(number=9))
    path = "previews/pr-9/values.yaml"
    gitops.write(path, gitops.read(path).replace("environment: pr-9", "environment: pr-8"))
    _expire(gitops, 9)

    done = cli("preview", "gc", "shop", "-o", "json")

    assert (done.code, done.json["removed"]) == (0, [9])


@pytest.mark.parametrize(
    ("path", "reason"),
    [(PLACE, "while parsing a flow node"), ("previews/pr-42/notes.md", "values.yaml does not exist")],
)
def test_what_is_broken_is_in_the_way_until_it_is_deleted(
    path: str, reason: str, cli: Cli, gitops: GitOps
) -> None:
    before = gitops.tree
    gitops.write(path, "environment: [")

    refused = cli(*_create())
    done = cli("preview", "delete", "shop", "--pr", "42")

    assert refused.code == 5
    assert "previews/pr-42 is in the way: " in refused.err
    assert reason in refused.err
    assert "kickstart preview delete shop --pr 42" in refused.err
    assert (done.code, gitops.tree) == (0, before)


def test_all_of_a_previews_folder_goes_with_it(cli: Cli, gitops: GitOps) -> None:
    before = gitops.tree
    cli(*_create())
    gitops.write("previews/pr-42/notes.md", "ours\n")
    neighbour = gitops.write("previews/pr-420/notes.md", "not that one\n")

    done = cli("preview", "delete", "shop", "--pr", "42")

    assert done.code == 0
    assert gitops.changed(neighbour) == ["D previews/pr-42/notes.md", f"D {PLACE}"]
    assert gitops.tree != before


HOSTILE = ["0", "-1", "x", "42; rm -rf /", "../42", "\uff14\uff12", "42\n", "", "1" * 10, "4_2", "$(id)"]


@pytest.mark.parametrize("number", HOSTILE)
def test_a_hostile_number_is_refused_before_anything_is_asked(
    number: str, cli: Cli, gitops: GitOps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", 'touch "$here/called"; exit 1')["PATH"])

    done = cli("preview", "create", "shop", f"--pr={number}", "--image-digest", ONE)

    assert done.code == 2
    assert "is not the number of a pull request" in done.err
    assert not (tmp_path / "bin" / "called").exists()


def test_every_fault_is_in_one_report(cli: Cli) -> None:
    done = cli(
        *("preview", "create", "Shop", "--pr", "a", "--image-digest", ONE.upper(), "--ttl", "100d"),
        *("--repository", "a b/c.git", "-o", "json"),
    )

    assert done.code == 2
    assert [fault["where"] for fault in done.json["error"]["faults"]] == [
        *("--pr", "--image-digest", "--ttl", "NAME", "--repository", "--repository"),
    ]


def test_a_preview_that_is_wanted_again_lives_again(cli: Cli, gitops: GitOps) -> None:
    cli(*_create())
    gitops.write(PLACE, re.sub(r"since: .*", 'since: "2020-01-01T00:00:00+00:00"', gitops.read(PLACE)))

    planned = cli(*_create("--dry-run", "-o", "json")).json
    done, again = (cli(*_create("-o", "json")).json for _ in range(2))
    collected = cli("preview", "gc", "shop", "-o", "json").json

    assert [each["outcome"] for each in (planned, done, again)] == ["planned", "changed", "unchanged"]
    assert (done["preview"]["state"], collected["removed"]) == ("active", [])
    assert (done["files"], planned["files"]) == ([{"path": PLACE, "change": "update"}],) * 2


@pytest.mark.parametrize("ttl", ["0h", "1", "h", "91d", "1w", "-1h", "1.5h", "99999999h", "72H", ""])
def test_a_nonsensical_time_to_live_is_refused(ttl: str, cli: Cli, gitops: GitOps) -> None:
    done = cli(*_create(f"--ttl={ttl}"))

    assert done.code == 2
    assert f"--ttl: '{ttl}' is not a time to live" in done.err


def test_a_proposal_is_a_branch_that_is_made_once(cli: Cli, gitops: GitOps) -> None:
    before = gitops.head

    first = cli(*_create("--pull-request", "-o", "json")).json
    again = cli(*_create("--pull-request", "-o", "json")).json
    other = cli(*_create("--pull-request", "-o", "json", image=TWO)).json

    assert gitops.head == before
    assert [each["outcome"] for each in (first, again, other)] == ["proposed", "unchanged", "proposed"]
    assert first["branch"] == again["branch"] != other["branch"]
    assert re.fullmatch(r"kickstart/preview-pr-42-[0-9a-f]{10}", first["branch"])
    assert gitops.changed("main", first["branch"]) == [f"A {PLACE}"]
    assert git_in(gitops.repository, "rev-list", "--count", f"main..{first['branch']}") == "1"


def test_a_proposal_says_where_a_forge_has_no_pull_requests(cli: Cli, gitops: GitOps) -> None:
    done = cli(*_create("--pull-request"))

    assert "Preview pull request 42 with sha256:111111111111 is proposed." in done.out
    assert "has no pull requests: merge the branch yourself" in done.out


def test_a_dry_run_shows_every_line_and_writes_nothing(cli: Cli, gitops: GitOps) -> None:
    before = git_in(gitops.repository, "for-each-ref")

    done = cli(*_create("--dry-run"))

    assert done.code == 0
    lines = [line.strip() for line in done.out.splitlines()]
    assert f"+ {PLACE}" in lines
    assert f'+  digest: "{ONE}"' in lines
    assert git_in(gitops.repository, "for-each-ref") == before


def test_a_dry_run_with_nothing_to_do_plans_nothing(cli: Cli, gitops: GitOps) -> None:
    cli(*_create())

    looked = [
        cli(*command, "--dry-run", "-o", "json").json
        for command in (_create(), ["preview", "delete", "shop", "--pr", "7"], ["preview", "gc", "shop"])
    ]

    assert [(each["outcome"], each["files"]) for each in looked] == [("unchanged", [])] * 3


@pytest.mark.parametrize(
    "command",
    [_create(), _create("--dry-run"), ["preview", "list", "shop"], ["preview", "gc", "shop", "--dry-run"]],
)
def test_no_client_library_is_loaded(command: list[str], gitops: GitOps) -> None:
    code = (
        f"import sys; from kickstart.cli import main; code = main({command!r})\n"
        "print([name for name in ('git', 'github', 'requests', 'rich.console') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_job_that_knows_nothing_of_earlier_runs_names_the_repository(
    cli: Cli, gitops: GitOps, home: Path, tmp_path: Path
) -> None:
    forget(home)
    forge = tmp_path / "elsewhere"
    gitops.repository.parents[1].rename(forge)

    named = cli(*_create("--repository", "acme/shop-gitops", "--forge", f"local:{forge}", "-o", "json"))
    owned = cli("preview", "list", "shop", "--owner", "acme", "--forge", f"local:{forge}", "-o", "json")

    assert named.json["repository"] == owned.json["repository"] == "acme/shop-gitops"
    assert [each["number"] for each in owned.json["previews"]] == [42]


def test_a_repository_that_is_not_the_projects_is_left_alone(cli: Cli, gitops: GitOps) -> None:
    source = cli(*_create("--repository", "acme/shop"))
    other = cli(
        "preview", "create", "other", "--pr", "1", "--image-digest", ONE, "--repository", "acme/shop-gitops"
    )
    absent = cli(*_create("--repository", "acme/nothing"))
    gitops.write(".kickstart.yaml", None)
    before = gitops.head
    unmarked = cli(*_create())

    assert (source.code, other.code, absent.code, unmarked.code) == (4, 5, 2, 5)
    assert "this repository has no place for previews: argocd/appproject.yaml does not exist" in source.err
    assert "acme/shop-gitops belongs to the project shop" in other.err
    assert "there is no repository acme/nothing, or you cannot see it" in absent.err
    assert "acme/shop-gitops was not made by kickstart" in unmarked.err
    assert gitops.head == before


def test_a_project_that_permits_no_previews_says_so(cli: Cli, gitops: GitOps) -> None:
    gitops.write(
        "argocd/appproject.yaml", gitops.read("argocd/appproject.yaml").replace("shop-pr-*", "shop-x")
    )

    done = cli(*_create())

    assert done.code == 4
    assert "argocd/appproject.yaml permits no previews" in done.err


@pytest.mark.parametrize(
    ("shape", "host"),
    [
        ("preview.apps.acme.example", "pr-42.apps.acme.example"),
        ("chat.preview.acme.example", "pr-42-chat.preview.acme.example"),
        ('"shop-preview.acme.example"', "shop-pr-42.acme.example"),
        ('"*.preview.acme.example"', "pr-42.preview.acme.example"),
    ],
)
def test_the_host_is_that_of_all_previews_with_the_number(
    shape: str, host: str, cli: Cli, gitops: GitOps
) -> None:
    path = "helm/values-preview.yaml"
    gitops.write(path, gitops.read(path).replace("shop-preview.example.com", shape))

    done = cli(*_create("-o", "json"))

    assert done.json["preview"]["host"] == host


def test_a_protected_branch_is_told_apart_and_a_proposal_still_works(cli: Cli, gitops: GitOps) -> None:
    gitops.hook(
        "update", '[ "$1" != refs/heads/main ] || { echo "main takes pull requests only" >&2; exit 1; }'
    )
    before = gitops.head

    refused = cli(*_create())
    proposed = cli(*_create("--pull-request"))

    assert refused.code == 4
    assert "acme/shop-gitops takes no commit on main: hook declined" in refused.err
    assert "propose it instead: --pull-request" in refused.err
    assert (proposed.code, gitops.head) == (0, before)


def test_nothing_is_left_on_this_machine(
    cli: Cli, gitops: GitOps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))

    cli(*_create())
    cli(*_create("--repository", "acme/nothing"))

    assert list((tmp_path / "temporary").iterdir()) == []


# Others at the same time


def test_who_was_faster_is_kept(
    cli: Cli, gitops: GitOps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gitops.write("helm/values-dev.yaml", gitops.read("helm/values-dev.yaml") + "# first\n")
    # Somebody pushes between our look and our push, twice.
    script = f"""
case "$*" in *" push "*)
  count=$(cat "$here/count" 2>/dev/null || echo 0)
  if [ "$count" -lt 2 ]; then
    echo $((count + 1)) > "$here/count"
    cd {gitops.folder} && "$real" pull -q && echo "# hand $count" >> helm/values-dev.yaml \\
      && "$real" commit -qam "By hand $count" && "$real" push -q
  fi;;
esac
exec "$real" "$@"
"""
    done = process(*_create(), env=wrap_git(tmp_path / "bin", script))

    assert done.code == 0, done.err
    assert gitops.read("helm/values-dev.yaml").endswith("# first\n# hand 0\n# hand 1\n")
    assert git_in(gitops.repository, "log", "--format=%s", "-3", "main").splitlines() == [
        "Preview pull request 42 with sha256:111111111111",
        "By hand 1",
        "By hand 0",
    ]


def _linear(gitops: GitOps) -> bool:
    return not git_in(gitops.repository, "rev-list", "--min-parents=2", "main")


def test_eight_at_once_are_all_there(gitops: GitOps) -> None:
    _at_once(gitops, processes=8, previews=8)


@pytest.mark.slow
def test_fifty_by_ten_processes_are_all_there(gitops: GitOps) -> None:
    _at_once(gitops, processes=10, previews=50)


def _at_once(gitops: GitOps, processes: int, previews: int) -> None:
    comment = "\n# by hand:   stays as it is\n"
    before = gitops.write("environments/dev.yaml", gitops.read("environments/dev.yaml") + comment)

    def run(number: int) -> Result:
        return process(*_create(number=number))

    with ThreadPoolExecutor(processes) as pool:
        done = list(pool.map(run, range(1, previews + 1)))

    assert [each.err for each in done if each.code] == []
    assert int(git_in(gitops.repository, "rev-list", "--count", f"{before}..main")) == previews
    assert _linear(gitops)
    assert sorted(gitops.changed(before)) == sorted(
        f"A previews/pr-{number}/values.yaml" for number in range(1, previews + 1)
    )


@pytest.mark.parametrize("after", [False, True], ids=["before the push", "after the push"])
def test_the_rerun_of_a_killed_job_converges(after: bool, gitops: GitOps, tmp_path: Path) -> None:
    push = '"$real" "$@"; ' if after else ""
    script = f'case "$*" in *" push "*) {push}kill -9 $PPID; exit 1;; esac\nexec "$real" "$@"'
    killed = process(*_create(), env=wrap_git(tmp_path / "bin", script))

    rerun = process(*_create("-o", "json"))

    assert killed.code == -signal.SIGKILL
    assert json.loads(rerun.out)["outcome"] == ("unchanged" if after else "changed")
    assert git_in(gitops.repository, "log", "--format=%s", "main").splitlines() == [
        "Preview pull request 42 with sha256:111111111111",
        "initial commit",
    ]
