"""What is the same with every OpenAI-compatible server: its address, its key, and the trace of a request."""

from openai import AsyncOpenAI, Omit
from pydantic import SecretStr

from . import tracing


def client(endpoint: str | None, base_path: str, key: SecretStr) -> AsyncOpenAI:
    # Without any key the client would take OPENAI_API_KEY, or refuse to begin: see headers().
    api_key = key.get_secret_value() or "none"
    return AsyncOpenAI(api_key=api_key, base_url=f"{(endpoint or '').rstrip('/')}{base_path}")


def headers(key: SecretStr) -> dict[str, str | Omit]:
    """The traceparent, and no Authorization where there is no key: a gateway refuses one that it does not know."""
    none: dict[str, str | Omit] = {} if key.get_secret_value() else {"Authorization": Omit()}
    return {**tracing.outgoing_headers(), **none}
