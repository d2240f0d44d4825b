"""Who takes part in a benchmark, and the records that come before any measurement.

Four founders run the validators, as in the demo. The ministry then admits eight mines and a buyer, registers
a pit for each mine, sets a plan of the current year that nobody can exhaust, and grants it; each mine enters
lots so heavy that parts can be sold from them for as long as anybody cares to measure.

Everything is dated today, so the nodes run on the real clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from client.keystore import load_seed
from ledger import civil
from ledger.genesis import Genesis
from ledger.records.admit_member import AdmitMember
from ledger.records.grant_quota import GrantQuota
from ledger.records.mine_output import MineOutput
from ledger.records.record import Record
from ledger.records.register_facility import RegisterFacility
from ledger.records.set_plan import SetPlan
from ledger.vocabulary import Activity, Bucket, Element, OreKind, Role
from ledger.wire.codec import encode
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import (
    CivilDate,
    FacilityId,
    Grams,
    LotId,
    MemberId,
    Nonce,
    ProductCode,
    PublicKey,
    TimeMs,
    TxId,
)
from ledger.wire.signing import Sign, public_key_of, signer
from ledger.wire.transaction import (
    TRANSACTION_VERSION,
    Transaction,
    lot_id_of,
    sign_transaction,
    tx_id_of,
)
from node.demo.figures import load_figures
from node.demo.founding import MEMBER_ROLES, DemoDirectory, found, make_keys
from node.demo.master import CIVIL_OFFSET_MINUTES, MINISTRY, admission
from node.demo.records import DemoHistory, Member

VALIDATORS: Final = ("customs", "ministry", "north-group", "south-group")
SELLERS: Final = tuple(f"mine-{number}" for number in range(1, 9))
BUYER: Final = "separator"
LOTS_PER_SELLER: Final = 32
LOT_GRAMS: Final = 10**11
_SHARES: Final = ((Element.LA, 125), (Element.CE, 250), (Element.PR, 25), (Element.ND, 100))
"""Grams of oxide in 1,000 g of ore, as of Bayan Obo: no alert is raised."""
_PLAN_GRAMS: Final = 10**18
_GRANT_GRAMS: Final = 10**15
_VALIDITY_MS: Final = 12 * 3_600_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A signed transaction, ready to be sent."""

    tx_id: TxId
    body: bytes
    records: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One seller's lot, from which parts are sold one after the other."""

    seller: str
    lot: LotId


