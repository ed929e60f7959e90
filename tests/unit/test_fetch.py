from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kickstart.actions.base import InputError
from kickstart.actions.fetch import FetchTemplate
from kickstart.errors import TemplateError
from kickstart.tree import EXECUTABLE, FILE, LINK, Entry, PathError, Tree
from tests.unit.building import promise, texts, tree, write

BINARY = b"\x89PNG\0${{ values.x }}"
LATIN = "caf\xe9 ${{ values.x }}".encode("latin-1")


def _template(folder: Path, workspace: Tree | None = None, /, **input: Any) -> Tree:
    made = promise("fetch:template", folder, workspace or Tree(), **{"url": "./skeleton", **input})
    assert made.tree is not None
    return made.tree


def _faults(folder: Path, /, **input: Any) -> list[str]:
    with pytest.raises(TemplateError) as raised:
        _template(folder, **input)
    return [str(fault) for fault in raised.value.faults]


def test_a_folder_is_rendered_with_paths_dot_files_modes_and_links(tmp_path: Path) -> None:
    skeleton = write(
        tmp_path / "skeleton",
        {
            "README.md": "# ${{ values.name }}\r\n",
            "${{ values.name }}/.env": "NAME=${{ values.name }}",
            "bin/run": "#!/bin/sh\n",
            "logo.png": BINARY,
            "latin.txt": LATIN,
            "helm.yaml": "{{ .Values.x }}",
        },
    )
    (skeleton / "bin/run").chmod(0o755)
    (skeleton / "README.md").chmod(0o600)
    (skeleton / "bin/start").symlink_to("run")
    (skeleton / "docs").symlink_to("${{ values.name }}")
    write(skeleton / ".git", {"config": "not a part of it"})

    made = _template(tmp_path, values={"name": "shop", "x": 1})

    assert dict(made) == {
        "README.md": Entry(b"# shop\r\n", FILE),
        "bin/run": Entry(b"#!/bin/sh\n", EXECUTABLE),
        "bin/start": Entry(b"run", LINK),
        "docs": Entry(b"${{ values.name }}", LINK),
        "helm.yaml": Entry(b"{{ .Values.x }}", FILE),
        "latin.txt": Entry(LATIN, FILE),
        "logo.png": Entry(BINARY, FILE),
        "shop/.env": Entry(b"NAME=shop", FILE),
    }


@pytest.mark.parametrize(
    ("path", "with_docs"),
    [
        ("{% if values.docs %}docs{% endif %}/a.md", "docs/a.md"),
        ("x/{% if values.docs %}docs{% endif %}/b.md", "x/docs/b.md"),
        ("x/{% if values.docs %}c.md{% endif %}", "x/c.md"),
        ("${{ 'd.md' if values.docs else '' }}", "d.md"),
        ("${{ 'e' if values.docs else '' }}.j2", "e"),
        ("x/${{ 'f' if values.docs else '' }}.j2", "x/f"),
        ("${{ 'p/q' if values.docs else '' }}/g.md", "p/q/g.md"),
    ],
)
def test_a_part_of_a_path_that_renders_empty_leaves_the_file_out(
    tmp_path: Path, path: str, with_docs: str
) -> None:
    write(tmp_path / "skeleton", {path: "x", "always": "x"})

    lean = _template(tmp_path, values={"docs": False}, templateFileExtension=".j2")
    full = _template(tmp_path, values={"docs": True}, templateFileExtension=".j2")

    assert set(lean) == {"always"}
    assert set(full) == {"always", with_docs}


