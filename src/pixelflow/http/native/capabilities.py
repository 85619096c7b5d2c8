"""``/v1/operations`` and ``/v1/formats``: what this server can do."""

from dataclasses import asdict
from functools import cache

from fastapi import APIRouter, Response

from pixelflow.domain import installed
from pixelflow.http import describing
from pixelflow.http.native.given import Caller, TheServices, json
from pixelflow.http.shapes.capabilities import Formats, Operations
from pixelflow.http.view import encode
from pixelflow.operations.registry import describe

router = APIRouter(prefix="/v1", tags=["capabilities"])


@router.get("/operations", summary="The operations", responses=describing.answers({200: Operations}))
def operations(caller: Caller) -> Response:
    """Built-in ones and those of installed plug-ins, with their parameters as JSON Schema."""
    return Response(_operations(), media_type="application/json")


@cache
def _operations() -> bytes:
    return encode({"operations": describe()})


@router.get("/formats", summary="The image formats", responses=describing.answers({200: Formats}))
async def formats(services: TheServices, caller: Caller) -> Response:
    """What is read and written here; `extra` names what to install for one that is not."""
    here = installed.formats(*sorted(services.jobs.intake.formats))
    return json({"formats": [asdict(known) for known in here]})
