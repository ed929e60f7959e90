"""Helm: a program on this machine, or the engine inside the package `helm-python-sdk`."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kickstart.errors import PreflightError
from kickstart.tools.folders import LocalFolders
from kickstart.tree import Tree

TIMEOUT = 60  # seconds for one rendering; a large chart takes one
VERSION_TIMEOUT = 20  # seconds; a slow disk takes two


class _Charts:
    """Charts written to folders, each of them once, for as long as the engine lives."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kickstart-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._places: dict[tuple[str, str], Path] = {}
        self._lock = threading.Lock()

    def place(self, name: str, files: Tree) -> Path:
        with self._lock:
            key = (name, files.digest())
            if key not in self._places:
                # A chart is called as somebody else likes, also `/home` or `..`.
                place = self._folder / str(len(self._places)) / release_name(name)
                LocalFolders().write(place, files)
                self._places[key] = place
            return self._places[key]


class HelmProgram:
    """The program `helm`."""

    knows_capabilities = True

    def __init__(self, program: Path) -> None:
        """Raise PreflightError when it is no Helm that runs here."""
        self._program = program
        self._charts = _Charts()
        hint = "name another one: --helm PATH, or KICKSTART_HELM"
        try:
            done = self._run("version", "--template", "{{.Version}}", timeout=VERSION_TIMEOUT)
        except OSError as error:
            raise PreflightError(f"{program} cannot be run: {error.strerror}", hint=hint) from error
        except subprocess.TimeoutExpired as error:
            raise PreflightError(
                f"{program} did not say its version within {error.timeout:.0f} seconds", hint=hint
            ) from error
        version = re.search(r"v?(\d+\.\d+\.\d+\S*)", done.stdout)
        if done.returncode or version is None:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise PreflightError(
                f"{program} is no Helm: {said[-1][:200] if said else 'it says nothing'}", hint=hint
            )
        if int(version[1].split(".")[0]) < 3:
            raise PreflightError(f"{program} is Helm {version[1]}; Helm 3 or 4 is needed", hint=hint)
        self.name = f"helm {version[1]} ({program})"

    def render(
        self,
        name: str,
        files: Tree,
        values: Sequence[str],
        namespace: str,
        version: str,
        kinds: Sequence[str],
    ) -> tuple[str, str]:
        folder = self._charts.place(name, files)
        command = ["template", release_name(name), str(folder), "--namespace", namespace]
        command += ["--kube-version", f"{version}.0"]
        command += [part for each in values for part in ("--values", str(folder / each))]
        if kinds:
            command += ["--api-versions", ",".join(kinds)]
        try:
            done = self._run(*command, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return "", f"Helm did not finish within {TIMEOUT} seconds"
        return (done.stdout, "") if done.returncode == 0 else ("", _clean(done.stderr, folder))

    def _run(self, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._program), *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )


class HelmLibrary:
    """The engine inside `helm-python-sdk`. It can't be told what a cluster has."""

    knows_capabilities = False

    def __init__(self) -> None:
        """Raise ImportError when the package is not installed."""
        self._library: Any = importlib.import_module("helm_python")
        self._charts = _Charts()
        version = self._library.helm_sdk_version().lstrip("v")
        self.name = f"helm {version} (helm-python-sdk {self._library.__version__})"

    def render(
        self,
        name: str,
        files: Tree,
        values: Sequence[str],
        namespace: str,
        version: str,
        kinds: Sequence[str],
    ) -> tuple[str, str]:
        folder = self._charts.place(name, files)
        merged: dict[str, Any] = {}
        try:
            for each in values:
                _merge(merged, self._library.values_from_yaml((folder / each).read_text("utf-8")))
            with self._library.Chart.load(folder) as chart:
                chart.validate_schema(merged)
                rendered = chart.render(merged, name=release_name(name), namespace=namespace, is_install=True)
        except self._library.HelmError as error:
            return "", _clean(str(error), folder)
        except (OSError, UnicodeDecodeError) as error:
            return "", f"a values file cannot be read: {error}"
        return "".join(
            f"---\n# Source: {path}\n{text}\n"
            for path, text in sorted(rendered.items())
            if text.strip() and not path.endswith("NOTES.txt")
        ), ""


def release_name(name: str) -> str:
    """Return a release's name for a chart: a DNS label of at most 53 characters, as Helm wants it."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower())[:53].strip("-") or "release"


def _merge(below: dict[str, Any], above: dict[str, Any]) -> None:
    """Lay one values file over another, as Helm does: mappings are merged, all else is replaced."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        else:
            below[key] = value


def _clean(text: str, folder: Path) -> str:
    """Leave out the temporary folder, and what Helm says besides its error."""
    lines = [
        line
        for line in text.replace(f"{folder}/", "").replace(str(folder), "the chart").splitlines()
        if line.strip() and not re.match(r"(WARNING|Use --debug|level=)|\d{4}/\d\d/\d\d", line)
    ]
    return "\n".join(lines).removeprefix("Error: ").strip()
