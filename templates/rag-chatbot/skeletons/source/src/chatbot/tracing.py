"""Spans for requests, searches and model calls.

Trace ids exist always, for the logs and for the model's traceparent; spans leave the process only
when OTEL_EXPORTER_OTLP_ENDPOINT is set.
"""

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased

from . import NAME, VERSION
from .settings import Settings

tracer = trace.get_tracer(NAME)


def configure(settings: Settings) -> None:
    resource = Resource.create(
        {
            "service.name": NAME,
            "service.version": VERSION,
            "deployment.environment.name": settings.app_environment,
        }
    )
    # A span that nobody will see need not be recorded; it has its ids all the same.
    exported = settings.otel_exporter_otlp_endpoint is not None
    provider = TracerProvider(ParentBased(ALWAYS_ON if exported else ALWAYS_OFF), resource=resource)
    if settings.otel_exporter_otlp_endpoint:
        # Imported here because it costs 0.2 s and 20 MB that nobody needs who does not export.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)


def outgoing_headers() -> dict[str, str]:
    """The traceparent header for a call to another service."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers
