"""The failures that callers can do something about."""


class AppError(Exception):
    """A failure whose message is written for the caller and holds no document text or secret."""

    status = 500
    code = "internal"

    def __init_subclass__(cls, status: int = 500, code: str = "internal") -> None:
        cls.status, cls.code = status, code

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


# The first line of each is what openapi.json says about it.


class BadInput(AppError, status=400, code="bad_input"):
    """The request asks for something that cannot be."""


class Unauthorized(AppError, status=401, code="unauthorized"):
    """The caller is not known; sign in."""


class Forbidden(AppError, status=403, code="forbidden"):
    """The request comes from the page of another site."""


class NotFound(AppError, status=404, code="not_found"):
    """There is no such thing, or it belongs to somebody else."""


class Conflict(AppError, status=409, code="conflict"):
    """Something else is being done with it right now."""


class TooLarge(AppError, status=413, code="too_large"):
    """The request or the file is larger than allowed."""


class UnsupportedType(AppError, status=415, code="unsupported_type"):
    """The file is of no known type."""


class Invalid(AppError, status=422, code="invalid"):
    """The request lacks something, or something in it is out of range."""


class TooManyRequests(AppError, status=429, code="too_many_requests"):
    """Wait for as long as the header Retry-After says."""


class Unavailable(AppError, status=503, code="unavailable"):
    """Something behind the application is away; the same request may succeed later."""


class NoSpace(AppError, status=507, code="no_space"):
    """There is no room for the file at the moment."""


class ParseError(Exception):
    """A document cannot be read, however often it is tried; the message says why."""
