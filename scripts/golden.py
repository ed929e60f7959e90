"""List what the examples render to, in examples/rendered/CASE/REPOSITORY.txt.

One line a file with mode, SHA-256 of the content, and path; then the text of the files that rendering
made, so that the difference of a listing can be read. A file that was only copied stands in the
skeleton, and a large one is a lock or generated. One text file a repository, since a rendered
`.gitignore` or `.gitattributes` would act on this repository. `--check` writes nothing, and exits
with 1 when a listing is out of date.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kickstart import folders

ROOT = Path(__file__).resolve().parents[1]
RENDERED = ROOT / "examples" / "rendered"
MAX_SHOWN = 16_384  # bytes of one file's text


@dataclass(frozen=True, slots=True)
class Case:
    """One render. Paths are relative to the repository, so that markers are the same anywhere."""

    name: str
    template: str
    options: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of the template."""
        return ROOT / (self.template if self.template.startswith(".") else f"templates/{self.template}")


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
    copied = {entry.content for entry in folders.Files(case.folder).values()}
    return {
        f"{folder.name}.txt": listing(folder, copied)
        for folder in sorted((place / "out").iterdir())
        if folder.is_dir()
    }


def listing(folder: Path, copied: set[bytes]) -> str:
    """Return mode, digest and path of each file in `folder`, and the texts that are not `copied`."""
    entries = folders.Files(folder)
    lines = [
        f"{entry.mode:o} {hashlib.sha256(entry.content).hexdigest()} {path}"
        for path, entry in entries.items()
    ]
    for path, entry in entries.items():
        if entry.is_link or len(entry.content) > MAX_SHOWN or entry.content in copied:
            continue
        try:
            text = entry.content.decode("utf-8")
        except UnicodeDecodeError:
            continue
        lines += ["", f"==== {path}"]
        lines += [f"    {line}".rstrip() for line in text.splitlines()]
    return "\n".join(lines) + "\n"


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
