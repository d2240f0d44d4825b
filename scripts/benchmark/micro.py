"""Single steps of the ledger in one process: microseconds each, without network, disk or consensus.

Each step is done for many transactions or keys in a row; the figure is the mean, and the least of several
rounds, because whatever else runs on the machine can only make it larger. The state is a small one, of some
hundreds of rows, in a dict; the tree is measured by itself, at the sizes that its figures name.
"""

from __future__ import annotations

import gc
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger import civil
from ledger.commit import commit_writes
from ledger.parsed import parse_transaction
from ledger.receipts import ReceiptMaker
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.add_key import AddKey
from ledger.records.cancel_transfer import CancelTransfer
from ledger.records.define_product import DefineProduct
from ledger.records.offer_transfer import OfferTransfer
from ledger.records.record import Record
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.revoke_key import RevokeKey
from ledger.records.split_lot import Child, SplitLot
from ledger.records.suspend_member import SuspendMember
from ledger.records.transfer_rules import TRANSFER_PART
from ledger.state.view import Overlay
from ledger.transition import apply_block
from ledger.tree import update
from ledger.vocabulary import Bucket, OreKind, ProductClass, Purpose, QuotaStatus, Role
from ledger.wire.block import decode_block
from ledger.wire.codec import decode, encode
from ledger.wire.receipt import Receipt, verify_receipt
from ledger.wire.scalars import Grams, LotId, MemberId, ProductCode
from ledger.wire.transaction import lot_id_of
from node.demo.founding import DemoDirectory, make_keys
from node.demo.master import MINISTRY
from scripts.benchmark.founding import (
    BUYER,
    SELLERS,
    Lane,
    Participants,
    Prepared,
    admission_of,
    found_network,
    grant,
    output,
    pit,
    plan,
)
from scripts.benchmark.memory import MemoryLedger
from scripts.benchmark.transactions import offer

COUNT: Final = 200
TREE_KEYS: Final = (10_000, 100_000)
TREE_BATCHES: Final = (30, 300, 3_000)

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Does things for several rounds and tells how long the quickest round took."""

    rounds: int

    def least(self, step: Callable[[], object], count: int) -> float:
        """Return the microseconds of one of the ``count`` things that ``step`` does."""
        gc.collect()
        gc.disable()
        try:
            seconds = []
            for _ in range(self.rounds):
                started = time.perf_counter()
                step()
                seconds.append(time.perf_counter() - started)
        finally:
            gc.enable()
        return round(min(seconds) / count * 1e6, 2)

    def apply(
        self, ledger: MemoryLedger, measured: Sequence[Prepared], before: Sequence[Prepared] = ()
    ) -> float:
        """Return the microseconds of applying ``measured`` in a block that begins with ``before``."""
        opening = [parse_transaction(one.body) for one in before]
        parsed = [parse_transaction(one.body) for one in measured]
        seconds = []
        for _ in range(self.rounds):
            execution = ledger.execution()
            for transaction in opening:
                execution.apply(transaction)
            started = time.perf_counter()
            for transaction in parsed:
                execution.apply(transaction)
            seconds.append(time.perf_counter() - started)
        return min(seconds) * 1e6


def measure_steps(path: Path, rounds: int) -> Figures:
    """Measure every step in some rounds; ``path`` is a directory for the participants' keys."""
    watch = Stopwatch(rounds)
    participants = found_network(DemoDirectory(path))
    ledger = MemoryLedger(participants)
    lanes = ledger.open()
    return {
        "transaction": _transaction_steps(watch, ledger, lanes),
        "apply_one_record": _record_steps(watch, ledger, lanes),
        "block_of_500_offers_per_transaction": _block_steps(watch, ledger, lanes),
        "receipt": _receipt_steps(watch, ledger, lanes),
        "tree_update_per_key": dict(_tree_steps(watch)),
    }


def _transaction_steps(watch: Stopwatch, ledger: MemoryLedger, lanes: Sequence[Lane]) -> Figures:
    people = ledger.participants
    single = [people.prepare(lanes[0].seller, offer(people, lanes[0], n)) for n in range(COUNT)]
    batch = people.prepare(
        lanes[0].seller, *(offer(people, lanes[0], COUNT + n) for n in range(COUNT))
    )
    parsed = [parse_transaction(one.body) for one in single]

    def verify_all() -> None:
        for transaction in parsed:
            transaction.signatures_verified = False
            transaction.verify_signatures()

    return {
        "bytes_of_one_offer": len(single[0].body),
        "bytes_of_200_offers": len(batch.body),
        "parse_one_offer": watch.least(
            lambda: [parse_transaction(one.body) for one in single], COUNT
        ),
        "parse_200_offers_per_record": watch.least(lambda: parse_transaction(batch.body), COUNT),
        "check_signature": watch.least(verify_all, COUNT),
        "apply_200_offers_per_record": round(watch.apply(ledger, [batch]) / COUNT, 2),
    }


