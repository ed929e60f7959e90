"""How kickstart proves to a GitHub who it is. A secret half is in no text that these print."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Token:
    """A user's token. source: where it was found, for the reader."""

    value: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class App:
    """An installation of a GitHub App, with the App's private key in PEM."""

    id: str
    installation: int
    key: str = field(repr=False)
    source: str


Credentials = Token | App
