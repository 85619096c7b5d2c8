"""Calls as methods: each is described once, as a function of the server, and both clients have it."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from inspect import Parameter, signature
from types import GenericAlias
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, get_args

from pixelflow.client.exchange import Call, Endpoint, T
from pixelflow.client.pages import Pages

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])


class Runner(Protocol):
    """Whoever drives calls."""

    @property
    def server(self) -> Endpoint: ...

    def run(self, call: Call[T], /) -> T: ...


class AsyncRunner(Protocol):
    """The same for asyncio."""

    @property
    def server(self) -> Endpoint: ...

    def run(self, call: Call[T], /) -> Coroutine[Any, Any, T]: ...


class Noun:
    """What a client has under a name; its calls are the client's."""

    def __init__(self, client: Runner) -> None:
        self.server, self.run = client.server, client.run


class AsyncNoun:
    """The same for asyncio."""

    def __init__(self, client: AsyncRunner) -> None:
        self.server, self.run = client.server, client.run


def blocking(call: Callable[Concatenate[Endpoint, P], Call[T]]) -> Callable[Concatenate[Runner, P], T]:
    """The method that makes this call."""

    @wraps(call)
    def method(self: Runner, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(call(self.server, *args, **kwargs))

    return shown(method, call, lambda found: found)


def blocking_pages(
    pages: Callable[Concatenate[Endpoint, P], Pages[T]],
) -> Callable[Concatenate[Runner, P], Iterator[T]]:
    """The method that goes through all pages, each asked for when it is needed."""

    @wraps(pages)
    def method(self: Runner, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        found, cursor = pages(self.server, *args, **kwargs), None
        while True:
            page, cursor = self.run(found.page(cursor))
            yield from page
            if cursor is None:
                return

    return shown(method, pages, lambda each: GenericAlias(Iterator, each))


def awaited(
    call: Callable[Concatenate[Endpoint, P], Call[T]],
) -> Callable[Concatenate[AsyncRunner, P], Coroutine[Any, Any, T]]:
    """As ``blocking``, for asyncio."""

    @wraps(call)
    async def method(self: AsyncRunner, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(call(self.server, *args, **kwargs))

    return shown(method, call, lambda found: found)


def awaited_pages(
    pages: Callable[Concatenate[Endpoint, P], Pages[T]],
) -> Callable[Concatenate[AsyncRunner, P], AsyncIterator[T]]:
    """As ``blocking_pages``, for asyncio."""

    @wraps(pages)
    async def method(self: AsyncRunner, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        found, cursor = pages(self.server, *args, **kwargs), None
        while True:
            page, cursor = await self.run(found.page(cursor))
            for each in page:
                yield each
            if cursor is None:
                return

    return shown(method, pages, lambda each: GenericAlias(AsyncIterator, each))


def shown(method: F, call: Callable[..., Any], answer: Callable[[Any], Any]) -> F:
    """The method with the signature that ``help`` is to show: ``answer`` of what the call answers."""
    given = signature(call)
    _, *others = given.parameters.values()
    parameters = [Parameter("self", Parameter.POSITIONAL_ONLY), *others]
    told = answer(get_args(given.return_annotation)[-1])
    method.__name__ = call.__name__.lstrip("_")
    method.__dict__["__signature__"] = given.replace(parameters=parameters, return_annotation=told)
    return method
