"""The documents' calls that need no login, word for word; only the port and the placeholders change."""

import base64
import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from harness.pictures import encoded, photo
from harness.server import RunningServer

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

ZERO_CONFIG_SUBMIT = """\
curl -X POST http://localhost:8080/jobs \\
  -H "Content-Type: application/json" \\
  -d '{
    "image_data": "<base64-encoded-image-data>",
    "operation": "resize",
    "width": 800,
    "height": 600,
    "output_format": "jpeg"
  }'
"""
ZERO_CONFIG_STATUS = "curl http://localhost:8080/jobs/550e8400-e29b-41d4-a716-446655440000"
ZERO_CONFIG_DOWNLOAD = "curl -O http://localhost:8080/jobs/550e8400-e29b-41d4-a716-446655440000/download"
ZERO_CONFIG_HEALTH = "curl http://localhost:8080/health"
CONTROL_CREATE = """\
curl -X POST http://localhost:8080/v1/jobs \\
  -H "Content-Type: application/json" \\
  -d '{
    "source_type": "s3_presigned",
    "webhook_url": "https://client-site.com/hooks/pixel-done",
    "pipeline": [
      {
        "id": "thumb_small",
        "action": "resize",
        "width": 150,
        "format": "webp",
        "quality": 80
      }
    ]
  }'
"""
CONTROL_START = "curl -X POST http://localhost:8080/v1/jobs/<job_id>/start"


def curl(server: RunningServer, line: str, folder: Path, **placeholders: str) -> bytes:
    line = line.replace("localhost:8080", f"127.0.0.1:{server.port}")
    for name, value in placeholders.items():
        line = line.replace(name, value)
    ended = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, timeout=60, check=True)
    return ended.stdout


def answer(server: RunningServer, line: str, folder: Path, **placeholders: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(curl(server, line, folder, **placeholders))
    return found


def test_the_zero_config_service(server: RunningServer, client: httpx.Client, tmp_path: Path) -> None:
    picture = base64.b64encode(encoded(photo(120, 90), "PNG")).decode()
    made = answer(server, ZERO_CONFIG_SUBMIT, tmp_path, **{"<base64-encoded-image-data>": picture})
    assert (made["status"], made["message"]) == ("pending", "Image processing job submitted")
    client.get(f"/v1/jobs/{made['job_id']}", params={"wait": 20})
    this = {"550e8400-e29b-41d4-a716-446655440000": made["job_id"]}
    job = answer(server, ZERO_CONFIG_STATUS, tmp_path, **this)
    assert (job["id"], job["status"], job["width"], job["height"]) == (made["job_id"], "completed", 800, 600)
    curl(server, ZERO_CONFIG_DOWNLOAD, tmp_path, **this)
    assert Image.open(BytesIO((tmp_path / "download").read_bytes())).size == (800, 600)
    assert answer(server, ZERO_CONFIG_HEALTH, tmp_path)


def test_the_control_planes_two_calls(server: RunningServer, client: httpx.Client, tmp_path: Path) -> None:
    made = answer(server, CONTROL_CREATE, tmp_path)
    upload = made["upload"]
    sent = client.request(
        upload["method"], upload["url"], headers=upload["headers"], content=encoded(photo(600, 400), "JPEG")
    )
    assert sent.status_code == 200
    started = answer(server, CONTROL_START, tmp_path, **{"<job_id>": made["job_id"]})
    assert started["status"] == "queued"
    job = client.get(f"/v1/jobs/{made['job_id']}", params={"wait": 20}).json()
    assert job["status"] == "completed"
    assert job["webhook_url"] == "https://client-site.com/hooks/pixel-done"
    thumb = Image.open(BytesIO(client.get(job["outputs"][0]["url"]).content))
    assert (thumb.size, thumb.format) == ((150, 100), "WEBP")
    assert answer(server, "curl http://localhost:8080/healthz", tmp_path) == {"status": "ok"}


def test_parallelpix(server: RunningServer, client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(photo(120, 90), "PNG"))
    made = answer(server, "curl -F file=@photo.png http://localhost:8080/v1/upload", tmp_path)
    client.get(f"/v1/jobs/{made['job_id']}", params={"wait": 20})
    this = {"abc123": made["job_id"]}
    status = answer(server, "curl http://localhost:8080/v1/status/abc123", tmp_path, **this)
    assert (status["job_id"], status["status"]) == (made["job_id"], "done")
    curl(server, "curl -o out.png http://localhost:8080/v1/download/abc123", tmp_path, **this)
    assert Image.open(BytesIO((tmp_path / "out.png").read_bytes())).size == (120, 90)
