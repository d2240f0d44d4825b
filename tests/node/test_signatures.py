"""Checking signatures beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.wire.codec import encode
from ledger.wire.scalars import SignatureBytes
from ledger.wire.transaction import KeySignature, SignedTransaction
from node.signatures import PIECE_MAX, THREAD_BATCH_MIN, SignatureChecker, _pieces, _Request
from tests.node.test_mempool import transaction
from tests.support.trading import MINE


@pytest_asyncio.fixture
async def checker() -> AsyncIterator[SignatureChecker]:
    failures: list[BaseException] = []
    made = SignatureChecker(failures.append)
    yield made
    made.close()
    assert not failures


def good(number: int) -> ParsedTransaction:
    return parse_transaction(transaction(MINE, number).signed_bytes)


def bad(number: int) -> ParsedTransaction:
    signed = transaction(MINE, number).signed
    key = signed.signatures[0].key
    broken = KeySignature(key=key, signature=SignatureBytes(bytes(64)))
    return parse_transaction(
        encode(SignedTransaction(transaction=signed.transaction, signatures=(broken,)))
    )


async def checked(
    checker: SignatureChecker, *requests: Sequence[ParsedTransaction]
) -> list[list[ParsedTransaction]]:
    """Check several requests of one turn and return what was found valid of each."""
    loop = asyncio.get_running_loop()
    futures: list[asyncio.Future[list[ParsedTransaction]]] = []
    for request in requests:
        future: asyncio.Future[list[ParsedTransaction]] = loop.create_future()
        checker.check(request, lambda valid, f=future: f.set_result(list(valid)))  # type: ignore[misc]
        futures.append(future)
    return await asyncio.gather(*futures)


@pytest.mark.parametrize("count", [1, THREAD_BATCH_MIN - 1, THREAD_BATCH_MIN, 3 * PIECE_MAX + 1])
async def test_the_valid_ones_come_back_in_order(checker: SignatureChecker, count: int) -> None:
    transactions = [bad(n) if n % 7 == 3 else good(n) for n in range(count)]
    (valid,) = await checked(checker, transactions)
    assert valid == [parsed for n, parsed in enumerate(transactions) if n % 7 != 3]
    assert all(parsed.signatures_verified for parsed in valid)
    assert not any(parsed.signatures_verified for parsed in transactions if parsed not in valid)


async def test_each_request_gets_its_own_back(checker: SignatureChecker) -> None:
    requests = [[good(n * 10 + i) for i in range(n)] for n in (1, 5, 17, 2)]
    assert await checked(checker, *requests) == requests


async def test_one_transaction_is_judged(checker: SignatureChecker) -> None:
    assert await checker.is_valid(good(1))
    assert not await checker.is_valid(bad(1))
    verified = good(2)
    verified.verify_signatures()
    assert await checker.is_valid(verified)


async def test_many_who_ask_at_once_are_one_batch_off_the_loop(
    checker: SignatureChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    check = ParsedTransaction.are_signatures_valid

    def noting(self: ParsedTransaction) -> bool:
        threads.add(threading.current_thread().name)
        return check(self)

    monkeypatch.setattr(ParsedTransaction, "are_signatures_valid", noting)
    answers = await asyncio.gather(*(checker.is_valid(good(n)) for n in range(2 * PIECE_MAX)))
    assert all(answers)
    assert threading.main_thread().name not in threads
    threads.clear()
    assert await checker.is_valid(good(1))
    assert threads == {threading.main_thread().name}


async def test_an_error_that_is_no_signature_s_fault_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    checker = SignatureChecker(told.set_result)

    def broken(_self: ParsedTransaction) -> bool:
        raise MemoryError

    monkeypatch.setattr(ParsedTransaction, "are_signatures_valid", broken)
    checker.check([good(n) for n in range(THREAD_BATCH_MIN)], lambda _valid: None)
    assert isinstance(await told, MemoryError)
    checker.close()


async def test_after_the_end_nobody_is_told() -> None:
    told: list[object] = []
    checker = SignatureChecker(told.append)
    checker.check([good(1)], told.append)
    checker.check([good(n) for n in range(100)], told.append)
    checker.close()
    checker.check([good(1)], told.append)
    for _ in range(10):
        await asyncio.sleep(0)
    assert told == []


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_pieces_hold_everything_once_and_none_is_large(sizes: list[int]) -> None:
    requests = [_Request([transaction()] * size, lambda _valid: None) for size in sizes]
    pieces = _pieces(requests)
    covered = {id(request): [] for request in requests}  # type: dict[int, list[int]]
    for piece in pieces:
        assert sum(stop - start for _request, start, stop in piece) <= PIECE_MAX
        for request, start, stop in piece:
            covered[id(request)].extend(range(start, stop))
    for request in requests:
        assert covered[id(request)] == list(range(len(request.transactions)))
