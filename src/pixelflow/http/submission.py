"""``POST /v1/jobs``: a form with the picture in it, or JSON."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from pixelflow.control.idempotency import fingerprint
from pixelflow.control.intake import IntakeLimits, too_large
from pixelflow.control.jobs import Arrived
from pixelflow.control.order import Order
from pixelflow.control.reading import read_json
from pixelflow.control.remote import FIELDS as REMOTE_FIELDS
from pixelflow.control.remote import read_remote, uncalled
from pixelflow.domain.errors import InvalidRequest, MalformedRequest, Problem
from pixelflow.domain.job import Job
from pixelflow.http.body import MAX_JSON_BYTES, json_object, stream
from pixelflow.http.exchange import Exchange
from pixelflow.http.idempotent import REPLAYED, idempotency_key
from pixelflow.http.multipart import MultipartForm
from pixelflow.http.view import created_view, encode, moment
from pixelflow.ports.store import Created, IdempotencyKey

SOURCE_TYPES = ("upload", "s3_presigned", "url", "base64")
FORM_FIELDS = ("file",)
JSON_FIELDS = ("source_type", "image_data", *REMOTE_FIELDS)
FIELDS_OF_SOURCES = {"image_data": "base64", **dict.fromkeys(REMOTE_FIELDS, "url")}
"""With which ``source_type`` each of these goes."""
JSON_PARTS = frozenset({"metadata", "priority", "expires_in", "keep", "store", "deadline_seconds"})


async def post_job(exchange: Exchange) -> None:
    """Create a job from either kind of body."""
    kind = exchange.header(b"content-type") or b""
    if kind.startswith(b"multipart/"):
        created = await submit_form(exchange, kind)
        await _answer(exchange, created, 202)
        return
    tenant = (await exchange.caller()).tenant
    key = idempotency_key(exchange)
    with exchange.services.jobs.running.alone(tenant, key):
        given = await json_object(exchange, "image_data", exchange.services.options.upload_bytes)
        if given.get("source_type") == "base64":
            await _answer(exchange, await _submit_base64(exchange, tenant, given, key), 202)
        else:
            await _create(exchange, tenant, given, key)


async def submit_form(
    exchange: Exchange, content_type: bytes, default_template: str | None = None
) -> Created:
    """Store the form's ``file`` as it streams and queue the job; parts may come in any order."""
    services = exchange.services
    announced = exchange.header(b"content-length")
    if announced is not None and int(announced) > services.options.upload_bytes + MAX_JSON_BYTES:
        raise too_large(services.options.upload_bytes, int(announced))
    tenant = (await exchange.caller()).tenant
    key = idempotency_key(exchange)
    jobs = services.jobs
    with jobs.running.alone(tenant, key):
        form = MultipartForm(content_type, stream(exchange))
        given: dict[str, Any] = {}
        arrived: Arrived | None = None
        try:
            async for part in form.parts():
                if part.name in given or (part.name == "file" and arrived):
                    raise MalformedRequest(f"the form has two parts {part.name!r}", code="doubled_part")
                if part.name != "file":
                    given[part.name] = _value(part.name, await part.read())
                    continue
                if "pipeline" in given or "template" in given:
                    jobs.bounds.check(
                        await services.templates.order(tenant, given, FORM_FIELDS), jobs.clock()
                    )
                arrived = await jobs.arrive(tenant, "upload", part.stream())
            if arrived is None:
                raise MalformedRequest("the form has no part 'file'", code="missing_part", field="file")
            order = await services.templates.order(tenant, given, FORM_FIELDS, default_template)
            return await _submit(exchange, tenant, order, arrived, given, key)
        except Exception:  # one that is broken off may have put the job in the book
            if arrived is not None:
                await jobs.forget(arrived)
            raise


async def submit_picture(
    exchange: Exchange,
    tenant: str,
    order: Order,
    picture: bytes,
    given: dict[str, Any],
    key: str | None,
    limit_bytes: int,
) -> Created:
    """Store a picture that is in memory, and queue its job."""
    jobs = exchange.services.jobs
    jobs.bounds.check(order, jobs.clock())
    limits = IntakeLimits(limit_bytes, jobs.intake.formats)
    arrived = await jobs.arrive(tenant, "base64", _once(picture), limits)
    try:
        return await _submit(exchange, tenant, order, arrived, given, key)
    except Exception:
        await jobs.forget(arrived)
        raise


