"""Upload, list, read and delete documents; search their passages."""

import asyncio
import hashlib
import unicodedata
from typing import IO, Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from .. import retrieve
from ..errors import BadInput, Conflict, NoSpace, NotFound, TooLarge, UnsupportedType
from ..ingest.formats import EXTENSIONS, media_type
from ..retrieve import Excerpt, Passage
from ..store import documents
from ..store.documents import Document
from .wiring import CHANGE, COMMON, COSTLY, Caller, LimitedCaller, Offset, Parts, problems

router = APIRouter(prefix="/api", tags=["documents"], responses=COMMON)


class Neighbour(Excerpt):
    """A passage in its place. `cited`: it is the one that was asked for."""

    cited: bool


class Content(BaseModel):
    """The passages around one passage, in reading order."""

    document: Document
    passages: list[Neighbour]


@router.post(
    "/documents",
    status_code=202,
    responses={
        200: {"model": Document, "description": "The same bytes are here already."},
        **CHANGE,
        **COSTLY,
        **problems(BadInput, Conflict, TooLarge, UnsupportedType, NoSpace),
    },
)
async def upload(parts: Parts, response: Response, file: UploadFile, caller: LimitedCaller) -> Document:
    """Store a file and queue it for indexing. The same bytes again return the same document (200)."""
    name = _clean(file.filename or "")
    if not file.size:
        raise BadInput("the file is empty")
    if file.size > parts.settings.upload_max_bytes:
        raise TooLarge(f"the file is larger than {parts.settings.upload_max_bytes:,} bytes")
    kind = media_type(name, await file.read(4096))
    if kind is None:
        known = ", ".join(sorted(EXTENSIONS))
        raise UnsupportedType(f"the file's name or content is of no known type; known are {known}")
    digest = await asyncio.to_thread(_sha256, file.file)
    document, new = await documents.add(parts.database, parts.objects, name, kind, digest, file.size, file.file)
    parts.queued.set()
    if not new:
        response.status_code = 200
    return document


@router.get("/documents")
async def list_documents(
    parts: Parts,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Offset = 0,
) -> list[Document]:
    return await documents.newest(parts.database, limit, offset)


@router.get("/documents/{document_id}", responses=problems(NotFound))
async def get_document(parts: Parts, document_id: UUID, caller: Caller) -> Document:
    return await documents.get(parts.database, document_id)


@router.delete("/documents/{document_id}", status_code=204, responses=CHANGE | problems(NotFound))
async def delete_document(parts: Parts, document_id: UUID, caller: Caller) -> None:
    await documents.delete(parts.database, parts.objects, document_id)


@router.post("/documents/{document_id}/retry", status_code=202, responses=CHANGE | COSTLY | problems(NotFound))
async def retry_document(parts: Parts, document_id: UUID, caller: LimitedCaller) -> Document:
    """Queue a failed document again."""
    if (await documents.get(parts.database, document_id)).status == "failed":
        await documents.retry(parts.database, document_id)
        parts.queued.set()
    return await documents.get(parts.database, document_id)


@router.get("/documents/{document_id}/content", responses=problems(NotFound))
async def content(
    parts: Parts,
    document_id: UUID,
    caller: Caller,
    passage: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    context: Annotated[int, Query(ge=0, le=50)] = 2,
) -> Content:
    """Where a citation leads: the cited passage and its neighbours."""
    document = await documents.get(parts.database, document_id)
    found = await documents.passages(parts.database, document_id, passage, context)
    if not found:
        raise NotFound("the document has no such passage; it may not be indexed yet")
    return Content(
        document=document,
        passages=[Neighbour(**dict(excerpt), cited=excerpt.ordinal == passage) for excerpt in found],
    )


@router.get(
    "/documents/{document_id}/original",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        **problems(NotFound),
    },
)
async def original(parts: Parts, document_id: UUID, caller: Caller) -> StreamingResponse:
    """The file as it was uploaded, always as a download: an uploaded page must not run here."""
    document = await documents.get(parts.database, document_id)
    stream = await parts.objects.stream(documents.object_key(document_id))
    return StreamingResponse(
        stream,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(document.name)}",
            "Content-Length": str(document.size),
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


@router.get("/search", responses=COSTLY | problems(BadInput))
async def search(
    parts: Parts,
    caller: LimitedCaller,
    q: Annotated[str, Query(min_length=1, max_length=2000)],
    limit: Annotated[int, Query(ge=1, le=50)] = 5,
    document: Annotated[list[UUID] | None, Query(max_length=100)] = None,
) -> list[Passage]:
    """The passages nearest in meaning to a question."""
    return await retrieve.search(parts.database, parts.embedder, [storable(q)], limit, document)


def storable(text: str) -> str:
    """Text without what PostgreSQL cannot keep; raises BadInput if nothing is left."""
    text = "".join(char for char in text if char != "\0" and not "\ud800" <= char <= "\udfff").strip()
    if not text:
        raise BadInput("the question is empty")
    return text


def _clean(name: str) -> str:
    """The last part of a path, without what is invisible, at a length that every system stores."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C").strip()
    if len(name) > 200:
        stem, dot, extension = name.rpartition(".")
        name = stem[: 199 - len(extension)] + dot + extension if len(extension) < 20 else name[:200]
    if not name:
        raise BadInput("the file has no name")
    return name


def _sha256(file: IO[bytes]) -> str:
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    return digest
