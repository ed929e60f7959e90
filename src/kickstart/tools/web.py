"""What adapters that speak HTTP share: addresses to which a secret may be sent, and why nobody answered."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from kickstart.errors import ParameterError, PreflightError

AGAIN = "run the same command again"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def address(url: str, what: str, *, hint: str) -> SplitResult:
    """Return the parts of a URL to which a token may be sent. Raises ParameterError.

    what: whose URL it is, in the reader's words.
    """
    try:
        parts = urlsplit(url.rstrip("/"))
    except ValueError:  # brackets that are none
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ParameterError(f"'{url}' is not the URL of {what}", hint=hint)
    if parts.username is not None:
        raise ParameterError(f"the URL of {what} may hold no user or password", hint=hint)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ParameterError(f"'{url}' would send the token unencrypted", hint=hint)
    return parts


def untrusted(host: str, error: BaseException) -> PreflightError:
    """Return the error for a certificate that nobody here vouches for."""
    return PreflightError(
        f"the certificate of {host} is not trusted: {error}",
        hint="name the file of certificates to trust: export SSL_CERT_FILE=FILE",
    )


def reason(error: BaseException) -> str:
    """Return why there was no answer, from below the layers of libraries."""
    while True:
        below = getattr(error, "reason", None) or next(iter(error.args), None)
        if not isinstance(below, BaseException):
            break
        error = below
    # urllib3 puts its own object before its words.
    return re.sub(r"^.*?(?:object at 0x[0-9a-f]+>|\)): ", "", str(error)).strip() or type(error).__name__
