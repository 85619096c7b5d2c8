"""When to try again what failed for no fault of its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential pauses with full jitter, which keeps many from coming back at once; in seconds.

    See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    tries: int = 10
    """After so many failures nothing more is tried."""

    def pause(self, failures: int, chance: float) -> float | None:
        """How long to wait after that many failures in a row; ``chance`` is from 0 to 1, ``None`` ends it."""
        if failures >= self.tries:
            return None
        longest = self.first_seconds * 2.0 ** min(max(failures, 1) - 1, 62)
        return chance * min(self.longest_seconds, longest)
