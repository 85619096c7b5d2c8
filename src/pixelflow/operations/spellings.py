"""Other tools' words for the same things: accepted, never shown."""

from pydantic import BeforeValidator


def spelled(**others: str) -> BeforeValidator:
    """Take any case, hyphens for underscores, and ``others``: our word, then theirs with blanks between."""
    ours = {theirs: word for word, many in others.items() for theirs in many.split()}

    def our_word(value: object) -> object:
        if not isinstance(value, str):
            return value
        known = value.strip().lower().replace("-", "_")
        return ours.get(known, known)

    return BeforeValidator(our_word)
