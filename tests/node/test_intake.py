"""Transactions from peers: bounded for each, in turn, and rubbish is its sender's fault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest_asyncio

from ledger.parsed import ParsedTransaction
from ledger.vocabulary import Role
from ledger.wire.codec import encode
from ledger.wire.scalars import ChainId, TxId
from ledger.wire.transaction import sign_transaction
from node.intake import PEER_BYTES_MAX, SHARE_TRANSACTIONS_MAX, Intake, IntakeEvents
from node.signatures import SignatureChecker
from tests.node.test_mempool import transaction
from tests.node.test_signatures import bad
from tests.support.driven import happens
from tests.support.founding import open_test_genesis
from tests.support.keys import key_of, sign_of
from tests.support.trading import MINE


class Rig:
    """An intake with a real checker, and what it told."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[bytes]]] = []
        self.refused: list[tuple[str, str]] = []
        self.known: set[bytes] = set()
        self.final: set[TxId] = set()
        self.failures: list[BaseException] = []
        self.signatures = SignatureChecker(self.failures.append)
        self.intake = Intake(
            open_test_genesis().chain_id,
            self.signatures,
            IntakeEvents(
                is_known=self.known.__contains__,
                is_final=self.final.__contains__,
                take=self._take,
                refuse=lambda peer, reason: self.refused.append((peer, reason)),
            ),
        )

    def _take(self, peer: str, transactions: Sequence[ParsedTransaction]) -> None:
        assert all(parsed.signatures_verified for parsed in transactions)
        self.taken.append((peer, [parsed.signed_bytes for parsed in transactions]))

    def all_of(self, peer: str) -> list[bytes]:
        return [data for name, batch in self.taken if name == peer for data in batch]

    async def rest(self) -> None:
        """Wait until everything was read."""
        await happens(lambda: not self.intake._waiting and not self.intake._under_way)


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    made.signatures.close()
    assert not made.failures


def good(count: int, start: int = 0) -> list[bytes]:
    return [transaction(MINE, start + number).signed_bytes for number in range(count)]


async def test_good_transactions_arrive_in_order(rig: Rig) -> None:
    batch = good(SHARE_TRANSACTIONS_MAX * 2 + 3)
    rig.intake.receive("south", batch)
    await rig.rest()
    assert rig.all_of("south") == batch
    assert all(len(taken) <= SHARE_TRANSACTIONS_MAX for _peer, taken in rig.taken)
    assert rig.intake.bytes_waiting("south") == 0
    assert not rig.refused


async def test_what_is_known_or_final_is_not_checked_again(rig: Rig) -> None:
    batch = good(3)
    rig.known.add(batch[0])
    rig.final.add(transaction(MINE, 1).tx_id)
    rig.intake.receive("south", batch)
    await rig.rest()
    assert rig.all_of("south") == batch[2:]


async def test_a_flood_of_one_peer_is_cut_and_does_not_delay_another(rig: Rig) -> None:
    size = len(good(1)[0])
    flood = good(100) * (PEER_BYTES_MAX // size // 100 + 20)
    rig.intake.receive("south", flood)
    assert rig.intake.bytes_waiting("south") <= PEER_BYTES_MAX
    rig.intake.receive("north", good(5, start=500))
    await happens(lambda: bool(rig.all_of("north")))
    assert len(rig.all_of("south")) <= 2 * SHARE_TRANSACTIONS_MAX
    assert rig.intake.dropped["south"] > 0
    assert rig.intake.dropped["north"] == 0
    rig.intake._waiting.clear()


async def test_rubbish_among_transactions_condemns_the_peer_and_what_waits_of_it(
    rig: Rig,
) -> None:
    rig.intake.receive("south", [*good(2), b"\xc1 rubbish", *good(2, start=10)])
    rig.intake.receive("north", good(1, start=20))
    await rig.rest()
    assert rig.all_of("south") == good(2)
    assert rig.all_of("north") == good(1, start=20)
    assert [peer for peer, _reason in rig.refused] == ["south"]
    assert "does not parse" in rig.refused[0][1]
    assert rig.intake.faults == {"south": 1}


async def test_a_transaction_for_another_chain_condemns_the_peer(rig: Rig) -> None:
    signed = transaction().signed
    other = msgspec.structs.replace(signed.transaction, chain_id=ChainId(bytes(32)))
    key, sign = key_of(MINE, Role.OPERATOR), sign_of(MINE, Role.OPERATOR)
    rig.intake.receive("south", [encode(sign_transaction(other, {key: sign}))])
    await rig.rest()
    assert rig.taken == []
    assert "of chain 0000" in rig.refused[0][1]


async def test_a_bad_signature_condemns_the_peer_and_spares_what_was_good(rig: Rig) -> None:
    rig.intake.receive("south", [good(1)[0], bad(7).signed_bytes, *good(1, start=9)])
    await rig.rest()
    assert rig.all_of("south") == [*good(1), *good(1, start=9)]
    assert rig.refused == [("south", "1 transactions with a bad signature")]


async def test_a_condemned_peer_may_send_again(rig: Rig) -> None:
    rig.intake.receive("south", [b"\xc1"])
    await rig.rest()
    rig.intake.receive("south", good(1))
    await rig.rest()
    assert rig.all_of("south") == good(1)
