"""Changing one value of a YAML document."""

from __future__ import annotations

import pytest

from kickstart import in_place
from kickstart.document import DocumentError

BY_HAND = """\
# \u00fcber: everything
image:   # below
    digest:   ""   # the one
    tag: 'a'
empty:
list: [1,  {b:  c}]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (["image", "digest"], '    digest:   "new"   # the one'),
        (["image", "tag"], '    tag: "new"'),
        (["empty"], 'empty: "new"'),
    ],
)
def test_a_replaced_value_leaves_every_other_byte(path: list[str], line: str) -> None:
    after = in_place.with_value(BY_HAND, path, "new")

    before, changed = BY_HAND.splitlines(), after.splitlines()
    assert [new for old, new in zip(before, changed, strict=True) if old != new] == [line]


def test_the_mark_at_the_start_of_a_file_stays_where_it_is() -> None:
    after = in_place.with_value(f"\ufeff{BY_HAND}", ["image", "tag"], "new")

    assert after == "\ufeff" + in_place.with_value(BY_HAND, ["image", "tag"], "new")


@pytest.mark.parametrize(
    ("text", "path", "problem"),
    [
        (BY_HAND, ["list"], "has something else at list"),
        (BY_HAND, ["image", "tag", "below"], "has something else at image.tag.below"),
        ("- a\n", ["a"], "has something else at a"),
        ("image: {tag:  a}\nb: [1,  2]\n", ["image", "missing"], "cannot be changed at image.missing alone"),
        ("a: &x b\nc: *x\n", ["a"], "cannot be changed at a alone"),
        ("base: &x {a: b}\nmore: *x\n", ["base", "a"], "cannot be changed at base.a alone"),
        (
            "base: &x {a: {b: c}}\nmore:\n  <<: *x\n",
            ["more", "a", "b"],
            "cannot be changed at more.a.b alone",
        ),
    ],
)
def test_what_cannot_be_replaced_alone_is_refused(text: str, path: list[str], problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        in_place.with_value(text, path, "new")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", 'image:\n  digest: "new"\n'),
        ("# why\n# so\n", '# why\n# so\nimage:\n  digest: "new"\n'),
        ("image: {}  # none yet\n", 'image:     # none yet\n  digest: "new"\n'),
        ("image:   # below\n", 'image:   # below\n  digest: "new"\n'),
        ("a: on\n\n# b\nb: '1'\n", "a: on\n\n# b\nb: '1'\nimage:\n  digest: \"new\"\n"),
        (
            "image:\n  tag: 'a'  # one\n\n# two\nlist:\n- 1\n",
            "image:\n  digest: \"new\"\n  tag: 'a'  # one\n\n# two\nlist:\n- 1\n",
        ),
        (
            "image:\n  tag: a\nlist:\n  - x: 1\n    y: 2\n",
            'image:\n  digest: "new"\n  tag: a\nlist:\n  - x: 1\n    y: 2\n',
        ),
        (
            "image:  # below\n    # the one\n    tag:  'a'\nlist:\n- 1\nb:\n    - 2\n",
            "image:  # below\n    digest: \"new\"\n    # the one\n    tag:  'a'\nlist:\n- 1\nb:\n    - 2\n",
        ),
        (
            "all: &all\n  digest: old\nimage:\n  <<: *all  # as everywhere\n  tag: a\n",
            'all: &all\n  digest: old\nimage:\n  digest: "new"\n  <<: *all  # as everywhere\n  tag: a\n',
        ),
    ],
)
def test_a_missing_key_is_added_and_what_people_wrote_stays(text: str, after: str) -> None:
    assert in_place.with_value(text, ["image", "digest"], "new") == after


@pytest.mark.parametrize(
    "text", ["# first\r\na:\r\n  - 1\r\nb: {}\r\n", "a: |\r\n  x\r\nb: {c: 1}", "# x\r\n"]
)
def test_a_key_is_added_with_the_line_ends_that_are_there(text: str) -> None:
    after = in_place.with_value(text, ["b", "image"], "x@sha256:1")

    assert after.count("\n") == after.count("\r\n") > text.count("\n")
