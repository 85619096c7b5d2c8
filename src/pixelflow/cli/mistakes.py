"""What went wrong, in words for the person at the terminal, and the exit code that goes with it.

2 is a mistake in what was asked for, 1 is everything else.
"""

import os
import sys
from collections.abc import Sequence

from pixelflow.domain.errors import InvalidRequest, PixelFlowError, Problem

ASKED_WRONGLY = 2
FAILED = 1


class Mistake(Exception):
    """Ends the command with these lines on standard error."""

    def __init__(self, *lines: str, code: int = ASKED_WRONGLY) -> None:
        super().__init__("\n".join(lines))
        self.code = code


def told(error: Exception) -> int | None:
    """Write what there is to say of this error and answer the exit code; ``None`` for a defect of ours."""
    match error:
        case Mistake():
            return _say(error.code, [str(error)])
        case InvalidRequest():
            return _say(ASKED_WRONGLY, problem_lines(error.problems))
        case PixelFlowError():
            return _say(FAILED, [error.detail])
        case BrokenPipeError():
            # The reader went away; what is left in the buffer has nowhere to go at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        case OSError(filename=str(name), strerror=str(reason)):
            return _say(FAILED, [f"{name}: {reason}"])
    return None


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """One line a refused value: where it is, what is wrong with it, what is allowed."""
    of_pipeline = any(problem.step or problem.field == "pipeline" for problem in problems)
    heading = "The pipeline cannot run:" if of_pipeline else "This cannot be done:"
    return [heading, *(f"  {_line(problem)}" for problem in problems)]


def _line(problem: Problem) -> str:
    """The message tells most of it; the rest is added where it does not."""
    place = f"step {problem.step!r}" if problem.step else problem.field
    line = problem.message if place in problem.message else f"{place}: {problem.message}"
    if problem.allowed and problem.allowed not in line:
        line += f"; allowed: {problem.allowed}"
    return line


def _say(code: int, lines: Sequence[str]) -> int:
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - the command's own output
    return code