@dataclass(slots=True)
class Participants:
    """The founded network with everybody's keys."""

    genesis: Genesis
    directory: DemoDirectory
    founded_ms: int
    _signs: dict[tuple[str, Role], tuple[PublicKey, Sign]] = field(default_factory=dict)

    @property
    def today(self) -> CivilDate:
        """The civil day on which the network was founded."""
        return civil.date_of(TimeMs(self.founded_ms), CIVIL_OFFSET_MINUTES)

    def prepare(
        self,
        author: str,
        *records: Record,
        signers: Sequence[str] = (),
        role: Role = Role.OPERATOR,
    ) -> Prepared:
        """Return a transaction of ``author``, signed by its operator unless others are named."""
        transaction = Transaction(
            version=TRANSACTION_VERSION,
            chain_id=self.genesis.chain_id,
            author=MemberId(author),
            nonce=Nonce(os.urandom(16)),
            valid_until_ms=TimeMs(time.time_ns() // 1_000_000 + _VALIDITY_MS),
            records=tuple(encode(record) for record in records),
            sealed=(),
        )
        keys = dict(self.key(name, role) for name in (signers or (author,)))
        signed = sign_transaction(transaction, keys)
        return Prepared(tx_id_of(transaction), encode(signed), len(records))

    def key(self, member: str, role: Role) -> tuple[PublicKey, Sign]:
        """Return a member's key and what signs with it."""
        if (member, role) not in self._signs:
            seed = load_seed(self.directory.key(member, role), lambda _subject: b"")
            self._signs[member, role] = (PublicKey(public_key_of(seed)), signer(seed))
        return self._signs[member, role]


def found_network(directory: DemoDirectory) -> Participants:
    """Make keys and genesis of a network that begins a minute ago."""
    founded_ms = time.time_ns() // 1_000_000 - 60_000
    history = DemoHistory(
        members=tuple(_founder(name) for name in VALIDATORS),
        validators=VALIDATORS,
        facilities=(),
        products=load_figures().products,
        plans=(),
        grants=(),
        sheets=(),
    )
    return Participants(found(directory, history, TimeMs(founded_ms)), directory, founded_ms)


def opening(participants: Participants) -> Iterator[list[Prepared]]:
    """Yield transactions in waves; each wave has to be final before the next."""
    prepare = participants.prepare
    year = civil.year_of(participants.today)
    yield [prepare(MINISTRY, admission_of(participants, name)) for name in (*SELLERS, BUYER)]
    yield [
        *(prepare(name, pit(name), signers=(name, MINISTRY)) for name in SELLERS),
        prepare(MINISTRY, plan(year, Bucket.ROCK_MINING)),
    ]
    yield [prepare(MINISTRY, grant(year, name)) for name in SELLERS]


def outputs(participants: Participants) -> tuple[list[Prepared], list[Lane]]:
    """Return the transactions that enter the sellers' lots, and the lanes that stand for the lots."""
    prepared = [
        participants.prepare(
            seller,
            *(output(seller, number, participants.today) for number in range(LOTS_PER_SELLER)),
        )
        for seller in SELLERS
    ]
    lanes = [
        Lane(seller, lot_id_of(transaction.tx_id, number, 0))
        for number in range(LOTS_PER_SELLER)
        for seller, transaction in zip(SELLERS, prepared, strict=True)
    ]
    return prepared, lanes


def output(seller: str, number: int, day: CivilDate) -> MineOutput:
    """Return the record of one heavy lot."""
    return MineOutput(
        facility=FacilityId(f"pit-of-{seller}"),
        period_from=day,
        period_to=day,
        product=ProductCode("ORE-MIX"),
        code=f"LOT-{number}",
        gross=Grams(LOT_GRAMS),
        elements=tuple(
            (element, Grams(LOT_GRAMS * permille // 1_000)) for element, permille in _SHARES
        ),
        assay_digest=plain_digest(b"assay"),
    )


def _founder(name: str) -> Member:
    is_group = name.endswith("-group")
    return Member(
        id=name,
        name=f"{name} of the benchmark",
        kind="enterprise" if is_group else "authority",
        activities=("trade",) if is_group else (),
        group=name if is_group else "",
        province="Jiangxi",
        registration=f"REG-{name}",
        licences=(f"TRADE-{name}",) if is_group else (),
    )


def admission_of(participants: Participants, name: str) -> AdmitMember:
    """Make the keys of an enterprise and return the record that admits it: a mine, or the buyer."""
    member = Member(
        id=name,
        name=f"{name} of the benchmark",
        kind="enterprise",
        activities=("separation",) if name == BUYER else ("mining",),
        group="",
        province="Jiangxi",
        registration=f"REG-{name}",
        licences=(f"LIC-{name}",),
    )
    keys = make_keys(participants.directory, name, MEMBER_ROLES, participants.founded_ms)
    return admission(member, keys)


def pit(owner: str) -> RegisterFacility:
    """Return the record that registers the pit of a mine."""
    return RegisterFacility(
        id=FacilityId(f"pit-of-{owner}"),
        owner=MemberId(owner),
        activity=Activity.MINING,
        place="Inner Mongolia",
        ore="Bayan Obo",
        ore_kind=OreKind.ROCK,
        licence=f"LIC-{owner}",
        lines=1,
        yearly_capacity=Grams(_PLAN_GRAMS),
        process_stock_cap=Grams(0),
    )


def plan(year: int, bucket: Bucket) -> SetPlan:
    """Return the record of a plan that nobody exhausts."""
    return SetPlan(
        year=year, bucket=bucket, total=Grams(_PLAN_GRAMS), document=plain_digest(b"plan")
    )


def grant(year: int, grantee: str, batch: int = 1) -> GrantQuota:
    """Return the record of a grant that nobody exhausts."""
    return GrantQuota(
        year=year,
        bucket=Bucket.ROCK_MINING,
        batch=batch,
        grantee=MemberId(grantee),
        grams=Grams(_GRANT_GRAMS),
        document=plain_digest(b"grant"),
    )
