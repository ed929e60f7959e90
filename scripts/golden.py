"""List what the examples render to, in examples/rendered/CASE/REPOSITORY.txt.

One line a file: mode, SHA-256 of the content, path. Listings instead of the files themselves, because
a rendered `.gitignore` or `.gitattributes` would act on this repository. `--check` writes nothing, and
exits with 1 when a listing is out of date.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RENDERED = ROOT / "examples" / "rendered"


@dataclass(frozen=True, slots=True)
class Case:
    """One render. Paths are relative to the repository, so that markers are the same anywhere."""

    name: str
    template: str
    options: tuple[str, ...] = ()


CASES = (
    Case("smallest", "./examples/templates/smallest"),
    Case("two-repositories", "./examples/templates/two-repositories", ("--set", "database=postgres")),
    Case("rag-chatbot-laptop", "rag-chatbot", ("--values", "examples/values/laptop.yaml")),
    Case("rag-chatbot-team", "rag-chatbot", ("--values", "examples/values/team.yaml")),
)


def render(case: Case, place: Path) -> dict[str, str]:
    """Return the listing of each repository that `case` renders below `place`."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("KICKSTART_", "GIT_"))
    }
    environment |= {"KICKSTART_HOME": str(place / "home"), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "kickstart", "render", "demo", "--no-input", "--quiet"]
    command += ["--owner", "acme", "--forge", "local:/forge", "--template", case.template]
    command += ["--output-dir", str(place / "out"), *case.options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case.name} does not render (exit code {done.returncode}):\n{done.stderr}")
    return {
        f"{folder.name}.txt": listing(folder)
        for folder in sorted((place / "out").iterdir())
        if folder.is_dir()
    }


def listing(folder: Path) -> str:
    """Return one line for each file of `folder`: mode, digest, path."""
    lines = []
    for file in folder.rglob("*"):
        path = file.relative_to(folder).as_posix()
        if file.is_symlink():
            mode, content = "120000", os.fsencode(file.readlink())
        elif file.is_file():
            mode = "100755" if file.stat().st_mode & 0o100 else "100644"
            content = file.read_bytes()
        else:
            continue
        lines.append((path, f"{mode} {hashlib.sha256(content).hexdigest()} {path}\n"))
    return "".join(line for _, line in sorted(lines))


def expected() -> dict[Path, str]:
    """Return every listing by its file."""
    listings: dict[Path, str] = {}
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="kickstart-golden-") as place:
            for name, text in render(case, Path(place)).items():
                listings[RENDERED / case.name / name] = text
    return listings


def main(arguments: list[str]) -> int:
    """Write or check the listings."""
    wanted = expected()
    found = {file: file.read_text("utf-8") for file in RENDERED.rglob("*.txt")}
    stale = sorted(file for file in {*wanted, *found} if wanted.get(file) != found.get(file))
    if "--check" in arguments:
        for file in stale:
            print(f"out of date: {file.relative_to(ROOT)}; run: make golden")
        return 1 if stale else 0
    for file in stale:
        if file in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[file], "utf-8")
        else:
            file.unlink()
        print(f"{'written' if file in wanted else 'removed'}  {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
