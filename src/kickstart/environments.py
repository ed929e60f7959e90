"""The environments of a GitOps repository: previews that come and go, and images that move between them.

Every function is pure: it takes the repository's files, and returns the edit to make. What people
wrote by hand around a changed value stays as it is, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from kickstart import document
from kickstart.errors import ConflictError, Fault, KickstartError, ParameterError, PreflightError
from kickstart.naming import MAX_LABEL, closest
from kickstart.tree import Edit, Entry

FOLDER, IMAGES = "environments", "helm/images"
SHAPE = "helm/values-preview.yaml"
PROJECT = "argocd/appproject.yaml"
SET = "argocd/environments.yaml"
PATHS = (FOLDER, IMAGES, SHAPE, PROJECT, SET)
"""All that the functions below look at."""

LONGEST = timedelta(days=90)
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PREVIEW = re.compile(rf"{FOLDER}/pr-({_NUMBER.pattern})\.yaml")

Files = Mapping[str, Entry]


def number_problem(text: str) -> str | None:
    """Say why `text` is no pull request's number, or None."""
    return None if _NUMBER.fullmatch(text) else f"'{text}' is not the number of a pull request, as in 42"


def digest_problem(text: str) -> str | None:
    """Say why `text` is no image digest, or None."""
    if _DIGEST.fullmatch(text):
        return None
    return f"'{text}' is not of the form sha256: with 64 hexadecimal digits in lower case"


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


# What argocd/environments.yaml takes from every file: without one of them it makes nothing of any.
KEYS = (
    *("environment", "namespace", "server", "revision", "profile", "secretStore", "ephemeral"),
    "components",
)


class Preview(Struct, frozen=True):
    """A preview as its files say. problem: why they cannot be understood, or why Argo CD cannot, else ""."""

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
    def expires(self) -> datetime | None:
        """When `kickstart preview gc` takes it away."""
        return self.since + _duration(self.ttl) if self.since else None


def previews(files: Files) -> list[Preview]:
    """Return all previews by their number; those that cannot be understood have a `problem`."""
    numbers = sorted(int(found[1]) for path in files if (found := _PREVIEW.fullmatch(path)))
    return [_read(files, number) for number in numbers]


def create(files: Files, number: int, image: str, ttl: str, now: datetime) -> Edit:
    """Add the preview of a pull request, or give an existing one another image or time to live.

    The time to live starts anew with every change. Raises PreflightError where the repository has no
    place for previews, ConflictError where something else has the name.
    """
    place, values = _paths(number)
    since = now.isoformat(timespec="seconds")
    if place in files:
        found = _read(files, number)
        if found.problem:
            _refuse_permanent(files, place)
            hint = f"correct it, or remove it: kickstart preview delete NAME --pr {number}"
            raise ConflictError(f"{place} is in the way: {found.problem}", hint=hint)
        if (found.digest, found.ttl) == (image, ttl):
            return Edit({})
        environment = _changed(_text(files, place), place, ("preview", "since"), since)
        environment = _changed(environment, place, ("preview", "ttl"), ttl)
        chart = _changed(_text(files, values), values, ("image", "digest"), image)
    elif values in files:
        hint = f"remove it: kickstart preview delete NAME --pr {number}"
        raise ConflictError(f"{values} is in the way: it belongs to no environment", hint=hint)
    else:
        namespace, server = _destination(files, number)
        environment = _ENVIRONMENT.format(
            number=number,
            namespace=namespace,
            server=_quoted(server),
            revision=_quoted(_revision(files)),
            since=since,
            ttl=ttl,
        )
        chart = _VALUES.format(number=number, host=_quoted(_host(files, number)), digest=image)
    written = {place: Entry(environment.encode()), values: Entry(chart.encode())}
    return Edit(
        {path: entry for path, entry in written.items() if files.get(path) != entry},
        f"Preview pull request {number} with {image[:19]}",
        f"Its time to live is {ttl}.",
        f"preview-pr-{number}",
        f"{image} {ttl}",
    )


def delete(files: Files, number: int) -> Edit:
    """Remove the preview of a pull request, also one that cannot be understood.

    Raises ConflictError where the name belongs to an environment that is no preview.
    """
    return _removal(files, [number], f"Remove the preview of pull request {number}", f"delete-pr-{number}")


