"""The metrics that the dashboards and alerts of the GitOps repository read, by the same names."""

from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)

http_request_duration = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte of a request to the last of its answer.",
    ["route", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
http_in_flight = Gauge("http_requests_in_flight", "Requests being answered now.")
llm_request_duration = Histogram(
    "llm_request_duration_seconds", "Time of one whole model call.", ["outcome"], buckets=SLOW
)
llm_first_token = Histogram("llm_time_to_first_token_seconds", "Time until the model's first token.", buckets=SLOW)
llm_tokens = Counter("llm_tokens_total", "Tokens as counted by the model server.", ["kind"])
vector_search_duration = Histogram("vector_search_duration_seconds", "Time of the search in PostgreSQL.", buckets=FAST)
retrieval_results = Histogram(
    "retrieval_results",
    "Passages found for a question above the similarity floor.",
    buckets=(0, 1, 2, 3, 5, 10, 20),
)
db_pool_connections = Gauge("db_pool_connections", "Database connections by state.", ["state"])
db_pool_wait = Histogram("db_pool_wait_seconds", "Time spent waiting for a database connection.", buckets=FAST)
ingest_chunks = Counter("ingest_chunks_total", "Passages written to the index.")
ingest_duration = Histogram("ingest_duration_seconds", "Time to index one document.", ["outcome"], buckets=SLOW)
embed_duration = Histogram(
    "embed_duration_seconds", "Time to turn one batch of texts into vectors.", ["kind"], buckets=FAST
)
documents = Gauge("documents", "Documents by status, as last counted by the worker.", ["status"])


def watch_pool(stats: Callable[[], dict[str, int]]) -> None:
    """Read the pool's own counters whenever the metrics are."""

    def in_use() -> int:
        found = stats()
        return max(found.get("pool_size", 0) - found.get("pool_available", 0), 0)

    db_pool_connections.labels("in_use").set_function(in_use)
    db_pool_connections.labels("idle").set_function(lambda: stats().get("pool_available", 0))
    db_pool_connections.labels("max").set_function(lambda: stats().get("pool_max", 0))
    db_pool_connections.labels("waiting").set_function(lambda: stats().get("requests_waiting", 0))