def _record_steps(watch: Stopwatch, ledger: MemoryLedger, lanes: Sequence[Lane]) -> Figures:
    """Apply transactions of one record, by record type; finding roots is not part of it."""
    figures: Figures = {}
    for name, before, measured in _series(ledger.participants, lanes):
        figures[name] = watch.apply(ledger, measured, before) / len(measured)
    return {name: round(value, 1) for name, value in figures.items()}


def _series(
    people: Participants, lanes: Sequence[Lane]
) -> Iterator[tuple[str, list[Prepared], list[Prepared]]]:
    """Yield name, what has to come before, and the transactions to be measured."""
    names = [f"mine-{number}" for number in range(100, 100 + COUNT)]
    admissions = [people.prepare(MINISTRY, admission_of(people, name)) for name in names]
    yield "AdmitMember", [], admissions
    yield (
        "RegisterFacility",
        admissions,
        [people.prepare(name, pit(name), signers=(name, MINISTRY)) for name in names],
    )
    suspensions = [SuspendMember(member=MemberId(name), reason="r", case="1") for name in names]
    yield "SuspendMember", admissions, _by(people, MINISTRY, suspensions)
    yield from _key_series(people, names, admissions)
    yield from _register_series(people)
    yield from _lot_series(people, lanes)


def _by(people: Participants, author: str, records: Iterable[Record]) -> list[Prepared]:
    return [people.prepare(author, record) for record in records]


def _key_series(
    people: Participants, names: Sequence[str], admissions: list[Prepared]
) -> Iterator[tuple[str, list[Prepared], list[Prepared]]]:
    spare = DemoDirectory(people.directory.path / "spare")
    added, revoked = [], []
    for name in names:
        (new,) = make_keys(spare, name, (Role.FILING,), people.founded_ms)
        owner = MemberId(name)
        added.append(people.prepare(name, AddKey(owner=owner, new=new), role=Role.ADMIN))
        record = RevokeKey(owner=owner, key=new.key, reason="old")
        revoked.append(people.prepare(name, record, role=Role.ADMIN))
    yield "AddKey", admissions, added
    yield "RevokeKey", [*admissions, *added], revoked


def _register_series(
    people: Participants,
) -> Iterator[tuple[str, list[Prepared], list[Prepared]]]:
    year = civil.year_of(people.today)
    products = (
        DefineProduct(
            code=ProductCode(f"ORE-{number}"),
            version=1,
            name=f"Ore {number}",
            product_class=ProductClass.ORE,
            elements=(),
            reo_permille_low=300,
            reo_permille_high=600,
            status_at_origin=QuotaStatus.UNDEBITED,
            customs_codes=("2530.90.20",),
            ore_kind=OreKind.ROCK,
        )
        for number in range(COUNT)
    )
    yield "DefineProduct", [], _by(people, MINISTRY, products)
    plans = (plan(later, Bucket.IONIC_MINING) for later in range(year, year + 20))
    yield "SetPlan", [], _by(people, MINISTRY, plans)
    grants = (grant(year, SELLERS[0], batch) for batch in range(2, 100))
    yield "GrantQuota", [], _by(people, MINISTRY, grants)


