"""What is public stays public, typed and documented."""

import inspect
from collections.abc import AsyncIterator
from importlib.resources import files

import pixelflow.client

PUBLIC = [
    "Advice",
    "ApiError",
    "Asset",
    "AsyncBatches",
    "AsyncBulks",
    "AsyncClient",
    "AsyncJobHandle",
    "AsyncJobOutput",
    "AsyncJobResult",
    "AsyncTemplates",
    "AsyncWebhooks",
    "AuditLine",
    "BadSignature",
    "Batch",
    "BatchForecast",
    "BatchLine",
    "BatchRefusal",
    "Batches",
    "Bulk",
    "Bulks",
    "Client",
    "ClientError",
    "ComparedOutput",
    "Comparison",
    "DamagedDownload",
    "DayUsage",
    "Failure",
    "Format",
    "Job",
    "JobFailed",
    "JobHandle",
    "JobOutput",
    "JobResult",
    "MadeBatch",
    "Manifest",
    "Operation",
    "OperationUsage",
    "Output",
    "Plan",
    "PlannedOutput",
    "Refusal",
    "Source",
    "StepDifference",
    "Template",
    "TemplateDifference",
    "Templates",
    "TenantSettings",
    "Timeout",
    "Unreachable",
    "Usage",
    "Webhook",
    "WebhookDelivery",
    "WebhookSecret",
    "WebhookTry",
    "Webhooks",
]
METHODS = {
    "audit",
    "storage",
    "sweep",
    "close",
    "formats",
    "job",
    "jobs",
    "operations",
    "plan",
    "submit",
    "set_tenant",
    "submit_url",
    "tenant",
    "upload_asset",
    "usage",
    "version",
}
BATCHES = {
    "cancel", "create", "delete", "failures", "get", "lines", "list", "pause", "resume", "retry", "wait",
}  # fmt: skip
TEMPLATES = {"add", "delete", "diff", "get", "list", "promote", "rollback", "versions"}
HANDLE = {
    "comparison",
    "manifest",
    "replay",
    "hold",
    "release",
    "cancel",
    "delete",
    "refresh",
    "result",
    "retry",
}

BULKS = {"get", "order"}
WEBHOOKS = {
    *("add", "change", "deliveries", "delivery", "enable", "get", "list", "redeliver", "redeliver_since"),
    *("remove", "rotate", "rotate_secret", "secret", "test"),
}


def test_the_public_names() -> None:
    assert sorted(pixelflow.client.__all__) == PUBLIC
    for name in PUBLIC:
        assert inspect.getdoc(getattr(pixelflow.client, name)), name
    assert (files("pixelflow") / "py.typed").is_file()


def test_both_clients_have_the_same_calls() -> None:
    for sync, asynchronous, names in (
        (pixelflow.client.Client, pixelflow.client.AsyncClient, METHODS - {"close"}),
        (pixelflow.client.JobHandle, pixelflow.client.AsyncJobHandle, HANDLE),
        (pixelflow.client.Batches, pixelflow.client.AsyncBatches, BATCHES),
        (pixelflow.client.Bulks, pixelflow.client.AsyncBulks, BULKS),
        (pixelflow.client.Templates, pixelflow.client.AsyncTemplates, TEMPLATES),
        (pixelflow.client.Webhooks, pixelflow.client.AsyncWebhooks, WEBHOOKS),
        (pixelflow.client.JobResult, pixelflow.client.AsyncJobResult, {"save"}),
        (pixelflow.client.JobOutput, pixelflow.client.AsyncJobOutput, {"bytes", "save"}),
    ):
        for name in names:
            one, other = getattr(sync, name), getattr(asynchronous, name)
            assert inspect.getdoc(one) == inspect.getdoc(other), name
            assert inspect.signature(one).parameters.keys() == inspect.signature(other).parameters.keys(), (
                name
            )


def test_help_shows_what_a_caller_gives_and_gets() -> None:
    shown = inspect.signature(pixelflow.client.Client.submit_url)
    assert [*shown.parameters][:3] == ["self", "url", "pipeline"]
    assert shown.return_annotation is pixelflow.client.JobHandle
    lines = inspect.signature(pixelflow.client.AsyncBatches.lines)
    assert lines.return_annotation == AsyncIterator[pixelflow.client.BatchLine]
    assert inspect.isasyncgenfunction(pixelflow.client.AsyncBatches.lines)
    assert inspect.iscoroutinefunction(pixelflow.client.AsyncBatches.get)
