"""Tokens of an OpenID Connect issuer: which are accepted, and what happens while the issuer is away."""

import asyncio
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode
from starlette.requests import Request

from chatbot.api import auth
from chatbot.errors import Unauthorized
from chatbot.settings import Settings

from support import App, until


class Issuer:
    """Publishes the keys that it signs with."""

    def __enter__(self) -> Self:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.away = False
        self.pause = 0.0
        self.asked = 0
        issuer = self

        class Asked(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                time.sleep(issuer.pause)
                public = [
                    json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": name, "use": "sig"}
                    for name, key in issuer.keys.items()
                ]
                found = {"jwks_uri": f"{issuer.url}/keys"} if "well-known" in self.path else {"keys": public}
                self.send_response(503 if issuer.away else 200)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def new_key(self, name: str) -> None:
        self.keys[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, key: str = "one", **changes: object) -> str:
        claims = {"iss": self.url, "aud": "chatbot", "sub": "ada", "exp": time.time() + 300} | changes
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(given, self.keys[key], "RS256", {"kid": key})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        running.new_key("one")
        yield running


@pytest.fixture(scope="module")
def app(environment, issuer: Issuer) -> Iterator[App]:
    settings = {"AUTH_MODE": "oidc", "OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": "chatbot"}
    with App(environment, **settings, OIDC_HEADER="X-Forwarded-Access-Token") as running:
        yield running


def status(app: App, token: str) -> int:
    return app.http.get("/api/documents", headers={"X-Forwarded-Access-Token": token}).status_code


def test_a_token_of_the_issuer_is_accepted_and_names_the_owner(app, issuer):
    ada, bob = ({"X-Forwarded-Access-Token": issuer.token(sub=name)} for name in ("ada", "bob"))

    answer = app.http.post("/api/chat", json={"question": "Who?"}, headers=ada).json()

    path = f"/api/conversations/{answer['conversation_id']}"
    assert app.http.get(path, headers=ada).status_code == 200
    assert app.http.get(path, headers=bob).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": time.time() - 60},
        {"exp": None},
        {"aud": "somebody-else"},
        {"iss": "https://elsewhere.example.com"},
        {"sub": None},
        {"nbf": time.time() + 3600},
    ],
    ids=["expired", "endless", "audience", "issuer", "nobody", "not-yet"],
)
def test_a_token_that_does_not_fit_is_refused(app, issuer, changes):
    assert status(app, issuer.token(**changes)) == 401


def test_a_token_that_somebody_else_signed_is_refused(app, issuer):
    claims = {"iss": issuer.url, "aud": "chatbot", "sub": "ada", "exp": time.time() + 300}
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    published = issuer.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    assert status(app, jwt.encode(claims, stranger, "RS256", {"kid": "one"})) == 401
    assert status(app, shared(claims, published)) == 401, "a public key is no secret"
    assert status(app, jwt.encode(claims, None, "none", {"kid": "one"})) == 401
    assert status(app, "no.token.at-all") == 401
    assert app.http.get("/api/documents").status_code == 401


def shared(claims: dict[str, object], secret: bytes) -> str:
    """A token signed with a shared secret, made by hand: the library refuses to make it with a public key."""
    parts = ({"alg": "HS256", "kid": "one"}, claims)
    text = b".".join(base64url_encode(json.dumps(part).encode()) for part in parts)
    return (text + b"." + base64url_encode(hmac.digest(secret, text, "sha256"))).decode()


def test_strangers_cannot_make_the_application_ask_the_issuer(app, issuer):
    assert status(app, issuer.token()) == 200
    before = issuer.asked
    issuer.new_key("unpublished")
    token = issuer.token("unpublished")
    del issuer.keys["unpublished"]

    assert [status(app, token) for _ in range(5)] == [401] * 5
    assert issuer.asked - before <= 2


class Clock:
    """Takes the place of the time module, and goes on when it is told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(auth, "time", clock)
    return clock


@pytest.fixture
def ask(issuer: Issuer) -> Iterator[Callable[..., str]]:
    """The gate by itself, as a function from a token to the name of the caller."""
    with asyncio.Runner() as runner:
        made = auth.Gate(Settings(auth_mode="oidc", oidc_issuer=issuer.url, oidc_audience="chatbot"))

        async def ask(token: str, patience: float) -> str:
            caller = await made.caller(Request({"type": "http", "headers": [(b"authorization", token.encode())]}))
            if made.asking:
                await asyncio.wait([made.asking], timeout=patience)
            return caller

        yield lambda token, patience=5.0: runner.run(ask(token, patience))
    issuer.away, issuer.pause = False, 0.0


def test_known_keys_outlive_an_issuer_that_is_away(clock, issuer, ask):
    assert ask(issuer.token()) == "user:ada"
    clock.now += auth.KEYS_SECONDS + 1
    before, issuer.away = issuer.asked, True

    assert [ask(issuer.token()) for _ in range(3)] == ["user:ada"] * 3
    assert issuer.asked == before + 1, "after a failure it is left alone for a while"

    clock.now += auth.FAILED_SECONDS + 1
    assert ask(issuer.token()) == "user:ada"
    assert issuer.asked == before + 2


def test_nobody_with_a_known_key_waits_for_an_issuer_that_hangs(clock, issuer, ask):
    assert ask(issuer.token()) == "user:ada"
    clock.now += auth.KEYS_SECONDS + 1
    before, issuer.pause = issuer.asked, 2.0
    started = time.perf_counter()

    assert [ask(issuer.token(), patience=0.1) for _ in range(3)] == ["user:ada"] * 3

    assert time.perf_counter() - started < 1.5
    assert issuer.asked == before + 1


def test_a_new_key_is_accepted_before_the_known_ones_are_old(clock, issuer, ask):
    assert ask(issuer.token()) == "user:ada"
    issuer.new_key("rotated")

    clock.now += 5
    with pytest.raises(Unauthorized):
        ask(issuer.token("rotated"))

    clock.now += 10
    assert ask(issuer.token("rotated")) == "user:ada"


def test_without_any_key_the_sign_in_is_reported_as_away(environment, issuer):
    issuer.away = True
    settings = {"AUTH_MODE": "oidc", "OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": "chatbot"}
    with App(environment, **settings) as app:
        headers = {"Authorization": f"Bearer {issuer.token()}"}
        assert app.http.get("/api/documents", headers=headers).status_code == 503

        issuer.away = False

        until(lambda: app.http.get("/api/documents", headers=headers).status_code == 200, "the sign-in", 10)
