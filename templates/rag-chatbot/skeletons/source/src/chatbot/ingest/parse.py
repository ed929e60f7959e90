"""Reads a document and cuts it into passages, in a process of its own.

Parsers work on hostile input. Here one gets a file on standard input, no credentials, limited
memory and limited time; whatever it does, the application goes on.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import IO

from ..errors import ParseError
from . import formats
from .chunk import Chunk


async def parse(file: IO[bytes], kind: str, tokenizer_file: str, seconds: int, memory: int) -> list[Chunk]:
    """The passages of a document; raises ParseError with a reason that helps the uploader."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        formats.__name__,
        kind,
        tokenizer_file,
        str(seconds),
        str(memory),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # No credentials: only where to find the code.
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout=seconds + 5)
    except TimeoutError as error:
        raise ParseError(f"reading the document took longer than {seconds} seconds") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        answer = json.loads(output)
    except ValueError as error:
        raise ParseError("reading the document needs more memory or time than is allowed") from error
    if "error" in answer:
        raise ParseError(answer["error"])
    return [Chunk(*passage) for passage in answer["passages"]]