def upload_of(exchange: Exchange, job: Job) -> dict[str, Any]:
    """Where and how to send a job's picture."""
    services = exchange.services
    seconds = services.options.upload_url_seconds
    path = services.signer.sign("PUT", f"/v1/uploads/{job.id}", job.tenant, seconds)
    return {
        "method": "PUT",
        "url": exchange.base_url + path,
        "headers": {"Content-Type": "application/octet-stream"},
        "expires_at": moment(services.jobs.clock() + seconds),
        "max_bytes": services.options.upload_bytes,
    }


async def _submit_base64(exchange: Exchange, tenant: str, given: dict[str, Any], key: str | None) -> Created:
    picture = given.pop("image_data", None)
    if not isinstance(picture, bytes):
        raise MalformedRequest(
            "with source_type base64, image_data must hold the picture in base64",
            code="missing_field",
            field="image_data",
        )
    if strays := _strays(given, "base64"):
        raise InvalidRequest(strays)
    order = await exchange.services.templates.order(tenant, given, JSON_FIELDS)
    limit = exchange.services.options.upload_bytes
    return await submit_picture(exchange, tenant, order, picture, given, key, limit)


async def _create(exchange: Exchange, tenant: str, given: dict[str, Any], key: str | None) -> None:
    kind = given.get("source_type", "upload")
    problems = []
    if kind not in SOURCE_TYPES:
        message = f"source_type must be one of {', '.join(SOURCE_TYPES)}"
        problems.append(Problem(message, "source_type", value=kind, allowed=", ".join(SOURCE_TYPES)))
    remote = read_remote(given, problems) if kind == "url" else None
    problems += _strays(given, kind)
    try:
        order = await exchange.services.templates.order(tenant, given, JSON_FIELDS)
    except InvalidRequest as error:
        told = uncalled(remote.url, "url") if remote else []
        raise InvalidRequest([*problems, *told, *error.problems]) from None
    if problems:
        raise InvalidRequest(problems)
    promise = IdempotencyKey(key, fingerprint("POST /v1/jobs", tenant, given)) if key else None
    if remote is not None:
        await _answer(exchange, await exchange.services.jobs.order_fetch(tenant, order, remote, promise), 202)
        return
    created = await exchange.services.jobs.create(tenant, order, kind, promise)
    await _answer(exchange, created, 201, upload_of(exchange, created.job))


def _strays(given: Mapping[str, Any], kind: object) -> list[Problem]:
    return [
        Problem(f"{name} goes with source_type {owner} only", name, allowed=f"source_type {owner}")
        for name, owner in FIELDS_OF_SOURCES.items()
        if name in given and kind != owner
    ]


async def _submit(
    exchange: Exchange, tenant: str, order: Order, arrived: Arrived, given: dict[str, Any], key: str | None
) -> Created:
    promise = None
    if key is not None:
        route = f"POST {exchange.scope['path']}"
        promise = IdempotencyKey(key, fingerprint(route, tenant, given, arrived.source.sha256))
    return await exchange.services.jobs.submit(tenant, order, arrived, promise)


async def _answer(
    exchange: Exchange, created: Created, status: int, upload: dict[str, Any] | None = None
) -> None:
    base = exchange.services.options.link_base
    location = (b"location", f"{base}/v1/jobs/{created.job.id}".encode())
    headers = [location, REPLAYED] if created.replayed else [location]
    await exchange.json(status, encode(created_view(created.job, base, upload)), headers)


def _value(name: str, raw: bytes) -> object:
    if name in JSON_PARTS:
        return read_json(raw, f"the part {name!r}")
    # The pipeline stays in bytes: the same few come again and again, and are checked once.
    return raw if name == "pipeline" else raw.decode("utf-8", "replace")


async def _once(picture: bytes) -> AsyncIterator[bytes]:
    yield picture
