"""Every kind of bucket that there is here: folders, and an S3 service where PIXELFLOW_TEST_S3 names one."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.extras import needs
from harness.names import Opened
from pixelflow.adapters.buckets import open_buckets

S3 = os.environ.get("PIXELFLOW_TEST_S3")
"""A bucket to write to with its options, as ``s3://test?endpoint=http://127.0.0.1:9000&region=…``."""


def _files(folder: Path) -> Opened:
    base = f"file://{folder}/opened"
    return Opened(open_buckets([f"{base}/of-{{tenant}}", f"{base}/read?access=read", base], 5, 10), base)


def _s3(folder: Path) -> Opened:
    if S3 is None:
        pytest.skip("PIXELFLOW_TEST_S3 names no bucket")
    bucket, _, options = S3.partition("?")
    base = f"{bucket.rstrip('/')}/{uuid.uuid4().hex}"
    return Opened(open_buckets([f"{base}?{options}"], 5, 30), base)


BACKENDS: dict[str, Callable[[Path], Opened]] = {"file": _files, "s3": _s3}


@pytest.fixture(params=[pytest.param(name, marks=needs("s3")) for name in BACKENDS])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return BACKENDS[request.param](tmp_path)
