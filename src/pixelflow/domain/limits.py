"""What a picture may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Caps checked before pixels are decoded; each error names its setting: the field's name in capitals, and
    MAX_UPLOAD_SIZE for ``max_input_bytes``.

    Sides in pixels, areas in pixels, sizes in bytes, times in seconds.
    """

    max_image_side: int = 16_384
    max_image_area: int = 50_000_000
    max_image_frames: int = 200
    max_image_frames_area: int = 100_000_000
    max_image_bands: int = 5
    max_input_bytes: int = 50 * 1024 * 1024
    max_output_bytes: int = 100 * 1024 * 1024
    max_memory_bytes: int = 1536 * 1024 * 1024
    max_cpu_seconds: int = 30
    max_job_seconds: float = 60.0


MAX_STEPS = 20
"""Steps in one pipeline."""
MAX_REFERENCES = 60
"""Assets and earlier pictures that one pipeline refers to."""
MAX_FETCHED_REFERENCES = 10
"""Those of them that are fetched from a URL at each attempt."""