def _lot_series(
    people: Participants, lanes: Sequence[Lane]
) -> Iterator[tuple[str, list[Prepared], list[Prepared]]]:
    seller = SELLERS[0]
    mined = _by(people, seller, (output(seller, 1_000 + n, people.today) for n in range(COUNT)))
    yield "MineOutput", [], mined
    lots = [lot_id_of(one.tx_id, 0, 0) for one in mined]
    yield "SplitLot (2 children)", mined, _by(people, seller, map(_split(people), lots))
    parts = (offer(people, lanes[0], 1_000 + number) for number in range(COUNT))
    yield "OfferTransfer (part, invoice)", [], _by(people, seller, parts)
    whole = _by(people, seller, (_offer_whole(people, lot) for lot in lots))
    yield "OfferTransfer (whole, no invoice)", mined, whole
    offered = [*mined, *whole]
    pairs = [
        (lot, lot_id_of(one.tx_id, 0, TRANSFER_PART)) for lot, one in zip(lots, whole, strict=True)
    ]
    day = people.today
    accepted = (
        AcceptTransfer(
            lot=lot,
            transfer=transfer,
            date=day,
            received_gross=Grams(10**11),
            place="Ganzhou",
            seals="S1",
        )
        for lot, transfer in pairs
    )
    yield "AcceptTransfer", offered, _by(people, BUYER, accepted)
    for kind, author in ((RejectTransfer, BUYER), (CancelTransfer, seller)):
        answers = (
            kind(lot=lot, transfer=transfer, date=day, reason="r") for lot, transfer in pairs
        )
        yield kind.__name__, offered, _by(people, author, answers)


def _split(people: Participants) -> Callable[[LotId], SplitLot]:
    numbers = itertools.count()

    def split(lot: LotId) -> SplitLot:
        code = f"HALF-{next(numbers)}"
        children = (
            Child(gross=Grams(5 * 10**10), code=f"{code}-A"),
            Child(gross=Grams(5 * 10**10), code=f"{code}-B"),
        )
        return SplitLot(lot=lot, date=people.today, children=children)

    return split


def _offer_whole(people: Participants, lot: LotId) -> OfferTransfer:
    return OfferTransfer(
        lot=lot,
        part_gross=Grams(0),
        part_code="",
        buyer=MemberId(BUYER),
        purpose=Purpose.SALE,
        invoice="",
        date=people.today,
        terms=None,
    )


def _offers(ledger: MemoryLedger, lanes: Sequence[Lane], count: int) -> list[Prepared]:
    people = ledger.participants
    return [
        people.prepare(lane.seller, offer(people, lane, 10_000 + number))
        for number, lane in zip(range(count), itertools.cycle(lanes))
    ]


def _block_steps(watch: Stopwatch, ledger: MemoryLedger, lanes: Sequence[Lane]) -> Figures:
    count = 500
    parsed = [parse_transaction(one.body) for one in _offers(ledger, lanes, count)]
    for transaction in parsed:
        transaction.verify_signatures()
    built = ledger.build(parsed)
    data = encode(built.block)
    block = decode_block(data)

    def apply_whole() -> Overlay:
        return apply_block(ledger.state, block, parsed)

    overlay = apply_whole()
    writes = commit_writes(overlay, data, b"")
    return {
        "bytes": round(len(data) / count),
        "tree_keys": round(len(overlay.values) / count, 2),
        "written_keys": round(len(writes) / count, 2),
        "written_bytes": round(sum(len(k) + len(v or b"") for k, v in writes.items()) / count),
        "encode_block": watch.least(lambda: encode(built.block), count),
        "decode_block": watch.least(lambda: decode_block(data), count),
        "apply_block_with_roots": watch.least(apply_whole, count),
        "make_write_set": watch.least(lambda: commit_writes(overlay, data, b""), count),
    }


def _receipt_steps(watch: Stopwatch, ledger: MemoryLedger, lanes: Sequence[Lane]) -> Figures:
    prepared = _offers(ledger, lanes, 500)
    built = ledger.commit(prepared)
    maker = ReceiptMaker(ledger.store)
    maker.remember(built.block, built.included)
    some = prepared[:COUNT]
    receipts = [encode(maker.receipt(one.tx_id)) for one in some]
    genesis = ledger.participants.genesis

    def verify_all() -> None:
        for data in receipts:
            verify_receipt(
                decode(Receipt, data), chain_id=genesis.chain_id, validators=genesis.validators
            )

    return {
        "bytes": len(receipts[0]),
        "make": watch.least(lambda: [encode(maker.receipt(one.tx_id)) for one in some], COUNT),
        "verify": watch.least(verify_all, COUNT),
    }


def _tree_steps(watch: Stopwatch) -> Iterator[tuple[str, float]]:
    for size in TREE_KEYS:
        pages: dict[bytes, Any] = {}
        keys = [os.urandom(24) for _ in range(size)]
        pages.update(update(pages.get, [(key, b"value") for key in keys]).pages)
        for batch in TREE_BATCHES:
            changes = [(key, os.urandom(8)) for key in keys[:batch]]
            name = f"{batch} of {size} keys"
            yield name, watch.least(lambda: update(pages.get, changes), batch)  # noqa: B023 - used at once
