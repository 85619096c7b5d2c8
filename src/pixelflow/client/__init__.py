"""The Python client of a PixelFlow server, sync and async over one core.

with Client() as client:
    result = client.submit("photo.jpg", [{"id": "thumb", "action": "thumbnail", "width": 400}]).result()
    result["thumb"].save("thumb.jpg")
"""

from pixelflow.client.asynchronous import AsyncClient, AsyncJobHandle, AsyncJobOutput, AsyncJobResult
from pixelflow.client.batches import (
    AsyncBatches,
    Batch,
    Batches,
    BatchForecast,
    BatchLine,
    BatchRefusal,
    MadeBatch,
)
from pixelflow.client.bulks import AsyncBulks, Bulk, Bulks
from pixelflow.client.errors import (
    ApiError,
    BadSignature,
    ClientError,
    DamagedDownload,
    JobFailed,
    Refusal,
    Timeout,
    Unreachable,
)
from pixelflow.client.models import (
    Advice,
    Asset,
    Failure,
    Format,
    Job,
    Operation,
    Output,
    Plan,
    PlannedOutput,
    Source,
)
from pixelflow.client.provenance import AuditLine, ComparedOutput, Comparison, Manifest
from pixelflow.client.sync import Client, JobHandle, JobOutput, JobResult
from pixelflow.client.templates import (
    AsyncTemplates,
    StepDifference,
    Template,
    TemplateDifference,
    Templates,
)
from pixelflow.client.usage import DayUsage, OperationUsage, TenantSettings, Usage
from pixelflow.client.webhook_models import Webhook, WebhookDelivery, WebhookSecret, WebhookTry
from pixelflow.client.webhooks import AsyncWebhooks, Webhooks

__all__ = [
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
