"""The environments of a GitOps repository, and the images that move between them.

Every function is pure: it takes the repository's files, and returns the edit to make. What people
wrote by hand around a changed value stays as it is, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kickstart import document, in_place
from kickstart.errors import ConflictError, Fault, ParameterError, PreflightError
from kickstart.naming import closest
from kickstart.tree import Edit, Entry

IMAGES = "helm/images"
PATHS = (IMAGES,)
"""All that the functions below look at."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Files = Mapping[str, Entry]


def digest_problem(text: str) -> str | None:
    """Say why `text` is no image digest, or None."""
    if _DIGEST.fullmatch(text):
        return None
    return f"'{text}' is not of the form sha256: with 64 hexadecimal digits in lower case"


def digest(files: Files, name: str) -> str:
    """Return the image digest of an environment; "" while it has none."""
    path = f"{IMAGES}/{name}.yaml"
    image = mapping(files, path).get("image")
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
    text = changed(text_of(files, path), path, ("image", "digest"), image)
    subject = f"Promote {image[:19]} from {source} to {target}"
    return Edit({path: Entry(text.encode(), files[path].mode)}, subject, image, f"promote-{target}", image)


def mapping(files: Files, path: str) -> dict[str, Any]:
    """Return what a YAML file says. Raises ConflictError with the line where it is no mapping."""
    try:
        found = document.load(text_of(files, path))
    except document.DocumentError as error:
        raise ConflictError(f"{path}:{error.line}: {error.message}", hint="correct it by hand") from error
    if not isinstance(found, dict):
        raise ConflictError(f"{path} is not a mapping", hint="correct it by hand")
    return found


def text_of(files: Files, path: str) -> str:
    """Return the text of a file. Raises ConflictError."""
    try:
        return files[path].content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConflictError(f"{path} is not UTF-8 text", hint="correct it by hand") from error


def changed(text: str, path: str, key: tuple[str, ...], value: str) -> str:
    """Return the text of a file with one value changed. Raises ConflictError where that is impossible."""
    try:
        return in_place.with_value(text, key, value)
    except document.DocumentError as error:
        raise ConflictError(f"{path}:{error.line}: {error.message}", hint="change it by hand") from error
