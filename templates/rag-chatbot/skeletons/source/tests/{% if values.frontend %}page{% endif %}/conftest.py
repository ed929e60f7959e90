"""The page's own process."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO

import pytest

from support import PACKAGE, App, dev, reachable, until

Frontend = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def frontend() -> Frontend:
    """Starts the page in front of an application that listens on a port; yields the page's address."""

    @contextmanager
    def started(app: App, api_port: int, output: IO[bytes] | None = None) -> Iterator[str]:
        port = dev.free_port()
        environ = app.environment | {"API_URL": f"http://127.0.0.1:{api_port}", "LISTEN_FRONTEND": str(port)}
        process = subprocess.Popen([sys.executable, "-m", f"{PACKAGE}.frontend"], env=environ, stdout=output)
        try:
            until(lambda: reachable(port), "the page")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)

    return started
