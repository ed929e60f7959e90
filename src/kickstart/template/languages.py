"""Which language a template is written in: kickstart's own, or what a Backstage portal understands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from kickstart.errors import ParameterError, TemplateError
from kickstart.naming import closest
from kickstart.template.catalog import Source
from kickstart.template.language import Language

if TYPE_CHECKING:
    from kickstart.template.cache import CodeCache

DIALECTS = ("backstage", "kickstart")
ANNOTATION = "kickstart/dialect"


class Languages(Struct, frozen=True):
    """What evaluates a template's steps, and what renders its skeletons."""

    steps: Language
    skeletons: Language
    cache: CodeCache | None = None

    def save(self) -> None:
        """Keep what was compiled for the next run."""
        if self.cache is not None:
            self.cache.save()

    def close(self) -> None:
        """Let go of the file that compiled templates are in."""
        if self.cache is not None:
            self.cache.close()


def dialect_of(source: Source, asked: str | None) -> str:
    """Return what was asked for, else what the template says, else whose it looks like.

    A template with any annotation of kickstart's is kickstart's. Raises ParameterError and TemplateError.
    """
    if asked and asked not in DIALECTS:
        raise ParameterError(
            f"there is no dialect '{asked}'{closest(asked, DIALECTS)}",
            hint="--dialect backstage, or --dialect kickstart",
        )
    annotations = source.template.metadata.annotations
    named = annotations.get(ANNOTATION)
    if named is not None and named not in DIALECTS:
        at = ("metadata", "annotations", ANNOTATION)
        fault = source.fault(at, f"must be {' or '.join(DIALECTS)}, and is {named}")
        raise TemplateError(f"the template '{source.name}' is wrong", faults=[fault])
    ours = any(name.startswith("kickstart/") for name in annotations)
    return asked or named or ("kickstart" if ours else "backstage")


def languages(source: Source, dialect: str, cache: Path | None) -> Languages:
    """Return the languages of a dialect. cache: the folder for compiled templates, if they are kept."""
    if dialect == "backstage":
        from kickstart.template.dialect.engine import Backstage
        from kickstart.template.filters import plugged_in

        engine = Backstage(plugged_in)
        return Languages(engine, engine)
    from kickstart.template.cache import CodeCache
    from kickstart.template.engine import Engine

    code = CodeCache(cache, str(source.file))
    return Languages(Engine(code, strict=False), Engine(code, strict=True), code)
