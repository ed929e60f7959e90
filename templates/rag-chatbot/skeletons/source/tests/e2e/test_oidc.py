"""Tokens of an OpenID Connect issuer: which are accepted, and what happens while the issuer is away."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

from support import App


class Issuer:
    """Publishes the keys that it signs with."""

    def __enter__(self) -> Issuer:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.away = False
        self.asked = 0
        issuer = self

        class Request(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
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

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
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
        {"exp": 1},
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


def test_known_keys_outlive_an_issuer_that_is_away(app, issuer):
    assert status(app, issuer.token()) == 200
    issuer.away = True

    assert status(app, issuer.token()) == 200


def test_without_any_key_the_sign_in_is_reported_as_away(environment, issuer):
    issuer.away = True
    settings = {"AUTH_MODE": "oidc", "OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": "chatbot"}
    with App(environment, **settings) as app:
        headers = {"Authorization": f"Bearer {issuer.token()}"}
        assert app.http.get("/api/documents", headers=headers).status_code == 503

        issuer.away = False

        assert app.http.get("/api/documents", headers=headers).status_code == 200
