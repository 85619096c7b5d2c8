"""What every event entails, in the transaction that appends it."""

from collections.abc import Sequence

from pixelflow.adapters.store.transaction import Consequence

CONSEQUENCES: Sequence[Consequence] = ()
"""In this order."""
