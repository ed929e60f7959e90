from __future__ import annotations

import pytest

from kickstart import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hunter2@host/a.git", "https://host/a.git"),
        ("https://hunter2@host/a", "https://host/a"),
        ("https://me:p@ss@host/a@main", "https://host/a@main"),
        (
            "fatal: 'ssh://me:hunter2@one/a' and 'https://hunter2@two'",
            "fatal: 'ssh://one/a' and 'https://two'",
        ),
        ("https://host/a@v1", "https://host/a@v1"),
        ("git@host:acme/shop", "git@host:acme/shop"),
    ],
)
def test_a_url_is_shown_without_who_opens_it(text: str, shown: str) -> None:
    assert redact.urls(text) == shown
