"""``PUT /v1/uploads/{id}``: a job's picture, by a signed URL."""

from pixelflow.control.intake import too_large
from pixelflow.http.body import stream
from pixelflow.http.exchange import Exchange
from pixelflow.http.view import encode


async def put_upload(exchange: Exchange, job_id: str) -> None:
    """Keep the body as the job's picture; whoever has the signed URL may, so that no login is asked for."""
    services = exchange.services
    tenant = services.signer.verify("PUT", exchange.scope["path"], exchange.query)
    announced = exchange.header(b"content-length")
    if announced is not None and int(announced) > services.options.upload_bytes:
        raise too_large(services.options.upload_bytes, int(announced))
    source = await services.jobs.upload(tenant, job_id, stream(exchange))
    shown = {"job_id": job_id, "bytes": source.bytes, "sha256": source.sha256, "format": source.format}
    await exchange.json(200, encode(shown), [(b"etag", f'"{source.sha256}"'.encode())])
