"""How faults of other services are met."""

from typing import Annotated

from pydantic import Field

from pixelflow.domain.backoff import Backoff
from pixelflow.domain.breaker import BreakerPolicy
from pixelflow.settings.part import Part


class RetrySettings(Part):
    """What happens when the store, the storage or another machine does not answer."""

    fault_tries: Annotated[int, Field(ge=1, le=1000)] = 10
    """A job fails (`unavailable`) once so many attempts were ended by a service that did not answer."""
    fault_backoff_seconds: Annotated[float, Field(gt=0)] = 1.0
    """Longest pause before such a job is tried again the first time; it doubles each time, and each pause is
    a random part of it."""
    max_fault_backoff_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Longest that pause grows to."""
    breaker_failures: Annotated[int, Field(ge=1)] = 5
    """After so many failures in a row a service is left alone, and nothing is claimed that needs it."""
    breaker_seconds: Annotated[float, Field(gt=0)] = 1.0
    """How long at first; it doubles each time that a trial fails."""
    max_breaker_seconds: Annotated[float, Field(gt=0)] = 30.0
    """Longest that this grows to, and how long a trial may take."""

    @property
    def backoff(self) -> Backoff:
        """When a job is tried again after a fault."""
        return Backoff(self.fault_backoff_seconds, self.max_fault_backoff_seconds, self.fault_tries)

    @property
    def breaker(self) -> BreakerPolicy:
        """When a service is left alone."""
        return BreakerPolicy(self.breaker_failures, self.breaker_seconds, self.max_breaker_seconds)
