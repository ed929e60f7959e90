"""The fixtures of the tests of the command line."""

from __future__ import annotations

from tests.cli.support import cli, forge, home, local_forge, pair, small, two

__all__ = ["cli", "forge", "home", "local_forge", "pair", "small", "two"]