def collect(files: Files, now: datetime) -> Edit:
    """Remove all previews whose time is over. Where that cannot be learnt they stay."""
    over = [each.number for each in previews(files) if each.expires and each.expires <= now]
    listed = ", ".join(map(str, over))
    return _removal(files, over, f"Remove the previews whose time is over: {listed}", "preview-gc")


def digest(files: Files, name: str) -> str:
    """Return the image digest of an environment; "" while it has none."""
    path = f"{IMAGES}/{name}.yaml"
    image = _mapping(files, path).get("image")
    found = str((image.get("digest") or "") if isinstance(image, dict) else "")
    if found and digest_problem(found):
        raise ConflictError(f"{path} holds no digest: {digest_problem(found)}", hint="correct it by hand")
    return found


def promote(files: Files, source: str, target: str) -> Edit:
    """Give `target` the image that `source` has.

    Raises ParameterError for environments that are not there, PreflightError where there is no image.
    """
    known = [
        path[len(IMAGES) + 1 : -len(".yaml")]
        for path in files
        if path.startswith(f"{IMAGES}/") and path.endswith(".yaml")
    ]
    known = [name for name in known if not re.fullmatch(rf"pr-{_NUMBER.pattern}", name)]
    faults = [
        Fault(flag, f"there is no environment '{name}'{closest(name, known)}")
        for flag, name in (("--from", source), ("--to", target))
        if name not in known
    ]
    if source == target:
        faults.append(Fault("--to", f"'{target}' is where the image comes from"))
    if faults:
        raise ParameterError(
            "the command is wrong", faults=faults, hint=f"known are {', '.join(known) or 'none'}"
        )
    image = digest(files, source)
    if not image:
        raise PreflightError(
            f"{source} has no image yet: {IMAGES}/{source}.yaml has no digest",
            hint="let the pipeline of the source repository build one first",
        )
    if digest(files, target) == image:
        return Edit({})
    path = f"{IMAGES}/{target}.yaml"
    text = _changed(_text(files, path), path, ("image", "digest"), image)
    subject = f"Promote {image[:19]} from {source} to {target}"
    return Edit({path: Entry(text.encode())}, subject, image, f"promote-{target}", image)


def _removal(files: Files, numbers: list[int], subject: str, name: str) -> Edit:
    gone: dict[str, Entry | None] = {}
    for number in numbers:
        place, values = _paths(number)
        if place in files:
            _refuse_permanent(files, place)
        gone |= {path: None for path in (place, values) if path in files}
    return Edit(gone, subject, "", name) if gone else Edit({})


def _refuse_permanent(files: Files, path: str) -> None:
    """Raise ConflictError where `path` is an environment that is no preview."""
    try:
        is_preview = "preview" in _mapping(files, path)
    except ConflictError:  # what nobody can read runs nowhere
        is_preview = True
    if not is_preview:
        raise ConflictError(
            f"{path} is an environment that is no preview",
            hint="give it another name: names as pr-42 are those of previews",
        )


def _read(files: Files, number: int) -> Preview:
    place, image = _paths(number)
    try:
        environment = _mapping(files, place)
        preview = environment.get("preview")
        if not isinstance(preview, dict):
            return Preview(number, problem="is no preview: it has no key 'preview'")
        if image not in files:
            return Preview(number, problem=f"{image} does not exist")
        values = _mapping(files, image)
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
        return Preview(
            number,
            str(environment.get("namespace") or ""),
            str((values.get("exposure") or {}).get("host") or ""),
            str((values.get("image") or {}).get("digest") or ""),
            since,
            ttl,
            _unfit(environment, f"pr-{number}"),
        )
    except KickstartError as error:
        return Preview(number, problem=error.message)
    except (ValueError, AttributeError):
        return Preview(number, problem="preview.since: is not a time, or a key is not a mapping")


def _unfit(environment: Mapping[str, Any], name: str) -> str:
    """Say why Argo CD would make no Application of an environment, nor of any other, or ""."""
    missing = [key for key in KEYS if key not in environment]
    if missing:
        return f"lacks {', '.join(missing)}: until then Argo CD makes no Application of any file"
    if environment["environment"] != name:
        return f"environment: is '{environment['environment']}' and not '{name}', as the file is called"
    if not isinstance(environment["components"], list):
        return "components: is not a list"
    return ""


