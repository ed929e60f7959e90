"""Previews: environments of pull requests, in a GitOps repository.

A preview is a folder with one file, `previews/pr-42/values.yaml`: what it gives to the chart, and how
long it lives. Argo CD makes an Application of each folder without a look into it, so that a broken one
holds up no other. Every function is pure: it takes the repository's files, and returns the edit to make.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from msgspec import Struct

from kickstart import document
from kickstart.environments import Files, changed, mapping, text_of
from kickstart.errors import ConflictError, KickstartError, PreflightError
from kickstart.naming import MAX_LABEL
from kickstart.tree import FILE, Edit, Entry

FOLDER = "previews"
SHAPE = "helm/values-preview.yaml"
PROJECT = "argocd/appproject.yaml"
PERMANENT = "environments"
PATHS = (FOLDER, SHAPE, PROJECT, PERMANENT)
"""All that the functions below look at."""

LONGEST = timedelta(days=90)
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PREVIEW = re.compile(rf"{FOLDER}/pr-({_NUMBER.pattern})/.+", re.S)


def number_problem(text: str) -> str | None:
    """Say why `text` is no pull request's number, or None."""
    return None if _NUMBER.fullmatch(text) else f"'{text}' is not the number of a pull request, as in 42"


def duration_problem(text: str) -> str | None:
    """Say why `text` is no time to live, or None."""
    if not _DURATION.fullmatch(text) or _duration(text) > LONGEST:
        return f"'{text}' is not a time to live: use 30m, 72h or 7d, and at most {LONGEST.days}d"
    return None


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Preview(Struct, frozen=True):
    """A preview as its file says. problem: why that cannot be understood, or not be deployed, else ""."""

    number: int
    namespace: str = ""
    host: str = ""
    digest: str = ""
    since: datetime | None = None
    ttl: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """The environment's name."""
        return f"pr-{self.number}"

    @property
    def path(self) -> str:
        """Where its file is."""
        return _path(self.number)

    @property
    def expires(self) -> datetime | None:
        """When `kickstart preview gc` takes it away."""
        return self.since + _duration(self.ttl) if self.since else None


def read(files: Files) -> list[Preview]:
    """Return all previews by their number; those that cannot be understood have a `problem`.

    Raises PreflightError where there are none, and the repository has no place for any.
    """
    numbers = sorted({int(found[1]) for path in files if (found := _PREVIEW.fullmatch(path))})
    if not numbers:
        _refuse_others(files)
    try:
        place = _place(files)
    except KickstartError as error:
        return [Preview(number, problem=error.message) for number in numbers]
    return [_read(files, number, place) for number in numbers]


def one(files: Files, number: int) -> Preview:
    """Return the preview of a pull request. Raises PreflightError where there is no place for previews."""
    return _read(files, number, _place(files))


def create(files: Files, project: str, number: int, image: str, ttl: str, now: datetime) -> Edit:
    """Add the preview of a pull request, or give an existing one another image or time to live.

    The time to live starts anew with every change, and where it is over. Raises PreflightError where the
    repository has no place for previews, ConflictError where something else has the name.
    """
    path, place = _path(number), _place(files)
    since = now.isoformat(timespec="seconds")
    if _files_of(files, number):
        found = _read(files, number, place)
        if found.problem:
            hint = f"correct it, or remove it: kickstart preview delete {project} --pr {number}"
            raise ConflictError(f"{FOLDER}/pr-{number} is in the way: {found.problem}", hint=hint)
        is_alive = found.expires is not None and found.expires > now
        if is_alive and (found.digest, found.ttl) == (image, ttl):
            return Edit({})
        text = text_of(files, path)
        for key, value in (("image.digest", image), ("preview.since", since), ("preview.ttl", ttl)):
            text = changed(text, path, tuple(key.split(".")), value)
    else:
        _namespace(place, number)
        other = f"{PERMANENT}/pr-{number}.yaml"
        if other in files:
            raise ConflictError(
                f"{other} makes an environment of the same name, in the same namespace",
                hint="rename it; where an older template made it for a preview, remove it",
            )
        host = _quoted(_host(files, number))
        text = _VALUES.format(project=project, number=number, host=host, digest=image, since=since, ttl=ttl)
    return Edit(
        {path: Entry(text.encode(), files[path].mode if path in files else FILE)},
        f"Preview pull request {number} with {image[:19]}",
        f"Its time to live is {ttl}.",
        f"preview-pr-{number}",
        f"{image} {ttl}",
    )


def delete(files: Files, number: int) -> Edit:
    """Remove the preview of a pull request, also one that cannot be understood.

    Raises PreflightError where there is none, and the repository has no place for any.
    """
    if not _files_of(files, number):
        _refuse_others(files)
    return _removal(files, [number], f"Remove the preview of pull request {number}", f"delete-pr-{number}")


