"""Every setting comes from the environment and is checked once, at start."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import AppError

MIB = 1024 * 1024
URL = r"^https?://[^\s]+$"


class SettingsError(AppError):
    """One message with every fault, so that one round of fixing is enough."""


class Settings(BaseSettings):
    """The environment, typed. An empty variable counts as unset."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    app_mode: Literal["dev", "production"] = "production"
    app_environment: str = "local"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    otel_exporter_otlp_endpoint: str | None = Field(None, pattern=URL)

    # The names avoid X_PORT and X_HOST: Kubernetes sets those itself for every Service X.
    listen_address: str = "0.0.0.0"  # noqa: S104 - a pod is reached from outside
    listen_api: int = Field(8080, ge=1, le=65535)
    listen_metrics: int = Field(9090, ge=1, le=65535)
    listen_frontend: int = Field(3000, ge=1, le=65535)
    # How long open answers may go on after SIGTERM; below the pod's grace period.
    drain_seconds: int = Field(80, ge=0)
    api_url: str = Field("http://127.0.0.1:8080", pattern=URL)

    auth_mode: Literal["none", "token", "oidc"] = "none"
    auth_tokens: SecretStr = SecretStr("")
    oidc_issuer: str | None = Field(None, pattern=URL)
    oidc_audience: str | None = None
    oidc_header: str = "Authorization"

    pgvector_host: str = ""
    pgvector_port: int = Field(5432, ge=1, le=65535)
    pgvector_database: str = ""
    pgvector_user: str = ""
    pgvector_password: SecretStr = SecretStr("")
    pgvector_sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    pgvector_sslrootcert: str | None = None
    pgvector_pool_size: int = Field(10, ge=2, le=200)

    llama_endpoint: str | None = Field(None, pattern=URL)
    llama_base_path: str = Field("/v1", pattern=r"^(/[^\s/]+)*$")
    llama_model: str = ""
    llama_api_key: SecretStr = SecretStr("")
    llama_max_tokens: int = Field(512, ge=16, le=8192)
    llama_first_token_seconds: float = Field(60, gt=0)
    llama_next_token_seconds: float = Field(30, gt=0)
    # After a failure the model is left alone this long, so that nobody waits for the same timeout again.
    llama_rest_seconds: float = Field(15, ge=0)

    embeddings_mode: Literal["builtin", "endpoint"] = "builtin"
    embeddings_endpoint: str | None = Field(None, pattern=URL)
    embeddings_base_path: str = Field("/v1", pattern=r"^(/[^\s/]+)*$")
    embeddings_model: str = ""
    embeddings_dimension: int = Field(384, ge=1, le=2000)  # 2000 is where pgvector's HNSW index ends
    embeddings_api_key: SecretStr = SecretStr("")
    embeddings_query_prefix: str | None = None
    embeddings_passage_prefix: str | None = None
    embeddings_threads: int = Field(2, ge=1, le=64)

    minio_endpoint: str | None = Field(None, pattern=URL)
    minio_region: str = "us-east-1"
    minio_access_key: SecretStr = SecretStr("")
    minio_secret_key: SecretStr = SecretStr("")
    minio_bucket: str = ""

    upload_max_bytes: int = Field(20 * MIB, ge=1024)
    rate_limit_per_minute: int = Field(120, ge=0)  # 0 switches it off
    retrieval_passages: int = Field(5, ge=1, le=20)
    retrieval_min_similarity: float | None = Field(None, ge=-1, le=1)
    ingest_worker: bool = True
    ingest_lease_seconds: float = Field(60, ge=1)
    ingest_max_attempts: int = Field(5, ge=1)
    ingest_retry_seconds: float = Field(5, ge=0.1)  # after the first attempt; doubled after each further one
    parse_seconds: int = Field(120, ge=1)
    parse_memory_bytes: int = Field(1024 * MIB, ge=128 * MIB)

    @property
    def dev(self) -> bool:
        return self.app_mode == "dev"


REQUIRED = {
    "AUTH_MODE": "none, token or oidc",
    "PGVECTOR_HOST": "the database host",
    "PGVECTOR_DATABASE": "the database name",
    "PGVECTOR_USER": "the database user",
    "MINIO_ENDPOINT": "the URL of the S3 service",
    "MINIO_BUCKET": "the bucket for documents",
}
REQUIRED_WITH = {
    ("AUTH_MODE", "token"): {"AUTH_TOKENS": "the accepted bearer tokens, comma separated"},
    ("AUTH_MODE", "oidc"): {"OIDC_ISSUER": "the issuer URL", "OIDC_AUDIENCE": "the expected audience"},
    ("EMBEDDINGS_MODE", "endpoint"): {
        "EMBEDDINGS_ENDPOINT": "the base URL of the embeddings service",
        "EMBEDDINGS_MODEL": "the model to ask for",
        "EMBEDDINGS_DIMENSION": "the length of its vectors",
    },
}


def load(*, complete: bool = True) -> Settings:
    """Read the settings, or raise SettingsError naming every fault at once.

    Development needs nothing: what is unset there runs embedded. Production never falls back.
    complete: also ask for what is missing; the page's process needs none of it.
    """
    wrong: dict[str, str] = {}
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = {str(fault["loc"][0]): fault["msg"] for fault in error.errors()}
        # With defaults in their places, so that what is missing is found in the same round.
        settings = Settings(**{name: Settings.model_fields[name].default for name in wrong})
    faults = _missing(settings) if complete else []
    faults += [f"{name.upper()}: {message}" for name, message in wrong.items()]
    if settings.pgvector_sslrootcert and not Path(settings.pgvector_sslrootcert).is_file():
        faults.append("PGVECTOR_SSLROOTCERT: no such file")
    if faults:
        raise SettingsError("the settings are not complete:\n  " + "\n  ".join(faults))
    return settings


def _missing(settings: Settings) -> list[str]:
    required = {} if settings.dev else dict(REQUIRED)
    for (name, value), names in REQUIRED_WITH.items():
        if getattr(settings, name.lower()) == value:
            required |= names
    if settings.llama_endpoint:
        required["LLAMA_MODEL"] = "the model to ask for at LLAMA_ENDPOINT"
    return [f"{name}: not set; {what}" for name, what in required.items() if _unset(settings, name)]


def _unset(settings: Settings, name: str) -> bool:
    value = getattr(settings, name.lower())
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    # A default is no choice, and a list of nothing but commas lets nobody in.
    return name.lower() not in settings.model_fields_set or not text.strip(" ,")
