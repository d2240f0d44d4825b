"""``Client``: writing to a ledger and reading from it, through nodes that need not be trusted.

    async with Client(["https://node-a.example:8443"], profile="mine-a") as ledger:
        receipt = await ledger.submit(OfferTransfer(...))
        receipt.height, receipt.verify()

What holds for every submission:

* The signed bytes are durable in the outbox before the first of them leaves, and stay there until a receipt
  has been verified or a refusal is final. A crash or a lost connection neither loses nor doubles a record;
  ``resume_outbox`` brings to an end what was left open.
* The receipt that is returned was checked here, offline, against the pinned genesis.
* ``client.settlement`` decides what became of a transaction, over all nodes and attempts.

Without a profile: a genesis, a member and keys by hand, and an outbox directory, or ``outbox=None`` for
writers that can afford to ask the ledger themselves what became of their transactions.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp

from client import composing
from client.errors import ClientError, ClientRefusal, StillPending, UsageError
from client.identity import Identity, addresses_of, identity_of, tls_of, trust_of
from client.keystore import SigningKey
from client.nodes import NodePool
from client.outbox import Outbox, OutboxEntry, entry_of
from client.passphrase import PassphraseSource, from_environment_or_terminal
from client.profile import Profile, load_profile
from client.reading import Reader, tx_id_text
from client.receipt import ReceiptRejectedError, VerifiedReceipt, read_receipt
from client.settlement import Settlement
from client.submission import Submission
from client.timing import PATIENCE, Patience, Timing, WallClock
from client.transport import RECEIPT_TYPE, NodeConnection, NodeLieError, Reply
from client.trust import TrustRoot
from ledger import civil
from ledger.records.record import Record
from ledger.vocabulary import Role
from ledger.wire.scalars import VALIDITY_MS_MAX, CivilDate, MemberId, TimeMs, TxId
from ledger.wire.transaction import SignedTransaction, Transaction

VALID_FOR_MS: Final = 10 * 60_000
"""How long a transaction may wait for a block, unless told otherwise."""
VALID_FOR_MS_MAX: Final = VALIDITY_MS_MAX - 10 * 60_000
"""The ledger's limit is counted from the block's time, which may be behind this clock."""
CONCURRENCY: Final = 8


class Client(Reader):
    """A session with the nodes of one network. Use as ``async with Client(...) as ledger``."""

    def __init__(  # noqa: PLR0913 - a session is configured in one place
        self,
        nodes: Sequence[str] = (),
        *,
        profile: str | Profile | None = None,
        genesis: bytes | TrustRoot | None = None,
        member: str | None = None,
        keys: Mapping[Role, SigningKey | Path] | None = None,
        passphrase: PassphraseSource = from_environment_or_terminal,
        outbox: Path | None = None,
        clock: WallClock | None = None,
        timing: Timing | None = None,
        patience: Patience = PATIENCE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Configure a session; nothing is opened or asked yet.

        Args:
            nodes: Addresses, best first; the profile's when empty.
            profile: Name of a profile, or a loaded one. Gives nodes, genesis, member, keys and
                outbox; each can be overridden by its own argument.
            genesis: The pinned genesis document, or what it makes trustworthy.
            member: Who writes.
            keys: Keys by role, loaded or as files.
            passphrase: Where passphrases of key files come from.
            outbox: Directory of the outbox; the profile's when there is one.
            clock: Milliseconds since 1970, for the validity of transactions.
            timing: All clocks and pauses at once; for tests.
            patience: How long to keep trying.
            tls: For ``https`` nodes; from the profile's ``tls_ca_file`` when not given.

        Raises:
            UsageError: The arguments contradict each other or name nothing usable.
        """
        loaded = load_profile(profile) if isinstance(profile, str) else profile
        self.profile = loaded
        self._addresses = addresses_of(nodes, loaded)
        self._trust = trust_of(genesis, loaded)
        self._identity = identity_of(member, keys, loaded, passphrase)
        directory = outbox or (loaded.outbox_directory if loaded is not None else None)
        self._outbox = None if directory is None else Outbox(directory)
        base = timing or Timing()
        self._timing = Timing(clock or base.wall_ms, base.steady, base.pause)
        self._patience = patience
        self._tls = tls
        self._loaded_keys: dict[Role, SigningKey] = {}
        self._under_way: dict[TxId, Settlement] = {}
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        if self._http is not None:
            raise UsageError("the session is open already.")
        tls = self._tls or tls_of(self.profile)
        connector = aiohttp.TCPConnector(limit=0, limit_per_host=64, ssl=tls if tls else True)
        http = aiohttp.ClientSession(
            connector=connector, headers={"User-Agent": "monazite-client/1"}
        )
        connections = [NodeConnection(address, http, self._patience) for address in self._addresses]
        try:
            self._pool = NodePool(connections, timing=self._timing, patience=self._patience)
        except UsageError:
            await http.close()
            raise
        self._http = http
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = self._pool = None

    @property
    def under_way(self) -> tuple[Settlement, ...]:
        """The submissions that are waited for; those that were interrupted stay among them."""
        return tuple(self._under_way.values())

    # Composing

    @property
    def trust(self) -> TrustRoot:
        """The pinned genesis.

        Raises:
            UsageError: None is pinned; nothing can be written or proven then.
        """
        if self._trust is None:
            raise UsageError(
                "no genesis is pinned, so nothing can be verified. Use a profile "
                "(`monazite profile add`), or give genesis=."
            )
        return self._trust

    @property
    def author(self) -> MemberId:
        """Who writes.

        Raises:
            UsageError: Nobody was named.
        """
        return self._writer().member

    def today(self) -> CivilDate:
        """Return the civil day of the network, by this client's clock."""
        return civil.date_of(TimeMs(self._timing.wall_ms()), self.trust.utc_offset_minutes)

    def prepare(
        self,
        *records: Record,
        valid_for_ms: int = VALID_FOR_MS,
        sealed: Sequence[bytes] = (),
    ) -> Transaction:
        """Return an unsigned transaction of this client's member.

        Raises:
            UsageError: No or too many records, or a validity of no time or too much.
        """
        if not 0 < valid_for_ms <= VALID_FOR_MS_MAX:
            raise UsageError(
                f"valid for {valid_for_ms} ms: more than 0 and at most {VALID_FOR_MS_MAX} ms, which "
                "is the ledger's limit less room for clocks that differ."
            )
        return composing.prepare(
            records,
            chain_id=self.trust.chain_id,
            author=self.author,
            valid_until_ms=TimeMs(self._timing.wall_ms() + valid_for_ms),
            sealed=sealed,
        )

    def sign(self, transaction: Transaction, *roles: Role) -> SignedTransaction:
        """Sign with this member's keys, for another party to sign as well (``composing.combine``).

        Args:
            transaction: What is wished; of this client's chain.
            roles: In which roles; by default as the records need of their author.

        Raises:
            UsageError: A key is missing, or the transaction is for another chain.
        """
        if transaction.chain_id != self.trust.chain_id:
            raise UsageError(
                f"the transaction is for chain {transaction.chain_id.hex()}, the pinned genesis is "
                f"{self.trust.chain_id.hex()}."
            )
        wanted = roles or tuple(sorted(composing.author_roles_of(transaction)))
        return composing.sign(transaction, [self._key(role) for role in wanted])

    # Writing

    async def submit(
        self,
        *records: Record,
        valid_for_ms: int = VALID_FOR_MS,
        roles: Sequence[Role] = (),
        countersigners: Iterable[SigningKey] = (),
        sealed: Sequence[bytes] = (),
    ) -> VerifiedReceipt:
        """Sign records as one transaction, send it, follow it to finality, return its receipt.

        Args:
            records: They apply together or not at all.
            valid_for_ms: How long it may wait for a block; at most 24 hours.
            roles: In which roles this member signs; by default as the records need it.
            countersigners: Keys of the other parties that the records need.
            sealed: Encrypted attachments, each named by its digest in a record.

        Raises:
            ClientRefusal: The rules do not admit it, and that is final.
            StillPending: Not decided in time; it is in the outbox.
            Unverified: No node gave a receipt that verifies; it is in the outbox.
            Unreachable: No node answered usefully; it is in the outbox.
            UsageError: It could not be made or signed; nothing was sent.
        """
        transaction = self.prepare(*records, valid_for_ms=valid_for_ms, sealed=sealed)
        signed = self.sign(transaction, *roles)
        others = tuple(countersigners)
        if others:
            signed = composing.combine(signed, composing.sign(transaction, others))
        return await self.submit_signed(signed)

    async def submit_signed(self, signed: SignedTransaction) -> VerifiedReceipt:
        """Send a transaction that carries all its signatures. Raises as ``submit``."""
        entry = entry_of(signed)
        if signed.transaction.chain_id != self.trust.chain_id:
            raise UsageError(
                f"the transaction is for chain {signed.transaction.chain_id.hex()}, the pinned "
                f"genesis is {self.trust.chain_id.hex()}. Nothing was sent."
            )
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.add, entry)
        return await self._settle(entry, exposed=False)

    async def submit_many(
        self,
        batches: Iterable[Sequence[Record]],
        *,
        concurrency: int = CONCURRENCY,
        valid_for_ms: int = VALID_FOR_MS,
        on_result: Callable[[Submission], None] | None = None,
    ) -> list[Submission]:
        """Submit many transactions, ``concurrency`` at a time, and return what became of each.

        Refusals and undecided transactions are results, not errors: the others go on. The batches
        are taken one by one as there is room (``composing.batch`` makes them); they may be applied
        in another order than given. An error of any other kind stops the sending of further
        batches and is raised after those under way have ended; whatever was sent is in the outbox.

        Raises:
            Unverified: As ``submit``.
            Unreachable: As ``submit``.
            UsageError: A batch could not be made or signed.
        """
        results: list[Submission] = []
        queue = enumerate(batches)
        failures: list[ClientError] = []

        async def work() -> None:
            for position, records in queue:
                if failures:
                    return
                try:
                    signed = self.sign(self.prepare(*records, valid_for_ms=valid_for_ms))
                    result = await self._submission(position, entry_of(signed))
                except ClientError as error:
                    failures.append(error)
                    return
                results.append(result)
                if on_result is not None:
                    on_result(result)

        async with asyncio.TaskGroup() as group:
            for _worker in range(max(1, concurrency)):
                group.create_task(work())
        if failures:
            raise failures[0]
        return sorted(results, key=lambda result: result.position)

    async def resume_outbox(
        self,
        *,
        only: Collection[TxId] | None = None,
        on_result: Callable[[Submission], None] | None = None,
    ) -> list[Submission]:
        """Bring to an end everything that an earlier run left in the outbox.

        Args:
            only: These transactions and no others. Without an outbox none of them is there.
            on_result: Is told what became of each.

        Raises:
            Unverified: As ``submit``.
            Unreachable: As ``submit``.
            UsageError: There is no outbox, or a file in it is damaged.
        """
        if self._outbox is None:
            if only is not None:
                return []
            raise UsageError("this client has no outbox; use a profile, or give outbox=.")
        entries = [
            entry
            for entry in await asyncio.to_thread(self._outbox.entries)
            if only is None or entry.tx_id in only
        ]
        results: list[Submission] = []
        for position, entry in enumerate(entries):
            result = await self._submission(position, entry, exposed=True)
            results.append(result)
            if on_result is not None:
                on_result(result)
        return results

    async def receipt(self, tx_id: str | TxId) -> VerifiedReceipt:
        """Return the verified receipt of any transaction that is final.

        Raises:
            NotFound: It is not final at the node that was asked.
            Unverified: What a node sent as its receipt does not verify.
            Unreachable: No node answered usefully.
        """
        text = tx_id_text(tx_id)
        trust = self.trust

        def read(reply: Reply) -> VerifiedReceipt:
            try:
                return read_receipt(reply.body, trust, expected=TxId(bytes.fromhex(text)))
            except ReceiptRejectedError as error:
                raise NodeLieError(str(error)) from error

        _node, receipt = await self._nodes.ask(
            f"/v1/transactions/{text}/receipt",
            read,
            what=f"the receipt of {text}",
            accept=RECEIPT_TYPE,
        )
        self._nodes.note_proven(receipt.height)
        return receipt

    # Inside

    async def _submission(
        self, position: int, entry: OutboxEntry, *, exposed: bool = False
    ) -> Submission:
        if self._outbox is not None and not exposed:
            await asyncio.to_thread(self._outbox.add, entry)
        try:
            receipt = await self._settle(entry, exposed=exposed)
        except ClientRefusal as refusal:
            return Submission(position=position, tx_id=entry.tx_id, refusal=refusal)
        except StillPending as pending:
            return Submission(position=position, tx_id=entry.tx_id, pending=pending)
        return Submission(position=position, tx_id=entry.tx_id, receipt=receipt)

    async def _settle(self, entry: OutboxEntry, *, exposed: bool) -> VerifiedReceipt:
        settlement = Settlement(
            entry, self._nodes, self.trust, self._nodes.deadline(), exposed=exposed
        )
        self._under_way[entry.tx_id] = settlement
        try:
            async with self._forgotten_when_decided(entry):
                receipt = await settlement.run()
        except ClientError:
            del self._under_way[entry.tx_id]
            raise
        del self._under_way[entry.tx_id]
        return receipt

    @asynccontextmanager
    async def _forgotten_when_decided(self, entry: OutboxEntry) -> AsyncIterator[None]:
        """Remove the entry from the outbox when its end is known, and only then."""
        try:
            yield
        except ClientRefusal:
            await self._forget(entry)
            raise
        await self._forget(entry)

    async def _forget(self, entry: OutboxEntry) -> None:
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.remove, entry.tx_id)

    def _writer(self) -> Identity:
        if self._identity is None:
            raise UsageError(
                "nobody is named who writes. Use a profile with `member` and [keys], or give "
                "member= and keys=."
            )
        return self._identity

    def _key(self, role: Role) -> SigningKey:
        if role not in self._loaded_keys:
            self._loaded_keys[role] = self._writer().signing_key(role)
        return self._loaded_keys[role]
