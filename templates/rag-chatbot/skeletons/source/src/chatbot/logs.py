"""JSON log lines with the names of the Elastic Common Schema.

The text of an exception is never logged unless it is ours: a driver's message may quote a document,
a parameter or a password. Type, place and SQLSTATE are enough to find the fault.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from opentelemetry import trace

from . import NAME, VERSION
from .errors import AppError, ParseError
from .settings import Settings

# httpx2 logs whole URLs, openai prompts, boto whole requests and pypdf pieces of documents.
QUIET = ("boto3", "botocore", "httpcore2", "httpx2", "openai", "psycopg.pool", "pypdf", "s3transfer", "urllib3")


class JsonFormatter(logging.Formatter):
    def __init__(self, environment: str) -> None:
        super().__init__()
        self.service = {
            "service.name": NAME,
            "service.version": VERSION,
            "service.environment": environment,
        }

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "log.level": record.levelname.lower(),
            "message": record.getMessage(),
            "log.logger": record.name,
            "process.pid": record.process,
            **self.service,
            **getattr(record, "fields", {}),
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace.id"] = format(context.trace_id, "032x")
            line["span.id"] = format(context.span_id, "016x")
        if record.exc_info and record.exc_info[1]:
            line.update(describe(record.exc_info[1]))
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """For a terminal: the same content, easier on the eye."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={value}" for key, value in getattr(record, "fields", {}).items())
        text = f"{record.levelname.lower():7} {record.getMessage()}{fields}"
        if record.exc_info and record.exc_info[1]:
            described = describe(record.exc_info[1])
            text += f"\n{described['error.stack_trace']}{described['error.type']}"
        return text


def describe(error: BaseException) -> dict[str, str]:
    """Where an error happened and of what kind it is, without its text unless that is ours."""
    described = {
        "error.type": type(error).__qualname__,
        "error.stack_trace": "".join(traceback.format_tb(error.__traceback__)),
    }
    if isinstance(error, (AppError, ParseError)):
        described["error.message"] = str(error)
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate:
        described["error.code"] = str(sqlstate)
    return described


def configure(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(TextFormatter() if settings.dev else JsonFormatter(settings.app_environment))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