@pytest.mark.parametrize(
    ("extension", "paths"),
    [
        (".j2", ["1.njk", "1.txt"]),
        ("j2", ["1.njk", "1.txt"]),
        (True, ["1", "1.txt.j2"]),
        (False, ["1.njk", "1.txt.j2"]),
    ],
)
def test_only_files_with_the_extension_are_rendered_and_lose_it(
    tmp_path: Path, extension: str | bool, paths: list[str]
) -> None:
    text = "${{ values.x }}"
    write(tmp_path / "skeleton", {"${{ values.x }}.txt.j2": text, "${{ values.x }}.njk": text})

    made = _template(tmp_path, values={"x": 1}, templateFileExtension=extension)

    assert list(made) == paths
    rendered = {path for path, content in texts(made).items() if content == "1"}
    whole = extension is False
    assert rendered == {path for path in paths if whole or not path.endswith((".j2", ".njk"))}


def test_what_is_copied_without_templating_still_has_its_path_rendered(tmp_path: Path) -> None:
    text = "${{ values.x }}"
    files = [
        ".github/workflows/ci.yml",
        "a/b/c.yml",
        "a/b/${{ values.x }}",
        "deep/er/x.tpl",
        "kept.txt",
        "d.yml",
    ]
    write(tmp_path / "skeleton", dict.fromkeys(files, text))

    made = _template(
        tmp_path,
        values={"x": 1},
        copyWithoutTemplating=["./.github", "a/b", "**/*.tpl", "{kept,lost}.txt"],
    )

    assert texts(made) == {
        ".github/workflows/ci.yml": text,
        "a/b/1": text,
        "a/b/c.yml": text,
        "d.yml": "1",
        "deep/er/x.tpl": text,
        "kept.txt": text,
    }


def test_a_file_that_is_there_already_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    write(tmp_path / "skeleton", {"a": "new", "b": "new"})
    before = tree({"out/a": "old", "z": "old"})

    kept = _template(tmp_path, before, targetPath="out")
    replaced = _template(tmp_path, before, targetPath="./out/", replace=True)

    assert texts(kept) == {"out/a": "old", "out/b": "new", "z": "old"}
    assert texts(replaced) == {"out/a": "new", "out/b": "new", "z": "old"}


def test_every_file_at_fault_is_reported_with_line_and_expression(tmp_path: Path) -> None:
    write(
        tmp_path / "skeleton",
        {
            "a.txt": "fine\n${{ values.nmae }}\n",
            "b/${{ values.no }}.txt": "",
            "c.txt": "\n\n{% if %}",
            "good.txt": "${{ values.name }}",
        },
    )

    assert _faults(tmp_path, values={"name": "shop"}) == [
        "skeleton/a.txt:2: ${{ values.nmae }}: 'nmae' is not defined (did you mean 'name'?)",
        "skeleton/b/${{ values.no }}.txt:1: ${{ values.no }}: 'no' is not defined",
        "skeleton/c.txt:3: Expected an expression, got 'end of statement block'",
    ]


def test_two_files_that_render_to_one_path_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "skeleton", {"a.txt": "1", "${{ values.x }}.txt": "2"})

    assert _faults(tmp_path, values={"x": "a"}) == [
        "skeleton/a.txt: renders to a.txt, as ${{ values.x }}.txt does"
    ]


def test_a_file_that_is_asked_for_by_its_extension_must_be_utf_8(tmp_path: Path) -> None:
    write(tmp_path / "skeleton", {"latin.txt.j2": LATIN, "latin.txt": LATIN})

    assert _faults(tmp_path, values={"x": 1}, templateFileExtension=".j2") == [
        "skeleton/latin.txt.j2: is not UTF-8 text (byte 3)"
    ]


def test_white_space_rules_hold_for_a_whole_folder(tmp_path: Path) -> None:
    write(tmp_path / "skeleton", {"a": " {% if true %}\nx\n {% endif %}\n"})

    assert texts(_template(tmp_path, trimBlocks=True, lstripBlocks=True)) == {"a": "x\n"}
    assert texts(_template(tmp_path)) == {"a": " \nx\n \n"}


