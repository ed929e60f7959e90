"""Objects as they stand in files."""

from __future__ import annotations

import pytest

from kickstart.checks.manifest import Manifest, ManifestError, documents, external, load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("on", True),
        ("2026-11-24", "2026-11-24"),
        ("12:30", "12:30"),
        ("0644", 420),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        ("~", None),
        ("1.30", 1.3),
        ("v1", "v1"),
        ("!Ref x", "x"),
    ],
)
def test_scalars_are_read_as_kubernetes_reads_them(text: str, value: object) -> None:
    assert load(f"a: {text}") == {"a": value}


def test_every_document_knows_the_line_it_starts_at() -> None:
    found = list(documents("# head\n---\na: 1\n--- # two\nb: 2\n---\n\n"))

    assert [(line, load(text)) for line, text in found] == [(1, None), (2, {"a": 1}), (4, {"b": 2})]


@pytest.mark.parametrize(
    ("text", "rule", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3", "yaml/duplicate-key", 3, "the key 'a' stands twice, here and in line 1"),
        ("a: {b: 1, b: 2}", "yaml/duplicate-key", 1, "the key 'b' stands twice"),
        ("a:\n  - [1, 2\nb: 1", "yaml/syntax", 3, "did not find expected"),
        ("? [a]\n: 1", "yaml/syntax", 1, "a key that is not text"),
        ("[" * 200 + "]" * 200, "yaml/syntax", 1, "nested deeper than 100 levels"),
        (
            "a: &a [" + "1," * 999 + "]\nb: &b [" + "*a," * 999 + "]\nc: [*b]",
            "yaml/syntax",
            2,
            "after aliases",
        ),
        ("a: &a [*a]", "yaml/syntax", 1, "contains itself"),
        ("a: \x07", "yaml/syntax", 1, "control characters are not allowed"),
    ],
)
def test_what_cannot_be_read_has_a_line_and_a_reason(text: str, rule: str, line: int, message: str) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        load(text)

    assert (caught.value.rule, caught.value.line) == (rule, line)


def test_a_path_has_the_line_of_its_nearest_ancestor() -> None:
    text = "kind: A\nspec:\n  list:\n    - name: x\n    - name: y\n      port: 1\n"
    manifest = Manifest(load(text), text, "file.yaml")

    assert [
        manifest.line_of(path)
        for path in ((), ("spec",), ("spec", "list", 1, "port"), ("spec", "list", 1, "none"), ("none",))
    ] == [1, 2, 6, 5, 1]


def test_comments_switch_rules_off_and_declare_what_others_make() -> None:
    text = (
        "# kickstart:ignore image/tag The registry has no versions.\n"
        "#kickstart:ignore image/tag too close to the sign\n"
        "a: 1  # kickstart:ignore rights/cluster behind a value\n"
        "  # kickstart:ignore rights/wildcard\n"
        "# kickstart:external Secret/web-token made by the platform\n"
    )

    assert Manifest({}, text, "f").ignored == {
        "image/tag": "The registry has no versions.",
        "rights/wildcard": "",
    }
    assert external(text) == {("Secret", "web-token")}
