"""What a decoder may say of a task: it may have been taken over by a picture."""

from pixelflow.domain.media import BY_NAME, DOCUMENTS
from pixelflow.imaging import wire
from pixelflow.worker.running import Running


def implausible(reply: wire.Finished | wire.Failed, running: Running) -> str | None:
    """Why this cannot be the answer to that task: the supervisor acts on what it says."""
    if isinstance(reply, wire.Failed):
        if reply.code not in wire.CODES or (reply.code == "storage" and not reply.message.isdecimal()):
            return f"failed with {reply.code!r}"
        if reply.code == "withdrawn" and not running.outcome.done():
            return "gave up a task that nobody took back"
        return None
    made = [each.step for each in reply.made]
    promised = set(running.task.outputs)
    if (
        len(made) != len(set(made))
        or set(made) - promised
        or promised - set(made) - {s.step for s in reply.skipped}
    ):
        return "made other outputs than the task asks for"
    if running.written - set(made):
        return "took back an output that it had told of"
    if not all(_known(each) for each in reply.made):
        return "made an output of an unknown format"
    return None


def unasked(made: wire.Made, running: Running) -> str | None:
    """Why this cannot be an output that the task has just written."""
    if made.step not in running.task.outputs or made.step in running.written or not _known(made):
        return "an output that the task does not ask for"
    return None


def _known(made: wire.Made) -> bool:
    return made.format in DOCUMENTS or made.format in BY_NAME
