"""``Client`` for programs without an event loop: the same one, run in a thread of its own.

    from client.sync import Client

    with Client(profile="mine-a") as ledger:
        receipt = ledger.submit(OfferTransfer(...))

There is no second implementation: every method here starts the coroutine of the same name on the session's
event loop and waits for it, with the same arguments and the same errors. Iterators are read page by page
as they are consumed. Ctrl-C in the waiting thread cancels what runs; the outbox keeps what was sent.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar, overload

from client.errors import UsageError
from client.session import Client as AsyncClient

P = ParamSpec("P")
R = TypeVar("R")


class _Twin(Generic[P, R]):
    """A method that runs the coroutine method of the same name to its end."""

    def __init__(
        self, method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]]
    ) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type[Client]) -> Self: ...

    @overload
    def __get__(self, instance: Client, owner: type[Client]) -> Callable[P, R]: ...

    def __get__(self, instance: Client | None, owner: type[Client]) -> Self | Callable[P, R]:
        if instance is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return instance.run(self._method(instance.wrapped, *args, **kwargs))

        call.__doc__ = self.__doc__
        return call


class _IteratorTwin(Generic[P, R]):
    """A method that yields what the asynchronous iterator of the same name yields."""

    def __init__(self, method: Callable[Concatenate[AsyncClient, P], AsyncIterator[R]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, instance: None, owner: type[Client]) -> Self: ...

    @overload
    def __get__(self, instance: Client, owner: type[Client]) -> Callable[P, Iterator[R]]: ...

    def __get__(
        self, instance: Client | None, owner: type[Client]
    ) -> Self | Callable[P, Iterator[R]]:
        if instance is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
            items = self._method(instance.wrapped, *args, **kwargs)
            while True:
                item = instance.run(_next_of(items))
                if item is _END:
                    return
                yield item  # type: ignore[misc]

        call.__doc__ = self.__doc__
        return call


_END: Final = object()


async def _next_of(items: AsyncIterator[R]) -> R | object:
    return await anext(items, _END)


class Client:
    """The synchronous twin of ``client.Client``; takes the same arguments. Use as ``with``."""

    submit = _Twin(AsyncClient.submit)
    submit_signed = _Twin(AsyncClient.submit_signed)
    submit_many = _Twin(AsyncClient.submit_many)
    resume_outbox = _Twin(AsyncClient.resume_outbox)
    receipt = _Twin(AsyncClient.receipt)
    status = _Twin(AsyncClient.status)
    member = _Twin(AsyncClient.member)
    members = _IteratorTwin(AsyncClient.members)
    offers = _Twin(AsyncClient.offers)
    lot = _Twin(AsyncClient.lot)
    lot_by_code = _Twin(AsyncClient.lot_by_code)
    trace = _Twin(AsyncClient.trace)
    quota = _Twin(AsyncClient.quota)
    product = _Twin(AsyncClient.product)
    products = _IteratorTwin(AsyncClient.products)
    transaction = _Twin(AsyncClient.transaction)
    block = _Twin(AsyncClient.block)
    genesis = _Twin(AsyncClient.genesis)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - those of the twin
        self.wrapped = AsyncClient(*args, **kwargs)
        """The asynchronous client; ``prepare``, ``sign`` and ``trust`` need no event loop."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._loop is not None:
            raise UsageError("the session is open already.")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="monazite-client", daemon=True
        )
        self._thread.start()
        try:
            self.run(self.wrapped.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.run(self.wrapped.__aexit__(kind, error, traceback))
        finally:
            self._stop()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine on the session's event loop and return its result.

        Raises:
            UsageError: The session is not open.
        """
        if self._loop is None:
            coroutine.close()
            raise UsageError("the session is not open; use `with Client(...) as ledger`.")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _stop(self) -> None:
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None
