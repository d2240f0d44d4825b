"""Whole nodes without sockets, files or real time: replicas that talk through one deterministic pump.

    network = NodeNetwork()                     four replicas that stand where the trading world stands
    sale = network.world.transaction(MINE, offer(lot))
    network.submit("north-group", sale)
    network.settle()                            everything that needs no time to pass
    network.pass_time(2_000)                    and what timers bring

Effects are carried out as the driver does it: all journal records of a turn first, then the rest in order;
requests to execute, build and store come back as later events. Messages are encoded and decoded. Links can be
cut, and a node can be stopped and opened again on what its journal and store hold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from consensus.config import ConsensusConfig
from consensus.effects import (
    Accuse,
    Broadcast,
    Build,
    CancelTimer,
    Commit,
    Drop,
    Effect,
    Execute,
    Halt,
    JournalRecord,
    Persist,
    Send,
    ServeRange,
    SetTimer,
    Suspect,
    Timer,
)
from consensus.inputs import Instant
from consensus.messages import Message, decode_message, encode_message
from ledger.genesis import Genesis
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.store import MemoryStore
from ledger.vocabulary import Role
from ledger.wire.scalars import Height, TimeMs, TxId
from node.effects import (
    Expired,
    Finalized,
    Forward,
    ReplicaEffect,
    ReplicaTimer,
    SetReplicaTimer,
    Submission,
)
from node.mempool import MempoolLimits
from node.replica import Replica
from tests.support.founding import FOUNDERS
from tests.support.keys import key_of, sign_of
from tests.support.trading import trading_world
from tests.support.world import World

PATIENCE_MS = 120_000
EVENTS_MAX = 100_000


def copy_of(values: Mapping[bytes, bytes]) -> MemoryStore:
    """Return a store of its own with these values."""
    store = MemoryStore()
    store.write(dict(values))
    return store


class NodeReplica:
    """One replica, its disk, and what has become of its effects."""

    def __init__(self, network: NodeNetwork, name: str, store: MemoryStore) -> None:
        self.network = network
        self.name = name
        self.store = store
        self.journal: list[JournalRecord] = []
        self.timers: dict[Timer | ReplicaTimer, int] = {}
        self.finalized: list[Finalized] = []
        self.expired: dict[TxId, Expired] = {}
        self.notices: list[Accuse | Suspect | Halt] = []
        self.trace: list[Effect | ReplicaEffect] = []
        """Every effect, in order."""
        self.hold: Callable[[Execute | Build | Commit], bool] = lambda _request: False
        """Whether a request of the engine waits until ``release``."""
        self.held: list[Execute | Build | Commit] = []
        self.running = True
        self.replica = self._open()

    @property
    def height(self) -> Height:
        return self.replica.chain.tip.height

    def reopen(self) -> None:
        """Begin anew with what store and journal hold, as after a crash."""
        self.timers.clear()
        self.held.clear()
        self.replica = self._open()
        self.running = True
        self.carry_out(self.replica.start(self.network.now()))

    def event(self, what: Callable[[Instant], Sequence[ReplicaEffect]]) -> None:
        """Let something happen to this replica, unless it is down."""
        if self.running:
            self.carry_out(what(self.network.now()))

    def take_in(self, peer: str, *transactions: ParsedTransaction) -> None:
        """Let a peer bring transactions."""
        self.event(lambda now: self.replica.on_transactions(peer, transactions, now))

    def release(self) -> None:
        """Let what was held happen, in its order."""
        held, self.held = self.held, []
        for request in held:
            self._come_back(request)

    def carry_out(self, effects: Iterable[ReplicaEffect]) -> None:
        effects = list(effects)
        self.trace.extend(effects)
        for effect in effects:
            if isinstance(effect, Persist):
                self.journal.extend(effect.records)
        for effect in effects:
            self._do(effect)

    def _open(self) -> Replica:
        validators = self.network.genesis.validators
        own = validators.index_of_key(key_of(self.name, Role.CONSENSUS))
        return Replica(
            validators=validators,
            own=own,
            sign=None if own is None else sign_of(self.name, Role.CONSENSUS),
            config=self.network.config,
            limits=self.network.limits,
            store=self.store,
            journal=tuple(self.journal),
        )

    def _do(self, effect: ReplicaEffect) -> None:  # noqa: C901, PLR0912 - one match
        match effect:
            case Persist() | Drop():
                pass
            case Send(peer=peer, message=message):
                self.network.post(self.name, peer, encode_message(message))
            case Broadcast(message=message):
                for peer in self.network.others(self.name):
                    self.network.post(self.name, peer, encode_message(message))
            case Forward(transactions=transactions, peer=peer):
                for receiver in self.network.others(self.name) if peer is None else (peer,):
                    self.network.post_transactions(self.name, receiver, transactions)
            case SetTimer(timer=timer, at_ms=at_ms):
                self.timers[timer] = at_ms
            case SetReplicaTimer(timer=timer, at_ms=at_ms):
                self.timers[timer] = at_ms
            case CancelTimer(timer=timer):
                self.timers.pop(timer, None)
            case Execute() | Build() | Commit():
                if self.hold(effect):
                    self.held.append(effect)
                else:
                    self._come_back(effect)
            case ServeRange():
                self.network.soon(self, lambda _now: self.replica.serve(effect))
            case Finalized():
                self.finalized.append(effect)
            case Expired(tx_id=tx_id):
                self.expired[tx_id] = effect
            case Accuse() | Suspect() | Halt():
                self.notices.append(effect)

    def _come_back(self, request: Execute | Build | Commit) -> None:
        match request:
            case Execute():
                self.network.soon(self, lambda now: self.replica.execute(request, None, now))
            case Build():
                self.network.soon(self, lambda now: self.replica.build(request, now))
            case Commit():
                self.network.soon(self, lambda now: self._store(request, now))

    def _store(self, request: Commit, now: Instant) -> Sequence[ReplicaEffect]:
        self.store.write(self.replica.writes(request))
        return self.replica.on_stored(request, now)


class NodeNetwork:
    """Replicas on one pump; see the module."""

    def __init__(
        self,
        *,
        genesis: Genesis | None = None,
        names: Sequence[str] = FOUNDERS,
        config: ConsensusConfig | None = None,
        limits: MempoolLimits | None = None,
        observers: Sequence[str] = (),
    ) -> None:
        self.world = trading_world(World(genesis))
        """Where the nodes began; makes transactions for them, and does not follow them."""
        self.genesis = self.world.genesis
        values = dict(self.world.store.scan(b""))
        self.config = config or ConsensusConfig()
        self.limits = limits or MempoolLimits()
        self.steady_ms = 1_000_000
        self.wall_ms = self.world.time_ms + 1_000
        self.cut: set[tuple[str, str]] = set()
        """Directions (from, to) in which nothing passes."""
        self.transactions_lost: set[tuple[str, str]] = set()
        """Directions in which transactions are lost, and messages of consensus are not."""
        self.loses: Callable[[str, str, Message], bool] = lambda _sender, _receiver, _message: False
        """Whether a message of consensus from … to … is lost."""
        self._queue: deque[Callable[[], None]] = deque()
        self.nodes = {
            name: NodeReplica(self, name, copy_of(values)) for name in (*names, *observers)
        }
        for node in self.nodes.values():
            node.event(node.replica.start)
        for sender in self.nodes:
            for receiver in self.others(sender):
                self.connect(sender, receiver)
        self.settle()

    # --- time

    def now(self) -> Instant:
        return Instant(steady_ms=self.steady_ms, wall_ms=TimeMs(self.wall_ms))

    def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        for _ in range(EVENTS_MAX):
            if not self._queue:
                return
            self._queue.popleft()()
        raise AssertionError("the network does not come to rest")

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass, and everything that it brings."""
        end_ms = self.steady_ms + milliseconds
        self.settle()
        while (due_ms := self._next_timer_ms()) is not None and due_ms <= end_ms:
            self._move_to(max(self.steady_ms, due_ms))
            self._fire_due()
            self.settle()
        self._move_to(end_ms)

    def until(self, condition: Callable[[], bool]) -> int:
        """Let time pass until a condition holds; return how many milliseconds that took."""
        began_ms = self.steady_ms
        self.settle()
        while not condition():
            due_ms = self._next_timer_ms()
            if due_ms is None or due_ms > began_ms + PATIENCE_MS:
                raise AssertionError(f"it does not come true within {PATIENCE_MS} ms")
            self._move_to(max(self.steady_ms, due_ms))
            self._fire_due()
            self.settle()
        return self.steady_ms - began_ms

    # --- what tests do

    def __getitem__(self, name: str) -> NodeReplica:
        return self.nodes[name]

    def submit(self, name: str, parsed: ParsedTransaction) -> Submission:
        """Submit a transaction to a node as a client does; nothing else happens before ``settle``."""
        node = self.nodes[name]
        parsed = parse_transaction(parsed.signed_bytes)
        parsed.verify_signatures()
        submission, effects = node.replica.submit(parsed, self.now())
        node.carry_out(effects)
        return submission

    def finish(self, *transactions: ParsedTransaction) -> None:
        """Let time pass until these are final everywhere."""
        running = [node for node in self.nodes.values() if node.running]
        self.until(
            lambda: all(
                node.replica.chain.committed.has_transaction(parsed.tx_id)
                for node in running
                for parsed in transactions
            )
        )

    def connect(self, sender: str, receiver: str) -> None:
        """Tell a node that it can reach another one."""
        node = self.nodes[sender]
        self.soon(node, lambda now: node.replica.on_connected(receiver, now))

    def isolate(self, *names: str) -> None:
        """Cut every link to and from these nodes."""
        for name in names:
            for other in self.others(name):
                self.cut |= {(name, other), (other, name)}

    def heal(self) -> None:
        """Let everything pass again, and tell everybody."""
        cut, self.cut = self.cut, set()
        for sender, receiver in sorted(cut):
            self.connect(sender, receiver)

    def leader(self) -> str:
        """Return who leads the view that the first node is in."""
        status = next(iter(self.nodes.values())).replica.status
        return self.genesis.validators.validators[status.leader].name

    def followers(self) -> list[str]:
        """Return the validators that do not lead at present."""
        return [
            entry.name
            for entry in self.genesis.validators.validators
            if entry.name != self.leader()
        ]

    # --- delivering

    def others(self, name: str) -> list[str]:
        return [other for other in self.nodes if other != name]

    def soon(self, node: NodeReplica, what: Callable[[Instant], Sequence[ReplicaEffect]]) -> None:
        replica = node.replica

        def happen() -> None:
            if node.replica is replica:
                node.event(what)

        self._queue.append(happen)

    def post(self, sender: str, receiver: str, data: bytes) -> None:
        node = self.nodes.get(receiver)
        if node is not None and (sender, receiver) not in self.cut:
            message = decode_message(data)
            if self.loses(sender, receiver, message):
                return
            self.soon(node, lambda now: node.replica.on_message(sender, message, now))

    def post_transactions(self, sender: str, receiver: str, batch: Sequence[bytes]) -> None:
        link = (sender, receiver)
        if link in self.cut or link in self.transactions_lost:
            return
        node = self.nodes[receiver]

        def receive(now: Instant) -> Sequence[ReplicaEffect]:
            parsed = [
                node.replica.mempool.parsed_from(data) or parse_transaction(data) for data in batch
            ]
            valid = [entry for entry in parsed if entry.are_signatures_valid()]
            return node.replica.on_transactions(sender, valid, now)

        self.soon(node, receive)

    def _move_to(self, steady_ms: int) -> None:
        self.wall_ms += steady_ms - self.steady_ms
        self.steady_ms = steady_ms

    def _next_timer_ms(self) -> int | None:
        armed = [
            at_ms for node in self.nodes.values() if node.running for at_ms in node.timers.values()
        ]
        return min(armed, default=None)

    def _fire_due(self) -> None:
        for node in self.nodes.values():
            due = [timer for timer, at_ms in node.timers.items() if at_ms <= self.steady_ms]
            for timer in due:
                node.timers.pop(timer, None)
                if isinstance(timer, ReplicaTimer):
                    node.event(node.replica.on_resend)
                else:
                    node.event(partial(node.replica.on_timer, timer))