def _paths(number: int) -> tuple[str, str]:
    return f"{FOLDER}/pr-{number}.yaml", f"{IMAGES}/pr-{number}.yaml"


def _destination(files: Files, number: int) -> tuple[str, str]:
    """Return namespace and server: those that the AppProject leaves to previews."""
    if PROJECT not in files or SHAPE not in files:
        missing = PROJECT if PROJECT not in files else SHAPE
        raise PreflightError(
            f"this repository has no place for previews: {missing} does not exist",
            hint="name a GitOps repository of kickstart: --repository OWNER/NAME",
        )
    spec = _mapping(files, PROJECT).get("spec")
    destinations = spec.get("destinations") if isinstance(spec, dict) else None
    for each in destinations if isinstance(destinations, list) else []:
        namespace = str(each.get("namespace") or "") if isinstance(each, dict) else ""
        if namespace.endswith("-pr-*"):
            namespace = f"{namespace[:-1]}{number}"
            if len(namespace) > MAX_LABEL:
                raise ConflictError(
                    f"the namespace '{namespace}' is longer than {MAX_LABEL} characters",
                    hint=f"shorten the one that ends with -pr-* in {PROJECT}",
                )
            return namespace, str(each.get("server") or "https://kubernetes.default.svc")
    raise PreflightError(
        f"{PROJECT} permits no previews: no destination's namespace ends with -pr-*",
        hint="add one, and let an administrator of Argo CD apply it",
    )


def _revision(files: Files) -> str:
    """Return the branch from which Argo CD reads the files of the environments."""
    waiting: list[Any] = [_mapping(files, SET)] if SET in files else []
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            git = each.get("git")
            if isinstance(git, dict) and git.get("revision"):
                return str(git["revision"])
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return "main"


def _host(files: Files, number: int) -> str:
    """Return the preview's own host: that of all previews, with the number in its first label."""
    exposure = _mapping(files, SHAPE).get("exposure")
    host = str(exposure.get("host") or "") if isinstance(exposure, dict) else ""
    first, dot, rest = host.partition(".")
    own = f"pr-{number}"
    first = first.replace("preview", own, 1) if "preview" in first else f"{own}-{first}".rstrip("-")
    if len(first) > MAX_LABEL:
        raise ConflictError(
            f"the host '{first}{dot}{rest}' has a part of more than {MAX_LABEL} characters",
            hint=f"shorten exposure.host in {SHAPE}",
        )
    return f"{first}{dot}{rest}"


def _mapping(files: Files, path: str) -> dict[str, Any]:
    try:
        found = document.load(_text(files, path))
    except document.DocumentError as error:
        raise ConflictError(f"{path}:{error.line}: {error.message}", hint="correct it by hand") from error
    if not isinstance(found, dict):
        raise ConflictError(f"{path} is not a mapping", hint="correct it by hand")
    return found


def _text(files: Files, path: str) -> str:
    try:
        return files[path].content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConflictError(f"{path} is not UTF-8 text", hint="correct it by hand") from error


def _changed(text: str, path: str, key: tuple[str, ...], value: str) -> str:
    try:
        return document.with_value(text, key, value)
    except document.DocumentError as error:
        raise ConflictError(f"{path}:{error.line}: {error.message}", hint="change it by hand") from error


def _quoted(text: str) -> str:
    return document.dump(text).removesuffix("\n").removesuffix("\n...")


_ENVIRONMENT = """\
# The preview of pull request {number}, written by kickstart: it goes when its time is over, and
# everything in its namespace with it. Sooner: kickstart preview delete NAME --pr {number}
environment: pr-{number}
namespace: {namespace}
server: {server}
# The branch or tag that is deployed.
revision: {revision}
# helm/values-PROFILE.yaml
profile: preview
# Secrets are made up in the cluster.
secretStore: false
# Deleting this file deletes everything in the cluster too.
ephemeral: true
components:
  - component: core
preview:
  pullRequest: {number}
  # The time to live starts anew with every new image.
  since: "{since}"
  ttl: "{ttl}"
"""

_VALUES = """\
# What is particular to the preview of pull request {number}; all previews: helm/values-preview.yaml.
environment: pr-{number}
exposure:
  host: {host}
image:
  digest: "{digest}"
"""
