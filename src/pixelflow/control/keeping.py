"""For how long a caller wants what belongs to a job to be kept."""

import math
from collections.abc import Mapping

from pixelflow.domain.errors import Problem
from pixelflow.domain.keep import MAX_KEEP_SECONDS, PARTS, Keep

ALLOWED = f"an object with {', '.join(PARTS)}, each 0 to {MAX_KEEP_SECONDS} seconds after the job's end"


def read_keep(given: object, problems: list[Problem], field: str = "keep") -> Keep | None:
    """``{"source": 3600, "outputs": 86400, "record": 604800}``, any part left out; ``None`` where nothing is
    given. What is wrong is added to the problems."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        problems.append(Problem(f"{field} must be {ALLOWED}", field, value=given, allowed=ALLOWED))
        return None
    seconds: dict[str, float] = {}
    for name, value in given.items():
        if name not in PARTS:
            told = f"{field} has no {str(name)!r}"
            problems.append(Problem(told, f"{field}.{name}", value=value, allowed=", ".join(PARTS)))
        elif value is not None and (known := _seconds(value)) is None:
            allowed = f"0 to {MAX_KEEP_SECONDS} seconds"
            told = f"{field}.{name} must be {allowed}"
            problems.append(Problem(told, f"{field}.{name}", value=value, allowed=allowed))
        elif value is not None and known is not None:
            seconds[name] = known
    return Keep(**seconds)


def _seconds(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # An integer may be too long for a float.
    seconds = float(value) if -1 < value < 2 * MAX_KEEP_SECONDS else math.nan
    return seconds if 0 <= seconds <= MAX_KEEP_SECONDS else None
