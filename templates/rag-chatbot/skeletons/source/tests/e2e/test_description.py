"""openapi.json says what the API does: every status that is sent is there, in the form that is sent."""

import pytest

from chatbot.api.wiring import Problem

from support import App, Environment

PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def app(environment: Environment):
    with App(environment, AUTH_MODE="token", AUTH_TOKENS="alpha,beta", RATE_LIMIT_PER_MINUTE="30") as running:
        running.http.headers["Authorization"] = "Bearer alpha"
        yield running


@pytest.fixture(scope="module")
def described(app):
    return app.http.get("/api/openapi.json").json()


@pytest.mark.parametrize(
    ("status", "code", "method", "route", "request_"),
    [
        (401, "unauthorized", "GET", "/api/documents", {"headers": {"Authorization": "Bearer gamma"}}),
        (403, "forbidden", "POST", "/api/chat", {"headers": {"Sec-Fetch-Site": "cross-site"}}),
        (422, "invalid", "GET", "/api/documents", {"params": {"offset": str(2**63)}}),
        (422, "invalid", "GET", "/api/conversations", {"params": {"offset": str(2**63)}}),
        (404, "not_found", "GET", "/api/documents/{document_id}", {}),
        (404, "not_found", "GET", "/api/documents/{document_id}/content", {}),
        (404, "not_found", "GET", "/api/documents/{document_id}/original", {}),
        (404, "not_found", "DELETE", "/api/documents/{document_id}", {}),
        (404, "not_found", "POST", "/api/documents/{document_id}/retry", {}),
        (404, "not_found", "DELETE", "/api/conversations/{conversation_id}", {}),
        (400, "bad_input", "GET", "/api/search", {"params": {"q": " "}}),
        (400, "bad_input", "POST", "/api/documents", {"files": {"file": ("a.txt", b"")}}),
        (415, "unsupported_type", "POST", "/api/documents", {"files": {"file": ("a.exe", b"MZ")}}),
        (
            413,
            "too_large",
            "POST",
            "/api/documents",
            {
                "content": (PART if number == 0 else b"x" * 1024 * 1024 for number in range(24)),
                "headers": {"Content-Type": "multipart/form-data; boundary=b"},
            },
        ),
        (422, "invalid", "POST", "/api/chat", {"json": {}}),
    ],
)
def test_a_failure_is_described_and_looks_as_described(app, described, status, code, method, route, request_):
    path = route.format(document_id=NOBODY, conversation_id=NOBODY)

    response = app.http.request(method, path, **request_)

    assert response.status_code == status, response.text
    assert Problem.model_validate(response.json(), strict=True).error.code == code
    content = described["paths"][route][method.lower()]["responses"][str(status)]["content"]
    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_too_many_requests_are_described(app, described):
    beta = {"Authorization": "Bearer beta"}

    statuses = {app.http.get("/api/search", params={"q": "x"}, headers=beta).status_code for _ in range(32)}

    assert statuses == {200, 429}
    assert "429" in described["paths"]["/api/search"]["get"]["responses"]


def test_every_route_that_asks_who_calls_says_so_and_no_other(described):
    secured = {path for path, methods in described["paths"].items() for one in methods.values() if one.get("security")}

    assert set(described["paths"]) - secured == {"/healthz", "/readyz", "/api/about"}
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_the_original_is_described_as_bytes(described):
    answer = described["paths"]["/api/documents/{document_id}/original"]["get"]["responses"]["200"]

    assert set(answer["content"]) == {"application/octet-stream"}


def test_a_method_that_does_not_exist_is_answered_with_those_that_do(app):
    response = app.http.put("/api/documents")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