def collect(files: Files, now: datetime) -> Edit:
    """Remove all previews whose time is over. Where that cannot be learnt they stay."""
    over = [each.number for each in read(files) if each.expires and each.expires <= now]
    listed = ", ".join(map(str, over))
    return _removal(files, over, f"Remove the previews whose time is over: {listed}", "preview-gc")


def _removal(files: Files, numbers: list[int], subject: str, name: str) -> Edit:
    gone: dict[str, Entry | None] = {path: None for each in numbers for path in _files_of(files, each)}
    return Edit(gone, subject, "", name) if gone else Edit({})


def _path(number: int) -> str:
    return f"{FOLDER}/pr-{number}/values.yaml"


def _files_of(files: Files, number: int) -> list[str]:
    """Return all files of a preview: while one is left in its folder, Argo CD keeps it."""
    return [path for path in files if path.startswith(f"{FOLDER}/pr-{number}/")]


def _read(files: Files, number: int, place: str) -> Preview:
    path = _path(number)
    if path not in files:
        return Preview(number, problem="values.yaml does not exist")
    try:
        values = mapping(files, path)
        preview = values.get("preview")
        if not isinstance(preview, dict):
            return Preview(number, problem="has no key 'preview'")
        ttl = str(preview.get("ttl"))
        if problem := duration_problem(ttl):
            return Preview(number, problem=f"preview.ttl: {problem}")
        since = datetime.fromisoformat(str(preview.get("since")))
        if since.tzinfo is None:
            return Preview(number, problem="preview.since: has no time zone")
        try:
            _ = since + _duration(ttl)
        except OverflowError:
            return Preview(
                number, problem="preview.since: is too late for preview.ttl to end in a year of four digits"
            )
        own = values.get("environment")
        return Preview(
            number,
            _namespace(place, number),
            str((values.get("exposure") or {}).get("host") or ""),
            str((values.get("image") or {}).get("digest") or ""),
            since,
            ttl,
            "" if own == f"pr-{number}" else f"environment: is '{own}' and not 'pr-{number}', as its folder",
        )
    except KickstartError as error:
        return Preview(number, problem=error.message)
    except (ValueError, AttributeError):
        return Preview(number, problem="preview.since: is not a time, or a key is not a mapping")


def _place(files: Files) -> str:
    """Return how every preview's namespace begins: the AppProject leaves those to previews."""
    _refuse_others(files)
    spec = mapping(files, PROJECT).get("spec")
    destinations = spec.get("destinations") if isinstance(spec, dict) else None
    for each in destinations if isinstance(destinations, list) else []:
        namespace = str(each.get("namespace") or "") if isinstance(each, dict) else ""
        if namespace.endswith("-pr-*"):
            return namespace[:-1]
    raise PreflightError(
        f"{PROJECT} permits no previews: no destination's namespace ends with -pr-*",
        hint="add one, and let an administrator of Argo CD apply it",
    )


def _refuse_others(files: Files) -> None:
    """Raise PreflightError for a repository that is no GitOps repository: nobody would find it there."""
    missing = next((each for each in (PROJECT, SHAPE) if each not in files), None)
    if missing:
        raise PreflightError(
            f"this repository has no place for previews: {missing} does not exist",
            hint="name a GitOps repository of kickstart: --repository OWNER/NAME",
        )


def _namespace(place: str, number: int) -> str:
    namespace = f"{place}{number}"
    if len(namespace) > MAX_LABEL:
        raise ConflictError(
            f"the namespace '{namespace}' is longer than {MAX_LABEL} characters",
            hint=f"shorten the one that ends with -pr-* in {PROJECT}",
        )
    return namespace


def _host(files: Files, number: int) -> str:
    """Return the preview's own host: that of all previews, with the number in its first label."""
    exposure = mapping(files, SHAPE).get("exposure")
    host = str(exposure.get("host") or "") if isinstance(exposure, dict) else ""
    first, dot, rest = host.partition(".")
    own = f"pr-{number}"
    left = next((each for each in ("preview", "*") if each in first), None)
    first = first.replace(left, own, 1) if left else f"{own}-{first}".rstrip("-")
    if len(first) > MAX_LABEL:
        raise ConflictError(
            f"the host '{first}{dot}{rest}' has a part of more than {MAX_LABEL} characters",
            hint=f"shorten exposure.host in {SHAPE}",
        )
    return f"{first}{dot}{rest}"


def _quoted(text: str) -> str:
    return document.dump(text).removesuffix("\n").removesuffix("\n...")


_VALUES = """\
# The preview of pull request {number}, written by kickstart: when its time is over this folder goes, and
# everything in its namespace with it. Sooner: kickstart preview delete {project} --pr {number}
# What all previews have in common: helm/values-preview.yaml
environment: pr-{number}
exposure:
  host: {host}
image:
  digest: "{digest}"
preview:
  # The time to live starts anew with every new image.
  since: "{since}"
  ttl: "{ttl}"
"""
