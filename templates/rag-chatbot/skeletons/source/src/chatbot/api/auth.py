"""Who is calling, and how often they may."""

import asyncio
import hashlib
import hmac
import logging
import time
from typing import Any

import httpx2
import jwt
from starlette.requests import Request

from ..errors import TooManyRequests, Unauthorized, Unavailable
from ..settings import Settings

log = logging.getLogger(__name__)
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]  # never HS*: its key is shared
KEYS_SECONDS = 300.0
PAUSE_SECONDS = 10.0  # before the issuer is asked again for a key that it did not have
FAILED_SECONDS = 2.0  # before it is asked again after it did not answer
MAX_CALLERS = 10_000


class Gate:
    """Names the caller of a request; raises Unauthorized or TooManyRequests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        tokens = settings.auth_tokens.get_secret_value().split(",")
        self.tokens = [token.strip().encode() for token in tokens if token.strip()]
        self.client = httpx2.AsyncClient(timeout=5)
        self.keys: dict[str, Any] = {}
        self.keys_until = 0.0
        self.ask_from = 0.0
        self.asking: asyncio.Future[bool] | None = None
        self.buckets: dict[str, tuple[float, float]] = {}

    async def caller(self, request: Request) -> str:
        """A stable name for whoever sends the request; conversations belong to it."""
        if self.settings.auth_mode == "none":
            return "anyone"
        header = "Authorization" if self.settings.auth_mode == "token" else self.settings.oidc_header
        value = request.headers.get(header, "")
        token = value[7:].strip() if value[:7].lower() == "bearer " else value.strip()
        if not token:
            raise Unauthorized(f"no token; send it in the header {header}: Bearer TOKEN")
        if self.settings.auth_mode == "token":
            return self._token(token)
        return await self._oidc(token)

    def limit(self, caller: str) -> None:
        """Take one from the caller's bucket, which refills evenly over a minute."""
        rate = self.settings.rate_limit_per_minute
        if not rate:
            return
        now = time.monotonic()
        if len(self.buckets) > MAX_CALLERS:
            self.buckets = {name: entry for name, entry in self.buckets.items() if now - entry[1] < 60}
        level, since = self.buckets.get(caller, (float(rate), now))
        level = min(float(rate), level + (now - since) * rate / 60)
        if level < 1:
            wait = int((1 - level) * 60 / rate) + 1
            raise TooManyRequests(f"more than {rate} requests a minute; wait {wait} s", retry_after=wait)
        self.buckets[caller] = (level - 1, now)

    def _token(self, token: str) -> str:
        # Every token is compared, each in constant time, so that timing tells nothing.
        matches = [hmac.compare_digest(token.encode(), accepted) for accepted in self.tokens]
        if not any(matches):
            raise Unauthorized("the token is not accepted")
        return "token:" + hashlib.sha256(token.encode()).hexdigest()[:16]

    async def _oidc(self, token: str) -> str:
        try:
            key_id = jwt.get_unverified_header(token).get("kid", "")
            claims = jwt.decode(
                token,
                await self._key(key_id),
                algorithms=ALGORITHMS,
                issuer=self.settings.oidc_issuer,
                audience=self.settings.oidc_audience,
                leeway=30,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthorized("the token is not valid; sign in again") from error
        return f"user:{claims['sub']}"

    async def _key(self, key_id: str) -> Any:
        """The issuer's key. A known one never waits: it is good while new ones are asked for."""
        now = time.monotonic()
        # An unknown key may be a rotated one, but strangers must not make us ask the issuer each time.
        wanted = now > self.keys_until or key_id not in self.keys
        if wanted and now > self.ask_from and (self.asking is None or self.asking.done()):
            self.asking = asyncio.ensure_future(self._refresh())
        if key_id not in self.keys and self.asking and not await asyncio.shield(self.asking):
            raise Unavailable("the sign-in service is not available; try again in a moment", retry_after=2)
        if key_id not in self.keys:
            raise jwt.InvalidTokenError("unknown key")
        return self.keys[key_id]

    async def _refresh(self) -> bool:
        """Ask the issuer for its keys; False if it does not tell."""
        try:
            issuer = (self.settings.oidc_issuer or "").rstrip("/")
            found = await self.client.get(f"{issuer}/.well-known/openid-configuration")
            document = await self.client.get(found.raise_for_status().json()["jwks_uri"])
            keys = jwt.PyJWKSet.from_dict(document.raise_for_status().json()).keys
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            log.warning("the issuer's keys are not available", extra={"fields": {"error.type": type(error).__name__}})
            self.ask_from = time.monotonic() + FAILED_SECONDS
            return False
        self.keys = {key.key_id or "": key for key in keys}
        self.keys_until = time.monotonic() + KEYS_SECONDS
        self.ask_from = time.monotonic() + PAUSE_SECONDS
        return True
