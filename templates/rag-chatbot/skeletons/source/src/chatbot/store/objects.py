"""The bucket that keeps the uploaded files. Plain S3: any service that speaks it will do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import IO, TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..errors import NotFound, Unavailable
from ..settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")
AWAY = "the document store is not available; try again in a moment"
ABSENT = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


class Objects:
    """Files by key. boto3 blocks, so every call runs in a thread."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.minio_bucket
        # Without keys boto3 looks where the platform puts its own, for example a pod's web identity.
        self.client: S3Client = boto3.client(
            "s3",
            endpoint_url=settings.minio_endpoint,
            region_name=settings.minio_region,
            aws_access_key_id=settings.minio_access_key.get_secret_value() or None,
            aws_secret_access_key=settings.minio_secret_key.get_secret_value() or None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 3, "mode": "standard"},
                # Not every S3 service knows the checksums that boto3 sends by default.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    async def put(self, key: str, file: IO[bytes], media_type: str) -> None:
        extra = {"ContentType": media_type}
        await self._run(lambda: self.client.upload_fileobj(file, self.bucket, key, ExtraArgs=extra))

    async def get(self, key: str) -> bytes:
        """The whole object; raises NotFound."""

        def read() -> bytes:
            # One plain GET: boto3's own download asks for ranges past the end, which some services refuse.
            with closing(self.client.get_object(Bucket=self.bucket, Key=key)["Body"]) as body:
                return body.read()

        return await self._run(read)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        body = (await self._run(lambda: self.client.get_object(Bucket=self.bucket, Key=key)))["Body"]

        async def pieces() -> AsyncIterator[bytes]:
            try:
                while piece := await asyncio.to_thread(body.read, 256 * 1024):
                    yield piece
            finally:
                body.close()

        return pieces()

    async def delete(self, key: str) -> None:
        await self._run(lambda: self.client.delete_object(Bucket=self.bucket, Key=key))

    async def check(self) -> None:
        await self._run(lambda: self.client.head_bucket(Bucket=self.bucket))

    async def ensure_bucket(self) -> None:
        """Create the bucket unless it exists."""
        try:
            await self.check()
        except NotFound:
            await self._run(lambda: self.client.create_bucket(Bucket=self.bucket))

    async def _run(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(call)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ABSENT:
                raise NotFound("the file is not in the document store") from error
            raise Unavailable(AWAY, retry_after=5) from error
        except (BotoCoreError, boto3.exceptions.S3UploadFailedError) as error:
            raise Unavailable(AWAY, retry_after=5) from error
