from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kickstart import naming


@pytest.mark.parametrize("name", ["a", "my-chatbot", "a1", "a" * 63])
def test_a_project_name_is_a_dns_label_that_starts_with_a_letter(name: str) -> None:
    assert naming.project_name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is empty"),
        ("a" * 64, "has 64 characters; 63 are possible"),
        ("1a", "is not a DNS label"),
        ("-a", "is not a DNS label"),
        ("a-", "is not a DNS label"),
        ("A", "is not a DNS label"),
        ("a.b", "is not a DNS label"),
        ("a_b", "is not a DNS label"),
        ("a\n", "is not a DNS label"),
        ("ä", "is not a DNS label"),
        ("../a", "is not a DNS label"),
    ],
)
def test_any_other_project_name_is_refused_with_the_reason(name: str, said: str) -> None:
    assert said in (naming.project_name_problem(name) or "")


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("my-chatbot-gitops", True),
        ("A.b_c-9", True),
        ("x" * 100, True),
        ("x" * 101, False),
        ("", False),
        (".", False),
        ("..", False),
        ("a/b", False),
        ("shop.git", False),
        ("shop.GIT", False),
        ("a b", False),
        ("a\n", False),
    ],
)
def test_a_repository_name_follows_the_rules_of_github(name: str, possible: bool) -> None:
    assert (naming.repository_name_problem(name) is None) is possible


POSSIBLE = ("main", "a/b", "feat/#12", "x,y", "a+b", "u@h", "é", "(x)", "a./b", "x@", "@x")
IMPOSSIBLE = (
    *("", "HEAD", "-x", "/x", "x/", "x//y", "x..y", "x.lock", "a.lock/b", ".x", "a/.b", "x."),
    *("x y", "x~", "x^", "x:", "x?", "x*", "x[", "x\\", "x@{y", "\x7f", "a\n"),
)


@pytest.mark.parametrize("name", [*POSSIBLE, *IMPOSSIBLE])
def test_a_branch_is_what_git_takes_for_one(name: str) -> None:
    done = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)

    assert (naming.branch_name_problem(name) is None) == (done.returncode == 0)


def test_a_branch_fits_into_githubs_limit() -> None:
    assert naming.branch_name_problem("é" * 122) is None
    assert naming.branch_name_problem("é" * 123) is not None


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("acme", True),
        ("a", True),
        ("A-1", True),
        ("ada_acme", True),
        ("x" * 39, True),
        ("x" * 40, False),
        ("", False),
    ]
    + [(name, False) for name in ("-a", "a-", "_a", "a_", "a.b", "a/b", "..", "a\n")],
)
def test_an_owner_name_follows_the_rules_of_github(name: str, possible: bool) -> None:
    assert (naming.owner_name_problem(name) is None) is possible


@given(st.text())
def test_every_login_gives_an_owner_name_that_can_be_used(login: str) -> None:
    assert naming.owner_name_problem(naming.owner_from_login(login)) is None


def test_a_login_keeps_what_an_owner_name_can_hold() -> None:
    assert naming.owner_from_login("ada.lovelace@example") == "ada-lovelace-example"
    assert naming.owner_from_login("ж") == "local"


def test_the_nearest_known_word_is_suggested_and_a_far_one_is_not() -> None:
    known = ["visibility", "owner"]

    assert naming.closest("visiblity", known) == " (did you mean 'visibility'?)"
    assert naming.closest("xyz", known) == ""
