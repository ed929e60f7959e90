"""Skeletons of other repositories, fetched by a real Git that finds github.com on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli, commit_all, fetch, git_in, publish, write_files, write_template

FORGE = "https://github.com"
SKELETONS = f"{FORGE}/acme/skeletons"
PORTAL: dict[str, Any] = {"metadata": {"name": "small", "title": "A small one"}}


@pytest.fixture
def skeletons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that Git finds at SKELETONS; nothing else is there."""
    folder = tmp_path / "github/acme/skeletons.git"
    write_files(
        folder,
        {
            "service/${{ values.name }}.txt": b"for ${{ values.name }}\n",
            "service/run.sh": b"#!/bin/sh\n",
            "notes.md": b"${{ values.name }}\n",
        },
    )
    (folder / "service/run.sh").chmod(0o755)
    commit_all(folder)
    git_in(folder, "tag", "v1")
    (folder / "service/run.sh").write_text("#!/bin/sh\necho newer\n")
    commit_all(folder)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{tmp_path}/github/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"{FORGE}/")
    return folder


def _from(url: str, action: str = "fetch:template", **more: str) -> dict[str, Any]:
    values = {"name": "${{ parameters.name }}"} if action.startswith("fetch:template") else {}
    inputs = {"url": url, **({"values": values} if values else {}), **more}
    return {"id": "other", "action": action, "input": inputs}


@pytest.mark.parametrize("top", [PORTAL, {}], ids=["portal", "own"])
@pytest.mark.parametrize(
    "url", [f"{SKELETONS}/tree/v1/service", f"{SKELETONS}.git//service@v1"], ids=["page", "reference"]
)
def test_a_skeleton_comes_from_another_repository(
    cli: Cli, tmp_path: Path, skeletons: Path, url: str, top: dict[str, Any]
) -> None:
    template = write_template(tmp_path / "t", [_from(url), publish()], **top)

    result = cli("render", "demo", "-t", template, "--owner", "acme", "-d", tmp_path / "out")

    assert result.code == 0, result.err
    assert (tmp_path / "out/demo/demo.txt").read_text() == "for demo\n"
    assert (tmp_path / "out/demo/run.sh").read_text() == "#!/bin/sh\n"
    assert (tmp_path / "out/demo/run.sh").stat().st_mode & 0o111


@pytest.mark.parametrize(
    ("action", "path", "expected"),
    [
        ("fetch:template:file", "blob/main/notes.md", "demo\n"),
        ("fetch:plain:file", "blob/main/notes.md", "${{ values.name }}\n"),
        ("fetch:plain", "tree/main/service", "#!/bin/sh\necho newer\n"),
        ("fetch:plain", "", "#!/bin/sh\necho newer\n"),
    ],
)
def test_every_way_to_fetch_knows_other_repositories(
    cli: Cli, tmp_path: Path, skeletons: Path, action: str, path: str, expected: str
) -> None:
    url = f"{SKELETONS}/${{{{ '{path}' }}}}" if path else SKELETONS
    template = write_template(tmp_path / "t", [_from(url, action, targetPath="x"), publish()], **PORTAL)

    result = cli("render", "demo", "-t", template, "--owner", "acme", "-d", tmp_path / "out")

    assert result.code == 0, result.err
    place = tmp_path / "out/demo/x"
    found = place if place.is_file() else next(place.rglob("run.sh"))
    assert found.read_text() == expected


def test_what_is_at_a_commit_is_fetched_once(cli: Cli, tmp_path: Path, skeletons: Path) -> None:
    commit = git_in(skeletons, "rev-parse", "HEAD")
    template = write_template(tmp_path / "t", [_from(f"{SKELETONS}/tree/{commit}/service"), publish()])
    command = ("render", "demo", "-t", template, "--owner", "acme", "-d")
    assert cli(*command, tmp_path / "one").code == 0
    skeletons.rename(tmp_path / "gone")

    again = cli(*command, tmp_path / "two")

    assert again.code == 0, again.err
    assert (tmp_path / "two/demo/run.sh").read_text() == "#!/bin/sh\necho newer\n"


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        (f"{SKELETONS}/tree/main/gone", 3, "there is no gone in https://github.com/acme/skeletons.git"),
        (f"{SKELETONS}/tree/main/notes.md", 3, f"{SKELETONS}/tree/main/notes.md is not a folder"),
        (f"{SKELETONS}/tree/main/..%2F..%2F..", 3, "leaves its repository"),
        (f"{SKELETONS}/tree/gone/service", 3, "has no branch, tag or commit 'gone'"),
        ("https://me:hunter2@github.com/acme/gone", 6, "https://github.com/acme/gone.git cannot be fetched"),
    ],
)
def test_what_cannot_be_had_is_an_error(
    cli: Cli, tmp_path: Path, skeletons: Path, url: str, code: int, said: str
) -> None:
    template = write_template(tmp_path / "t", [_from(url), publish()])

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--forge", f"local:{tmp_path}/f")

    assert (result.code, said in result.err) == (code, True), result.err
    assert "hunter2" not in result.err
    assert not (tmp_path / "f").exists()


def test_a_repository_with_a_link_out_of_it_is_refused(cli: Cli, tmp_path: Path, skeletons: Path) -> None:
    (skeletons / "service/out").symlink_to("../../..")
    commit_all(skeletons)
    template = write_template(tmp_path / "t", [_from(f"{SKELETONS}/tree/main/service"), publish()])

    result = cli("render", "demo", "-t", template, "--owner", "acme", "-d", tmp_path / "out")

    assert result.code == 3
    assert "holds what no template may: 'service/out' is a link to '../../..'" in result.err
    assert not (tmp_path / "out").exists()


def test_a_portals_step_that_cannot_be_fetched_is_shown_and_never_published(
    cli: Cli, tmp_path: Path, skeletons: Path
) -> None:
    steps = [fetch(templateFileExtension=False), _from(f"{FORGE}/acme/gone/tree/main/x"), publish()]
    template = write_template(tmp_path / "t", steps, **PORTAL)
    command = ("create", "demo", "-t", template, "--owner", "acme", "--forge", f"local:{tmp_path}/f")

    shown, created = cli(*command, "--dry-run"), cli(*command)

    assert shown.code == 0, shown.err
    assert "url: https://github.com/acme/gone/tree/main/x" in shown.out
    assert "name: demo" in shown.out
    assert created.code == 6
    assert "'main' of https://github.com/acme/gone.git cannot be fetched" in created.err
    assert "check the URL and your access" in created.err
    assert not (tmp_path / "f").exists()
