"""The failures that callers can do something about."""


class AppError(Exception):
    """A failure whose message is written for the caller and holds no document text or secret."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class BadInput(AppError):
    status = 400
    code = "bad_input"


class Unauthorized(AppError):
    status = 401
    code = "unauthorized"


class NotFound(AppError):
    status = 404
    code = "not_found"


class Conflict(AppError):
    status = 409
    code = "conflict"


class TooLarge(AppError):
    status = 413
    code = "too_large"


class UnsupportedType(AppError):
    status = 415
    code = "unsupported_type"


class TooManyRequests(AppError):
    status = 429
    code = "too_many_requests"


class Unavailable(AppError):
    """Something behind the application is away; the same request may succeed later."""

    status = 503
    code = "unavailable"


class NoSpace(AppError):
    status = 507
    code = "no_space"


class ParseError(Exception):
    """A document cannot be read, however often it is tried; the message says why."""
