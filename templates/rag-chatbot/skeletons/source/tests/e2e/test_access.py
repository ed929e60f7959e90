"""Who may call, how often, and what a start without settings says."""

import re
import subprocess
import sys

from support import PACKAGE, ROOT, App, dev


def test_without_an_accepted_token_nothing_is_told(environment):
    with App(environment, AUTH_MODE="token", AUTH_TOKENS="alpha, beta") as app:
        assert app.http.get("/api/documents").status_code == 401
        assert app.http.get("/api/documents", headers={"Authorization": "Bearer gamma"}).status_code == 401
        assert app.http.get("/api/documents", headers={"Authorization": "Bearer beta"}).status_code == 200
        assert app.http.get("/healthz").status_code == 200


def test_a_conversation_belongs_to_whoever_began_it(environment):
    with App(environment, AUTH_MODE="token", AUTH_TOKENS="alpha,beta") as app:
        alpha, beta = ({"Authorization": f"Bearer {token}"} for token in ("alpha", "beta"))
        answer = app.http.post("/api/chat", json={"question": "Who?"}, headers=alpha).json()
        path = f"/api/conversations/{answer['conversation_id']}"

        assert app.http.get(path, headers=beta).status_code == 404
        assert app.http.delete(path, headers=beta).status_code == 404
        assert app.http.get(path, headers=alpha).status_code == 200


def test_too_many_questions_are_refused_with_a_time_to_wait(environment):
    with App(environment, RATE_LIMIT_PER_MINUTE="3") as app:
        statuses = [app.http.get("/api/search", params={"q": "x"}) for _ in range(4)]

    assert [response.status_code for response in statuses] == [200, 200, 200, 429]
    assert int(statuses[-1].headers["retry-after"]) >= 1


def test_no_secret_is_in_a_log_or_an_answer_even_when_everything_fails(environment):
    secrets = {
        "AUTH_TOKENS": "s3cret-token",
        "PGVECTOR_PASSWORD": "s3cret-database",
        "MINIO_SECRET_KEY": "s3cret-store",
        "LLAMA_API_KEY": "s3cret-model",
    }
    nowhere = f"http://127.0.0.1:{dev.free_port()}"
    app = App(
        environment,
        AUTH_MODE="token",
        PGVECTOR_HOST="127.0.0.1",
        PGVECTOR_PORT=dev.free_port(),
        LOG_LEVEL="DEBUG",
        MINIO_ENDPOINT=nowhere,
        LLAMA_ENDPOINT=nowhere,
        LLAMA_MODEL="m",
        **secrets,
    )
    app.start()
    headers = {"Authorization": "Bearer s3cret-token"}

    answers = [
        app.http.get("/readyz"),
        app.http.post("/api/chat", json={"question": "Who?"}, headers=headers),
        app.upload("a.txt", "text", **headers),
        app.http.get("/api/documents", headers={"Authorization": "Bearer s3cret-guess"}),
    ]
    app.stop()

    assert [answer.status_code for answer in answers] == [503, 503, 503, 401]
    assert "s3cret" not in app.output() + "".join(answer.text for answer in answers)
    assert "s3cret" not in " ".join(f"{part}" for part in app.process.args)


def start(folder, module=PACKAGE, **environ):
    """A start with nothing in the environment but this, in a folder of its own; returns (status, errors)."""
    environ |= {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-m", module], env=environ, cwd=folder, capture_output=True, text=True, timeout=30
    )
    return done.returncode, done.stderr


def test_a_start_without_settings_names_every_one_that_is_missing_or_wrong(tmp_path):
    status, errors = start(tmp_path, AUTH_MODE="token", AUTH_TOKENS=" , ", LISTEN_API="many")

    assert status == 1
    for name in ("PGVECTOR_HOST", "PGVECTOR_USER", "MINIO_ENDPOINT", "MINIO_BUCKET", "AUTH_TOKENS", "LISTEN_API"):
        assert f"{name}:" in errors
    assert "AUTH_MODE:" not in errors
    assert "Traceback" not in errors


def test_settings_in_a_file_count_as_those_of_the_environment(tmp_path):
    names = ("PGVECTOR_HOST", "PGVECTOR_DATABASE", "PGVECTOR_USER", "MINIO_BUCKET")
    lines = [f"{name}=somewhere" for name in names]
    (tmp_path / ".env").write_text("\n".join([*lines, "AUTH_MODE=oidc", "MINIO_ENDPOINT=http://nowhere"]))

    status, errors = start(tmp_path)

    assert status == 1
    assert re.findall(r"^  (\w+):", errors, re.MULTILINE) == ["OIDC_ISSUER", "OIDC_AUDIENCE"]


def test_a_start_without_a_model_says_so(app):
    assert "LLAMA_ENDPOINT is not set" in app.output()


def test_the_page_of_another_site_changes_nothing(app):
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    refused = [
        app.upload("a.txt", "Written by somebody else's page.", **foreign),
        app.http.delete("/api/documents/00000000-0000-0000-0000-000000000000", headers=foreign),
    ]

    assert [response.status_code for response in refused] == [403, 403]
    assert refused[0].json()["error"]["code"] == "forbidden"
    assert app.http.get("/api/documents", headers=foreign).status_code == 200
    assert app.upload("a.txt", "Written by our own page.", **{"Sec-Fetch-Site": "same-origin"}).status_code == 202
