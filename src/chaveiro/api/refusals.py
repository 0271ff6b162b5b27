"""Every way in which the API itself says no, before any rule is asked."""

from __future__ import annotations

from chaveiro.rules.errors import Refusal


class BadRequest(Refusal):
    """The request cannot be read. Facts: reason."""

    code = "bad_request"


class Unauthenticated(Refusal):
    """A bearer token is needed, and none that is good came with the request."""

    code = "unauthenticated"


class MethodNotAllowed(Refusal):
    """The address does not take this method; the Allow header names those that it takes."""

    code = "method_not_allowed"


class TooLarge(Refusal):
    """The body is larger than one request may be. Facts: most (bytes)."""

    code = "too_large"


class UnsupportedMediaType(Refusal):
    """The body is not JSON. Facts: wanted."""

    code = "unsupported_media_type"


class ServerError(Refusal):
    """Something failed that should not; the request's id finds it in the operator's log."""

    code = "server_error"


class Unavailable(Refusal):
    """The database is out of reach; ask again."""

    code = "unavailable"
