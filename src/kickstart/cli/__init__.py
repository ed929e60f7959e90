"""The command line: the only place that prints, prompts, reads the environment or exits."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if arguments is None and not sys.flags.safe_path:
        # Python looks there first for every module: the folder that it runs in may be somebody else's.
        del sys.path[0]
    from kickstart.cli.streams import lasting

    with lasting() as out:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        out.flush()
        if out.lost:
            sys.stderr.write(f"Error: the result cannot be written: {out.lost}\n")
    return code or (4 if out.lost else 0)


def _run(given: list[str]) -> int:
    if given in (["--version"], ["-V"]):  # answered before anything is imported
        from kickstart import __version__

        sys.stdout.write(f"kickstart {__version__}\n")
        return 0
    _start_fast()
    try:
        from kickstart.cli.app import run

        return run(given)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Nothing is half done: run the same command again.\n")
        return 130


def _start_fast() -> None:
    """Leave out what a short run does not need, before anything large is imported."""
    # Importing makes thousands of objects that stay: collecting garbage among them is wasted.
    gc.set_threshold(100_000, 20, 20)
    # At the end it would be looked through once more, for a process whose memory goes back anyway.
    atexit.register(gc.freeze)
    # Pydantic would search every installed package for plug-ins of its own, and load what reads their
    # metadata, mail and archives, before it looks whether it may.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    sys.modules.setdefault("pydantic.plugin._loader", _no_plugins())
    sys.meta_path.insert(0, _WhenUsed)


def _no_plugins() -> ModuleType:
    module = ModuleType("pydantic.plugin._loader")
    module.__dict__["get_plugins"] = tuple
    return module


class _WhenUsed:
    """Loads what libraries import and a run does not use at the first look into it."""

    # importlib.metadata imports a parser of mail for what is never read here.
    # PyGithub imports a module for each kind of thing on GitHub, and for Apps a library of cryptography.
    # msgspec imports its codecs, of which only the structs are used.
    MODULES = (
        *("importlib.metadata._adapters", "github.", "jwt"),
        *(f"msgspec.{name}" for name in ("inspect", "json", "msgpack", "toml", "yaml")),
    )

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not name.startswith(cls.MODULES):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            spec.loader = LazyLoader(spec.loader)
        return spec
