"""Four whole nodes on which the market is founded: once per process, through consensus, without faults.

Mines, buyers, quotas and a few lots come onto the ledger by transactions that the nodes decide, so the
history carries certificates from block 1 on. Runs begin with copies of these disks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import msgspec

from ledger import civil
from ledger.genesis import Genesis, encode_genesis, open_genesis
from ledger.parsed import ParsedTransaction
from ledger.records.mine_output import MineOutput
from ledger.records.record import Record
from ledger.vocabulary import Element, Role
from ledger.wire.scalars import CivilDate, Grams, LotId, MemberId, ProductCode
from tests.simulation.replica_disk import ReplicaDisk
from tests.simulation.replica_node import ReplicaNode, ReplicaOptions
from tests.simulation.replica_world import ReplicaWorld, node_in
from tests.simulation.world import Slot
from tests.support.founding import (
    FOUNDERS,
    GENESIS_MS,
    UTC_OFFSET_MINUTES,
    genesis_document,
    group,
    validator,
)
from tests.support.keys import key_of, sign_of
from tests.support.trading import (
    GRANTED,
    IONIC_PIT,
    MINE,
    OTHER_MINE,
    TODAY,
    lot_of,
    output,
    trading_world,
)
from tests.support.world import Signer, World

MINING_MS = civil.start_of(TODAY, UTC_OFFSET_MINUTES) + 8 * 3_600_000
"""Wall clock at which the first lots are entered, three months after the founding."""
OPENING_MS = MINING_MS + 3_600_000
"""Wall clock at which runs begin."""
LOTS = 8
LOT_UNITS = 1_000
UNIT_GROSS = 40
LAST_GRAMS = 3
"""Grams of oxide that the ionic mine's quota has left."""


@dataclass(frozen=True, slots=True)
class Founding:
    """Where every run begins."""

    genesis: Genesis
    disks: tuple[ReplicaDisk, ...]
    lots: tuple[LotId, ...]
    """Whole lots of the rock mine, each of ``LOT_UNITS``."""
    height: int


class FoundingScript(World):
    """A world that notes the transactions that its builders apply."""

    def __init__(self, genesis: Genesis) -> None:
        self.script: list[ParsedTransaction] = []
        super().__init__(genesis)

    def apply(
        self, author: str, *records: Record, signers: Sequence[Signer] | None = None
    ) -> ParsedTransaction:
        applied = super().apply(author, *records, signers=signers)
        self.script.append(applied)
        return applied


def rock_output(code: str, units: int) -> MineOutput:
    """Return an output of the rock mine, 40 g gross and 20 g of oxide to the unit."""
    elements = ((Element.LA, 5), (Element.CE, 10), (Element.PR, 1), (Element.ND, 4))
    return output(
        code=code,
        gross=Grams(units * UNIT_GROSS),
        elements=tuple((element, Grams(units * grams)) for element, grams in elements),
    )


def ionic_output(code: str, grams: int) -> MineOutput:
    """Return an output of the ionic mine of ``grams`` of oxide, two thirds of it yttrium."""
    yttrium = grams * 2 // 3
    return output(
        facility=IONIC_PIT,
        product=ProductCode("ORE-ION"),
        code=code,
        gross=Grams(grams * 2),
        elements=((Element.Y, Grams(yttrium)), (Element.DY, Grams(grams - yttrium))),
        period_to=CivilDate(2024_03_19),
    )


def options_of(name: str, genesis: Genesis, **changes: object) -> ReplicaOptions:
    """Return the options of the validator called ``name``."""
    own = genesis.validators.index_of_key(key_of(name, Role.CONSENSUS))
    return ReplicaOptions(
        validators=genesis.validators,
        own=own,
        sign=sign_of(name, Role.CONSENSUS),
        **changes,  # type: ignore[arg-type]
    )


def genesis_of(count: int) -> Genesis:
    """Return a genesis with ``count`` validators: the test founders and as many groups as it takes.

    Raises:
        ValueError: Fewer validators than founders.
    """
    if count < len(FOUNDERS):
        raise ValueError(f"{count} nodes; the test genesis has {len(FOUNDERS)} founders")
    others = tuple(MemberId(f"west-group-{number}") for number in range(len(FOUNDERS), count))
    document = genesis_document()
    return open_genesis(
        encode_genesis(
            msgspec.structs.replace(
                document,
                members=(*document.members, *(group(member) for member in others)),
                validators=(*document.validators, *(validator(member) for member in others)),
            )
        )
    )


@lru_cache(maxsize=4)
def founding(count: int = 4) -> Founding:
    """Return the founded network of ``count`` validators."""
    script = FoundingScript(genesis_of(count))
    trading_world(script)
    registered = len(script.script)
    lots = [script.apply(MINE, rock_output(f"F-{n}", LOT_UNITS)) for n in range(LOTS)]
    script.apply(OTHER_MINE, ionic_output("F-ION", GRANTED - LAST_GRAMS))
    genesis = script.genesis
    world = ReplicaWorld(0, wall_start_ms=GENESIS_MS + 1_000)
    world.network.conditions.delay_max_ms = 1
    world.turn_ms = 0
    values = dict(genesis.writes())
    for index, entry in enumerate(genesis.validators.validators):
        disk = ReplicaDisk({key: value for key, value in values.items() if value is not None})
        make = partial(ReplicaNode, options_of(entry.name, genesis))
        world.slots.append(
            Slot(index=index, name=entry.name, correct=True, make=make, disk=disk, execute_ms=1)
        )
    for slot in world.slots:
        world.start(slot)
    world.run_until(2_000)
    for number, parsed in enumerate(script.script):
        if number == registered:
            world.wall_start_ms = MINING_MS
        answer = world.ask(world.slots[0], parsed.signed_bytes)
        assert not isinstance(answer, Exception), answer
        assert world.run_until(world.now_ms + 10_000, partial(_is_everywhere, world, parsed))
    world.run_until(world.now_ms + 30_000)
    disks = tuple(slot.disk for slot in world.slots if isinstance(slot.disk, ReplicaDisk))
    assert len({disk.chain[-1].block_id for disk in disks}) == 1
    return Founding(genesis, disks, tuple(map(lot_of, lots)), len(disks[0].chain))


def _is_everywhere(world: ReplicaWorld, parsed: ParsedTransaction) -> bool:
    nodes = [node_in(slot) for slot in world.slots]
    return all(
        node is not None and node.replica.chain.committed.has_transaction(parsed.tx_id)
        for node in nodes
    )