@pytest.mark.parametrize("name", ["../../etc/x", "a/../../x", ".git/hooks/x", "a\nb"])
def test_a_path_that_leaves_the_workspace_after_rendering_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / "skeleton", {"d/${{ values.name }}": "x"})

    with pytest.raises(PathError):
        _template(tmp_path, values={"name": name}, targetPath="out")


@pytest.mark.parametrize(
    "action", ["fetch:template", "fetch:plain", "fetch:template:file", "fetch:plain:file"]
)
@pytest.mark.parametrize("target", ["../x", "/tmp/x", ".git/config", "a/../../b"])
def test_a_target_outside_the_workspace_is_refused(tmp_path: Path, action: str, target: str) -> None:
    write(tmp_path, {"skeleton/a": "x"})
    url = "./skeleton/a" if action.endswith("file") else "./skeleton"

    with pytest.raises(PathError):
        promise(action, tmp_path, Tree(), url=url, targetPath=target)


@pytest.mark.parametrize(
    "action", ["fetch:template", "fetch:plain", "fetch:template:file", "fetch:plain:file"]
)
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("../outside", "leaves the template's repository"),
        ("/etc", "leaves the template's repository"),
        ("./link", "leaves the template's repository"),
        ("./missing", "does not exist"),
        ("https://example.com/acme/x", "is another repository, and none is fetched here"),
        ("file:///etc", "come by https, http, ssh only"),
        ("a\0b", "a character that is not allowed"),
    ],
)
def test_files_come_from_the_templates_repository_only(
    tmp_path: Path, action: str, url: str, said: str
) -> None:
    write(tmp_path, {"outside": "secret"})
    write(tmp_path / "template", {"skeleton/a": "x"})
    (tmp_path / "template/link").symlink_to("../outside")

    with pytest.raises(TemplateError, match=said):
        promise(action, tmp_path / "template", Tree(), url=url, targetPath="x")


def _link_out(folder: Path) -> None:
    (folder / "out").symlink_to("../../etc/passwd")


def _link_absolute(folder: Path) -> None:
    (folder / "out").symlink_to("/etc/passwd")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "out")


