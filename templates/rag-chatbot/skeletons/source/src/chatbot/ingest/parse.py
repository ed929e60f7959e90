"""Reads a document and cuts it into passages, in a process of its own.

Parsers work on hostile input. Here one gets a document on standard input, no credentials, limited
memory and limited time; whatever it does, the application goes on.
"""

import json
import sys
from pathlib import Path
from subprocess import DEVNULL

import anyio

from ..errors import ParseError, Unavailable
from . import formats
from .chunk import Chunk


async def parse(data: bytes, kind: str, tokenizer_file: str, seconds: int, memory: int) -> list[Chunk]:
    """The passages of a document; raises ParseError with a reason that helps the uploader."""
    command = [sys.executable, "-m", formats.__name__, kind, tokenizer_file, str(seconds), str(memory)]
    # No credentials: only where to find the code.
    environ = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        with anyio.fail_after(seconds + 5):
            done = await anyio.run_process(command, input=data, stderr=DEVNULL, check=False, env=environ)
        answer = json.loads(done.stdout)
    except TimeoutError as error:
        raise ParseError(f"reading the document took longer than {seconds} seconds") from error
    except (ValueError, ConnectionError) as error:
        raise ParseError("reading the document needs more memory or time than is allowed") from error
    except OSError as error:
        raise Unavailable("the machine has no room for another process; the document is read later") from error
    if "error" in answer:
        raise ParseError(answer["error"])
    return [Chunk(*passage) for passage in answer["passages"]]
