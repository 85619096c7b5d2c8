"""What every event entails, in the transaction that appends it."""

from collections.abc import Sequence

from pixelflow.adapters.store.batch_counts import count
from pixelflow.adapters.store.sweeping import schedule
from pixelflow.adapters.store.transaction import Consequence
from pixelflow.adapters.store.webhook_messages import tell

CONSEQUENCES: Sequence[Consequence] = (tell, count, schedule)
"""In this order."""
