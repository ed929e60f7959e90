"""What a page shows after a `$ ` is what the command prints, for every page that can run here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "docs/tutorial/first-project.md",
    "docs/how-to/give-secrets.md",
    "docs/how-to/look-at-and-delete-a-project.md",
    "docs/how-to/render-locally.md",
    "docs/how-to/write-a-template.md",
    "examples/README.md",
    *(page.relative_to(ROOT).as_posix() for page in sorted(ROOT.glob("examples/templates/*/README.md"))),
]
MARK, END = "\x1e", "\x1f"  # around the exit code that follows what a command prints
# What installs needs a package index: here it is done already. The Makefile's own rule for `create`
# is held by the test below.
STANDINS = """
make() { if [ "$1" = create ]; then .venv/bin/kickstart create my-chatbot --no-input; fi; }
pipx() { :; }
uvx() { shift 2; "$@"; }
UPLOAD_TOKEN=correct-horse-battery
REGISTRY_TOKEN=correct-horse-battery
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of a page, and the lines that the page shows below it."""

    command: str
    lines: list[str]


def _shown(page: str) -> list[Shown]:
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"^( *)```console\n(.*?)^\1```$", text, re.M | re.S)
    return [shown for indent, block in blocks for shown in _commands(block, len(indent))]


def _commands(block: str, indent: int) -> Iterator[Shown]:
    command = ""
    lines: list[str] = []
    for line in (line[indent:] for line in block.splitlines()):
        if line.startswith("$ "):
            if command:
                yield Shown(command, lines)
            command, lines = line[2:], []
        else:
            lines.append(line)
    yield Shown(command, lines)


def _clone_of_ada(top: Path) -> Path:
    """Return what looks like a fresh clone in Ada's home folder, with kickstart installed into it."""
    clone = top / "home" / "ada" / "kickstart"
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "kickstart").symlink_to(Path(sys.executable).parent / "kickstart")
    for name in ("docs", "examples", "templates"):
        (clone / name).symlink_to(ROOT / name)
    (top / "tmp").mkdir()
    return clone


def _run(commands: list[str], clone: Path) -> list[tuple[int, str]]:
    """Run `commands` in one shell, and return the exit code and the output of each."""
    script = [STANDINS]
    for command in commands:
        script += [command, f"printf '{MARK}%s{END}' $?"]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in {"KICKSTART_HOME", "CI"}},
        "HOME": str(clone.parent),
        "LOGNAME": "ada",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for name in [name for name in environment if name.startswith("XDG_")]:
        del environment[name]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    results = []
    for each in done.stdout.decode().split(END)[:-1]:
        printed, _, code = each.rpartition(MARK)
        results.append((int(code), printed))
    return results


def _comparable(text: str) -> str:
    """Replace what changes with every change of a template, and with what is installed here."""
    text = re.sub(r"(NOT CHECKED in full) \([^)]*\)", r"\1 (WHY)", text)
    text = re.sub(r"\b[0-9.]+ (?:B|kB|MB)\b", "SIZE", text)
    return re.sub(r"\b\d+ files?\b", "COUNT files", text)


def _begins_as_shown(lines: list[str], printed: str) -> bool:
    """Tell whether `printed` begins with `lines`; `...` stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(_comparable(line.rstrip())) + r"[ \t]*\n"
        for line in lines
    )
    return re.match(pattern, _comparable(printed)) is not None


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_the_page_shows(page: str, tmp_path: Path) -> None:
    top = tmp_path.resolve()
    shown = [each for each in _shown(page) if "git.example.com" not in each.command]
    inside = re.compile(r"(?<!\w)/tmp/")

    results = _run([inside.sub(f"{top}/tmp/", each.command) for each in shown], _clone_of_ada(top))

    assert len(results) == len(shown)
    for each, (code, printed) in zip(shown, results, strict=True):
        printed = printed.replace(str(top), "")
        fails = any(line.startswith("Error: ") for line in each.lines)
        assert _begins_as_shown(each.lines, printed), f"$ {each.command}\n{printed}"
        assert (code != 0) == fails, f"$ {each.command}\n{printed}"


@pytest.mark.slow
def test_the_readme_shows_the_whole_output_of_make_create(tmp_path: Path) -> None:
    shown = re.findall(r"^```text\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)[0]

    [(code, printed)] = _run(["make create"], _clone_of_ada(tmp_path.resolve()))

    assert code == 0
    assert _comparable(printed.replace(str(tmp_path.resolve()), "")) == _comparable(shown)


@pytest.mark.slow
def test_the_values_of_a_folders_file_are_shown_as_they_are_printed(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/configure-defaults.md").read_text("utf-8")
    team = _clone_of_ada(tmp_path.resolve()).parent / "team"
    (team / ".kickstart").mkdir(parents=True)
    (team / ".kickstart/config.yaml").write_text(
        re.findall(r"^   ```yaml\n(.*?)^   ```$", page, re.M | re.S)[0].replace("\n   ", "\n").lstrip()
    )
    [shown] = _shown("docs/how-to/configure-defaults.md")

    [(code, printed)] = _run([shown.command], team)

    assert code == 0, printed
    assert _begins_as_shown(shown.lines, printed.replace(str(team), "/srv/team")), printed


def test_the_note_of_the_page_about_portals_is_one_that_is_printed(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/run-backstage-templates.md").read_text("utf-8")
    [(expression, said)] = re.findall(
        r"^   Note: template.yaml:\d+: [\w.]+: (\${{.*}}): (.*) \.\.\.$", page, re.M
    )
    template = (ROOT / "examples/templates/smallest/template.yaml").read_text("utf-8")
    template = template.replace("kickstart/dialect: kickstart", "kickstart/dialect: backstage")
    (tmp_path / "template.yaml").write_text(template.replace("${{ parameters.name }}", expression, 1))

    [(_, printed)] = _run([f"kickstart template validate {tmp_path}/"], tmp_path)

    assert f"{expression}: {said}" in printed


def test_make_create_is_what_the_pages_run() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert "\t$(BIN)/kickstart create $(NAME) --no-input\n" in makefile
    assert "\nNAME ?= my-chatbot\n" in makefile
