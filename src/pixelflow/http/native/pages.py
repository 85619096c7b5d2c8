"""``/openapi.json`` and ``/docs``."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from pixelflow.http.page import POLICY, render
from pixelflow.http.view import encode

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(encode(request.app.openapi()), media_type="application/json")


@router.get("/docs")
def docs(request: Request) -> Response:
    """The same to read, without anything from elsewhere."""
    headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff"}
    return HTMLResponse(render(request.app.openapi()), headers=headers)
