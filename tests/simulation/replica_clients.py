"""Clients in trouble: they submit, wait, and ask other nodes, and note what they hear.

Every wish is a real signed transaction (``replica_market`` says for what). An eager client repeats it at any
node until it has heard what became of it. A patient one relies on the node that has admitted it, and asks
elsewhere only when that node has died since. Some give up after one try.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ledger.parsed import ParsedTransaction
from ledger.records.record import Record
from ledger.refusal import Refused
from ledger.wire.scalars import VALIDITY_MS_MAX, Height, MemberId, TxId
from node.effects import Submission
from tests.simulation.checkers.promises import Promises
from tests.simulation.replica_founding import Founding
from tests.simulation.replica_world import ReplicaWorld
from tests.simulation.world import Slot
from tests.support.world import World

CERTAIN_MS = 900_000
"""Validity of what must become final."""
MARGIN_MS = 12_000
"""After its validity and this, a client no longer waits: clocks differ by less."""


@dataclass(slots=True)
class Wish:
    """One transaction, and what its client has heard."""

    parsed: ParsedTransaction
    then: Callable[[], None]
    """Called once it is known to be final."""
    certain: bool
    gives_up: bool
    patient: bool
    taken_by: tuple[Slot, int] | None = None
    """The node that has admitted it last, and which life of it."""
    next_ms: int = 0
    admitted: bool = False
    refusals: int = 0
    settled: str = ""
    """``final``, ``expired`` or ``too late``; empty while the client waits."""

    @property
    def relies(self) -> bool:
        """Whether a patient client's node still runs and has it."""
        if not self.patient or self.taken_by is None:
            return False
        slot, life = self.taken_by
        return slot.node is not None and slot.life == life


class Clients:
    """All clients of a run."""

    def __init__(self, world: ReplicaWorld, founded: Founding, rng: random.Random) -> None:
        self.world = world
        self.promises = Promises()
        self.wishes: dict[TxId, Wish] = {}
        self.groups: list[tuple[TxId, ...]] = []
        self._rng = rng
        self.notary = World(founded.genesis)
        world.listeners.append(self)

    # ---------- what nodes say

    def told_final(self, slot: Slot, tx_id: TxId, height: Height) -> None:
        self.promises.told_final(slot, tx_id, height)
        wish = self.wishes.get(tx_id)
        if wish is not None and wish.settled != "final":
            wish.settled = "final"
            wish.then()

    def told_expired(self, slot: Slot, tx_id: TxId) -> None:
        self.promises.told_expired(slot, tx_id)
        wish = self.wishes.get(tx_id)
        if wish is not None:
            wish.settled = wish.settled or "expired"

    # ---------- what clients do

    def act(self) -> None:
        """Repeat what is due."""
        for wish in list(self.wishes.values()):
            if wish.settled or wish.gives_up or self.world.now_ms < wish.next_ms:
                continue
            if not wish.relies:
                self._ask(wish, self._rng.choice(self.world.slots))

    def waiting(self) -> list[Wish]:
        """Return wishes whose clients still wait for an answer."""
        return [wish for wish in self.wishes.values() if not wish.settled and not wish.gives_up]

    def refused_everywhere(self) -> list[TxId]:
        """Return what no node has ever admitted."""
        return [tx_id for tx_id, wish in self.wishes.items() if not wish.admitted]

    def wish(
        self,
        author: MemberId,
        *records: Record,
        then: Callable[[TxId], None],
        certain: bool = True,
        valid_ms: int = CERTAIN_MS,
    ) -> Wish:
        """Sign a transaction; nothing is submitted yet."""
        until_ms = self.world.wall_start_ms + self.world.now_ms + min(valid_ms, VALIDITY_MS_MAX)
        parsed = self.notary.transaction(author, *records, valid_until_ms=until_ms)
        made = Wish(
            parsed,
            then=lambda: then(parsed.tx_id),
            certain=certain,
            gives_up=not certain and self._rng.random() < 0.15,
            patient=self._rng.random() < 0.5,
        )
        self.wishes[parsed.tx_id] = made
        return made

    def submit(self, wish: Wish, *slots: Slot) -> None:
        """Submit a wish at some nodes."""
        for slot in slots:
            self._ask(wish, slot)

    def submit_somewhere(self, wish: Wish) -> None:
        """Submit a wish at one node or two."""
        count = self._rng.choice((1, 1, 2))
        self.submit(wish, *self._rng.sample(self.world.slots, count))

    def submit_rivals(self, *wishes: Wish) -> None:
        """Submit wishes that exclude each other, each at a node of its own."""
        self.groups.append(tuple(wish.parsed.tx_id for wish in wishes))
        slots = self._rng.sample(self.world.slots, len(wishes))
        for wish, slot in zip(wishes, slots, strict=True):
            self.submit(wish, slot)

    def _ask(self, wish: Wish, slot: Slot) -> None:
        world = self.world
        if self._is_too_late(wish):
            wish.settled = "too late"
            return
        wish.next_ms = world.now_ms + self._rng.choice((300, 1_000, 3_000))
        answer = world.ask(slot, wish.parsed.signed_bytes)
        match answer:
            case Submission.FINAL:
                place = self._height_at(slot, wish)
                self.told_final(slot, wish.parsed.tx_id, place)
            case Submission.ADMITTED | Submission.PENDING:
                wish.admitted = True
                wish.taken_by = (slot, slot.life)
            case Refused():
                wish.refusals += 1
            case _:
                pass

    def _is_too_late(self, wish: Wish) -> bool:
        """Tell whether no block takes it any more; a node that has it must still say so."""
        now_ms = self.world.wall_start_ms + self.world.now_ms
        return now_ms > wish.parsed.valid_until_ms + MARGIN_MS

    @staticmethod
    def _height_at(slot: Slot, wish: Wish) -> Height:
        for stored in slot.disk.chain:
            if wish.parsed.signed_bytes in stored.block.transactions:
                return stored.block.header.height
        raise AssertionError(f"{slot.name} calls {wish.parsed.tx_id.hex()} final; it has no block")
