"""Talking to a server from a command: its refusals, in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError

from pixelflow.cli.mistakes import FAILED, Mistake, problem_lines
from pixelflow.client import ApiError, Client, ClientError, JobFailed, Unreachable
from pixelflow.domain.errors import Problem

TRIES = 3
"""A person waits: fewer tries than a program would make."""


@contextmanager
def talking(url: str) -> Iterator[Client]:
    """A client for the block; raises Mistake for whatever the server, or its absence, has to say."""
    try:
        with Client(url, tries=TRIES) as client:
            yield client
    except JSONDecodeError:
        raise Mistake(
            f"what answers at {url} is no PixelFlow server: its answer is no JSON",
            "  name another with: --url http://HOST:PORT",
            code=FAILED,
        ) from None
    except ValueError as error:
        raise Mistake(str(error)) from None
    except Unreachable as error:
        raise Mistake(
            f"no PixelFlow server answers at {url}: {error.cause}",
            "  start one with: pixelflow serve",
            "  or name another with: --url http://HOST:PORT",
            code=FAILED,
        ) from None
    except ApiError as error:
        if error.errors:
            problems = [
                Problem(each.message, each.field or "pipeline", each.step, each.value, each.allowed)
                for each in error.errors
            ]
            raise Mistake(*problem_lines(problems)) from None
        raise Mistake(
            f"the server refused: {error.detail} ({error.code}, {error.status})", code=FAILED
        ) from None
    except JobFailed as error:
        where = f" in step {error.step}" if error.step else ""
        raise Mistake(
            f"job {error.job.id} {error.job.status}{where}: {error.message} ({error.code})", code=FAILED
        ) from None
    except ClientError as error:
        raise Mistake(str(error), code=FAILED) from None