@pytest.mark.parametrize("action", ["fetch:template", "fetch:plain"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [(_link_out, "outside its folder"), (_link_absolute, "outside its folder"), (_pipe, "is neither a file")],
)
def test_a_skeleton_that_reaches_out_is_refused(tmp_path: Path, action: str, spoil: Any, said: str) -> None:
    spoil(write(tmp_path / "skeleton", {"a": "x"}))

    with pytest.raises(PathError, match=said):
        promise(action, tmp_path, Tree(), url="skeleton")


@pytest.mark.parametrize(
    ("action", "url", "said"),
    [
        ("fetch:template", "./skeleton/a", "is not a folder"),
        ("fetch:plain", "./skeleton/a", "is not a folder"),
        ("fetch:template:file", "./skeleton", "is not a file"),
        ("fetch:plain:file", "./skeleton", "is not a file"),
    ],
)
def test_a_folder_is_not_a_file(tmp_path: Path, action: str, url: str, said: str) -> None:
    write(tmp_path, {"skeleton/a": "x"})

    with pytest.raises(InputError, match=said):
        promise(action, tmp_path, Tree(), url=url, targetPath="x")


def test_an_extension_and_globs_exclude_each_other(tmp_path: Path) -> None:
    write(tmp_path, {"skeleton/a": "x"})

    with pytest.raises(InputError, match="exclude each other"):
        _template(tmp_path, templateFileExtension=True, copyWithoutTemplating=["a"])


def test_plain_fetching_copies_and_replaces(tmp_path: Path) -> None:
    write(tmp_path / "skeleton", {"${{ x }}/a": "${{ values.x }}\r\n", "run": "#!"})
    (tmp_path / "skeleton/run").chmod(0o755)

    made = promise("fetch:plain", tmp_path, tree({"out/run": "old"}), url="skeleton", targetPath="out").tree

    assert dict(made or {}) == {
        "out/${{ x }}/a": Entry(b"${{ values.x }}\r\n"),
        "out/run": Entry(b"#!", EXECUTABLE),
    }


def test_one_file_is_fetched_to_the_path_that_it_is_given(tmp_path: Path) -> None:
    write(tmp_path, {"f.txt": "n=${{ values.n }}\n"})
    (tmp_path / "f.txt").chmod(0o755)
    before = tree({"out": "old"})
    given: dict[str, Any] = {"url": "f.txt", "values": {"n": 1}}

    plain = promise("fetch:plain:file", tmp_path, before, url="f.txt", targetPath="out").tree
    kept = promise("fetch:template:file", tmp_path, before, **given, targetPath="out").tree
    made = promise("fetch:template:file", tmp_path, before, **given, targetPath="a/b").tree
    replaced = promise("fetch:template:file", tmp_path, before, **given, targetPath="out", replace=True).tree

    assert plain == Tree({"out": Entry(b"n=${{ values.n }}\n", EXECUTABLE)})
    assert texts(kept) == {"out": "old"}
    assert texts(made) == {"a/b": "n=1\n", "out": "old"}
    assert texts(replaced) == {"out": "n=1\n"}


def test_one_file_at_fault_is_named_with_line_and_expression(tmp_path: Path) -> None:
    write(tmp_path, {"f.txt": "\n${{ values.n }}\n"})

    with pytest.raises(TemplateError) as raised:
        promise("fetch:template:file", tmp_path, Tree(), url="./f.txt", targetPath="x")

    assert [str(fault) for fault in raised.value.faults] == ["f.txt:2: ${{ values.n }}: 'n' is not defined"]


def test_an_input_is_known_by_backstages_name_alone() -> None:
    given = {"url": ".", "target_path": "x", "copy_without_templating": ["*"]}

    read = FetchTemplate.Input.model_validate(given)

    assert (read.target_path, read.copy_without_templating) == (".", [])


def test_a_folder_of_the_workspace_is_rendered_beside_itself(tmp_path: Path) -> None:
    before = tree(
        {"raw/${{ values.n }}.txt": "${{ values.n }}", "raw/keep": "${{ values.n }}", "out/keep": "old"}
    )
    given = {"sourcePath": "./raw", "targetPath": "out", "values": {"n": "new"}}

    kept = promise("workspace:template", tmp_path, before, **given, copyWithoutTemplating=["k*"]).tree
    replaced = promise("workspace:template", tmp_path, before, **given, replace=True).tree

    assert kept is not None
    assert replaced is not None
    assert texts(kept) == {**texts(before), "out/new.txt": "new"}
    assert texts(replaced) == {**texts(before), "out/new.txt": "new", "out/keep": "new"}


def test_a_file_of_the_workspace_is_rendered_to_another_place(tmp_path: Path) -> None:
    made = promise(
        "workspace:template:file",
        tmp_path,
        tree({"a": "{{ cookiecutter.n }}"}),
        **{"sourcePath": "a", "targetPath": "b/c", "values": {"n": 1}, "cookiecutterCompat": True},
    ).tree

    assert made is not None
    assert texts(made)["b/c"] == "1"


@pytest.mark.parametrize(
    ("action", "source", "target", "said"),
    [
        ("workspace:template", "nowhere", "out", "nowhere is not a folder of the workspace"),
        ("workspace:template", "raw", "raw/out", "targetPath raw/out is within raw"),
        ("workspace:template", "raw", "./raw", "targetPath ./raw is within raw"),
        ("workspace:template", ".", "out", "targetPath out is within ."),
        ("workspace:template:file", "raw", "out", "raw is not a file of the workspace"),
    ],
)
def test_what_cannot_be_rendered_in_the_workspace_is_said(
    tmp_path: Path, action: str, source: str, target: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        promise(action, tmp_path, tree({"raw/a": "x"}), sourcePath=source, targetPath=target)
