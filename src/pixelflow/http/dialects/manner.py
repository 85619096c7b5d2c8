"""How a dialect says what went wrong."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from pixelflow.http.describing import EXAMPLES
from pixelflow.http.errors import encode, other, refusal

log = structlog.get_logger()


class DialectError(BaseModel):
    """An error as the dialects say it: for a person, and PixelFlow's code for programs."""

    error: str = Field(examples=["there is no such job"])
    code: str = Field(examples=["not_found"])


class DialectRoute(APIRoute):
    """A route whose errors are ``{"error", "code"}``, with the status of the one error table."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, and the errors around it."""
        handle = super().get_route_handler()

        async def spoken(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                found = other("bad_request", "; ".join(each["msg"] for each in error.errors()))
            except Exception as error:
                found = refusal(error)
                if found.status >= 500:
                    log.error("request failed", path=request.url.path, code=found.code, exc_info=error)
            body = {"error": found.detail, "code": found.code}
            if found.problems:
                body |= {"errors": found.document("")["errors"]}
            if "state" in found.extra:
                body |= {"status": found.extra["state"]}
            headers = {name.decode(): value.decode() for name, value in found.headers}
            return Response(encode(body), found.status, headers, "application/json")

        return spoken


def dialect_answers(*refusals: int) -> dict[int | str, dict[str, Any]]:
    """A dialect route's refusals, with an example of each."""
    return {
        status: {
            "model": DialectError,
            "description": EXAMPLES[status][1],
            "content": {
                "application/json": {"example": {"error": EXAMPLES[status][1], "code": EXAMPLES[status][0]}}
            },
        }
        for status in refusals
    }
