"""When a request is sent again: bounded, and never in silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from github import GithubRetry
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, SSLError

from kickstart.errors import RemoteError
from kickstart.tools import web

ATTEMPTS = 5  # after the first; with the pauses below a request takes at most a few minutes
LONGEST = 90  # seconds of one wait; the next run is a better place to wait longer
UNASKED = 60  # seconds for a secondary rate limit that names no time (GitHub's documentation)
SENT_AGAIN = [403, 429, 500, 502, 503, 504]
# What these make has no name by which GitHub knew it again: it would be there twice.
ONCE = ("/issues", "/dispatches")


class Retry(GithubRetry):
    """PyGithub's rules for rate limits, plus 429, a longest wait, and a word about each wait."""

    def __init__(self, say: Callable[[str], None], **settings: Any) -> None:
        settings.setdefault("total", ATTEMPTS)
        settings.setdefault("backoff_factor", 0.5)
        settings["status_forcelist"] = SENT_AGAIN
        # Our writes say what shall be, or are recognised when they come twice; of the others see ONCE.
        settings["allowed_methods"] = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        super().__init__(**{"secondary_rate_wait": UNASKED, "max_rate_limit_wait": LONGEST, **settings})
        self.say = say

    def new(self, **changes: Any) -> Retry:
        return super().new(say=self.say, **changes)

    def increment(
        self,
        method: Any = None,
        url: Any = None,
        response: Any = None,
        error: Any = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Any:
        if isinstance(error, SSLError):  # another attempt would meet the same certificate
            raise web.untrusted(_pool.host, error) from None
        if method == "POST" and str(url).partition("?")[0].endswith(ONCE) and _may_be_done(response, error):
            raise RemoteError(
                f"GitHub's answer to POST {url} was lost, and it may have been done",
                hint="run the same command again: it looks first",
            )
        asked = self.get_retry_after(response) if response is not None else None
        if asked and asked > LONGEST:
            raise too_long(asked)
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def sleep(self, response: Any = None) -> None:
        pause = self._pause(response)
        if pause > 0:
            self.say(f"waiting {pause:.0f} s: {_reason(response)}")
            time.sleep(pause)

    def _pause(self, response: Any) -> float:
        asked = self.get_retry_after(response) if response is not None else None
        if asked is not None:
            return asked
        if response is not None and response.status == 429:  # PyGithub knows the 403 kind alone
            return UNASKED
        return self.get_backoff_time()


def _may_be_done(response: Any, error: Any) -> bool:
    """Tell whether a request that failed may have had its effect all the same."""
    if response is not None:
        return bool(response.status >= 500)
    return not isinstance(error, (ConnectTimeoutError, NewConnectionError))


def too_long(seconds: float | None) -> RemoteError:
    """Return the error for a wait that is better done by the user."""
    seconds = seconds or LONGEST
    return RemoteError(
        f"GitHub asks for a pause of {seconds:.0f} s: a rate limit is exceeded",
        hint=f"wait for {seconds / 60:.0f} minutes, and run the same command again",
    )


def _reason(response: Any) -> str:
    if response is None:
        return "the connection was lost"
    if response.status in {403, 429}:
        return (
            "secondary rate limit" if response.headers.get("X-RateLimit-Remaining") != "0" else "rate limit"
        )
    return f"GitHub answered {response.status}"
