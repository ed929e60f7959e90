from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import CodeType

import pytest

from kickstart.template.cache import CodeCache


class Compiler:
    """Compiles `source`, and counts."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.calls = 0

    def __call__(self) -> CodeType:
        self.calls += 1
        return compile(self.source, "<test>", "eval")


def _fill(folder: Path) -> Path:
    """Keep the code of `1 + 1`, and return the cache's one file."""
    with closing(CodeCache(folder, "template")) as cache:
        cache.code("text", "source", Compiler("1 + 1"))
        cache.save()
    (file,) = folder.iterdir()
    return file


def _is_used(
    folder: Path, *, identity: str = "template", dialect: str = "text", source: str = "source"
) -> bool:
    compiler = Compiler("2 + 2")
    with closing(CodeCache(folder, identity)) as cache:
        code = cache.code(dialect, source, compiler)
    return bool(eval(code) == 2 and compiler.calls == 0)


def test_a_second_run_does_not_compile(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "templates"

    file = _fill(folder)

    assert _is_used(folder)
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.parametrize(
    "change",
    [{"identity": "another"}, {"dialect": "value"}, {"source": "source "}],
    ids=lambda each: str(each),
)
def test_the_key_holds_all_that_shapes_the_code(tmp_path: Path, change: dict[str, str]) -> None:
    _fill(tmp_path / "cache")

    assert not _is_used(tmp_path / "cache", **change)


def _writable_for_the_group(file: Path) -> None:
    file.chmod(0o660)


def _writable_for_all(file: Path) -> None:
    file.chmod(0o602)


def _in_a_folder_for_the_group(file: Path) -> None:
    file.parent.chmod(0o770)


def _a_link(file: Path) -> None:
    file.rename(file.with_suffix(".moved"))
    file.symlink_to(file.with_suffix(".moved"))


def _torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def _damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


def _empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize(
    "spoil",
    [
        _writable_for_the_group,
        _writable_for_all,
        _in_a_folder_for_the_group,
        _a_link,
        _torn,
        _damaged,
        _empty,
    ],
)
def test_code_that_another_could_have_written_or_that_is_damaged_is_not_run(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    folder = tmp_path / "cache"
    file = _fill(folder)
    assert _is_used(folder)

    spoil(file)

    assert not _is_used(folder)


def test_code_of_another_owner_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    _fill(folder)
    owner = os.geteuid()

    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    assert not _is_used(folder)


def test_a_damaged_file_is_replaced_by_the_next_run(tmp_path: Path) -> None:
    _torn(_fill(tmp_path / "cache"))

    _fill(tmp_path / "cache")

    assert _is_used(tmp_path / "cache")


def test_what_a_run_did_use_is_kept_by_the_next_write(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    _fill(folder)

    with closing(CodeCache(folder, "template")) as cache:
        cache.code("text", "source", Compiler("3 + 3"))
        cache.code("text", "new", Compiler("1 + 1"))
        cache.save()

    assert _is_used(folder)
    assert _is_used(folder, source="new")


def test_what_a_run_did_not_use_is_forgotten_by_the_next_write(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    _fill(folder)

    with closing(CodeCache(folder, "template")) as cache:
        cache.code("text", "new", Compiler("1 + 1"))
        cache.save()

    assert not _is_used(folder)
    assert _is_used(folder, source="new")


def test_a_run_that_compiled_nothing_writes_nothing(tmp_path: Path) -> None:
    file = _fill(tmp_path / "cache")
    os.utime(file, (1, 1))

    with closing(CodeCache(tmp_path / "cache", "template")) as cache:
        cache.code("text", "source", Compiler("1 + 1"))
        cache.save()

    assert file.stat().st_mtime == 1


def test_a_folder_that_cannot_be_written_costs_only_speed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    cache = CodeCache(tmp_path / "file" / "cache", "template")
    code = cache.code("text", "source", Compiler("1 + 1"))
    cache.save()

    assert eval(code) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_without_a_folder_it_remembers_within_a_run() -> None:
    cache = CodeCache(None, "")
    compiler = Compiler("1 + 1")

    for _ in range(3):
        cache.code("text", "source", compiler)
    cache.save()

    assert compiler.calls == 1


def test_plain_data_is_remembered_too(tmp_path: Path) -> None:
    with closing(CodeCache(tmp_path / "cache", "template")) as cache:
        cache.memo("source", lambda: [("a", 1)])
        cache.save()

    with closing(CodeCache(tmp_path / "cache", "template")) as cache:
        again = cache.memo("source", lambda: "computed again")

    assert again == [("a", 1)]
