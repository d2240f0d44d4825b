"""One signed transaction on its way to its end: the only place that decides what became of it.

The same bytes are sent until one of four things is known; sending them again is harmless, since the
ledger takes a transaction id once. Which node is asked may change at every step.

* **Final.** A receipt that verifies against the pinned genesis and is for this transaction.
* **Refused**, when that is final:

  - a node refused at admission and the transaction was never *exposed*, that is, no earlier attempt may
    have reached a node. A lost connection exposes; a connection that was never made does not;
  - or the transaction was exposed, and a node whose committed tip is past ``valid_until_ms`` still does not
    have it. No later block can include it then (architecture section 2, step 3).

  Any other refusal is only that node's view of a transaction which others may still include: it is
  kept as the reason for waiting.
* **Unverified**, when every node that answered gave a receipt that does not verify.
* **Out of time**: ``StillPending``, or ``Unreachable``/``Busy`` when no node ever took it.

A node's own word is believed for refusals: a light client cannot check that something is *not* on the
ledger. A lying node can therefore pretend a refusal, but not a success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from client.errors import ClientRefusal, StillPending, Unverified
from client.nodes import Deadline, NodePool, Troubles
from client.outbox import OutboxEntry
from client.receipt import ReceiptRejectedError, VerifiedReceipt, read_receipt
from client.transport import (
    RECEIPT_TYPE,
    NodeConnection,
    NodeTroubleError,
    Problem,
    Reply,
    json_of,
    problem_of,
)
from client.trust import TrustRoot

FIRST_POLL_MS: Final = 200
"""Shortest time between two questions to a node that answers "pending" without waiting."""


@dataclass(frozen=True, slots=True)
class _Final:
    """A node sent what it says is the receipt."""

    data: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A node has it and waits; ``reason`` is the rule that makes it wait, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Declined:
    """A node does not admit it."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A node does not have it."""


_Outcome: TypeAlias = _Final | _Waiting | _Declined | _Unknown


@dataclass(slots=True)
class Settlement:
    """Brings one transaction to its end. Use once."""

    entry: OutboxEntry
    pool: NodePool
    trust: TrustRoot
    deadline: Deadline
    exposed: bool = False
    """Whether an attempt may have reached a node that may have admitted it."""
    holder: NodeConnection | None = None
    """The node that said last that it has it."""
    reason: str = ""
    """The rule that makes it wait, in words, as a node said last."""
    asking: NodeConnection | None = None
    """The node whose answer is waited for, for whoever shows what is going on."""
    liars: dict[str, str] = field(default_factory=dict)
    """Why a node's receipt does not verify, by address."""
    _troubles: Troubles = field(default_factory=Troubles)
    _unheard: bool = True
    """No node has answered anything usable yet."""

    @property
    def path(self) -> str:
        """Where nodes speak about the transaction."""
        return f"/v1/transactions/{self.entry.tx_id.hex()}"

    @property
    def newest_trouble(self) -> str:
        """What was wrong with the node that was asked last and gave no usable answer; or nothing."""
        return next((item.reason for item in reversed(self._troubles.by_node.values())), "")

    async def run(self) -> VerifiedReceipt:
        """Follow the transaction to its end and return the verified receipt.

        Raises:
            ClientRefusal: Refused, and final.
            StillPending: Not decided in time.
            Unverified: Every node that answered gave a receipt that does not verify.
            Unreachable: No node answered usefully in time.
        """
        attempt = 0
        while True:
            progress = False
            for node in self.pool.in_order(without=self.liars):
                began = self.deadline.left_ms
                receipt, progress = await self._step(node)
                if receipt is not None:
                    return receipt
                if progress:
                    # Its holder is asked again; the others are not needed while it answers.
                    if began - self.deadline.left_ms > FIRST_POLL_MS:
                        attempt = 0
                    break
            if len(self.liars) == len(self.pool.in_order()):
                raise self._give_up()
            least_ms = FIRST_POLL_MS if progress else self._troubles.retry_after_ms
            if not await self.pool.pause(attempt, self.deadline, least_ms=least_ms):
                raise self._give_up()
            attempt += 1

    async def _step(self, node: NodeConnection) -> tuple[VerifiedReceipt | None, bool]:
        """Ask one node; return the receipt if there is one, and whether the node has it."""
        self.asking = node
        try:
            outcome = await self._ask(node)
            match outcome:
                case _Final(data):
                    return self._verified(node, data), False
                case _Waiting(reason):
                    self.exposed, self.holder, self.reason = True, node, reason
                    self._unheard = False
                    self.pool.prefer(node)
                    return None, True
                case _Unknown():
                    # It had it and has it no more: it was restarted. Post it again next time.
                    self.holder = None
                    return None, False
                case _Declined(problem):
                    return await self._after_refusal(node, problem), False
        except NodeTroubleError as trouble:
            self.asking = None
            self._troubles.note(node, trouble)
            self.pool.demote(node)
            if self.holder is node:
                self.holder = None
        return None, False

    async def _ask(self, node: NodeConnection) -> _Outcome:
        """Send it to a node, or ask the node that has it what has become of it."""
        wait_ms = min(self.pool.patience.wait_ms, self.deadline.left_ms)
        if self.holder is node:
            return await self._follow(node, wait_ms)
        try:
            return await self._post(node, wait_ms)
        except NodeTroubleError as trouble:
            if not trouble.may_have_arrived:
                raise
            if trouble.busy:
                # Busy may mean: admitted, and too many are waiting. The node itself knows.
                outcome = await self._follow_or_expose(node)
                if not isinstance(outcome, _Unknown):
                    return outcome
            else:
                self.exposed = True
            raise

    async def _post(self, node: NodeConnection, wait_ms: int) -> _Outcome:
        reply = await node.request(
            "POST",
            "/v1/transactions",
            body=self.entry.signed_bytes,
            accept=RECEIPT_TYPE,
            wait_ms=wait_ms,
        )
        return await self._read_post(node, reply)

    async def _follow_or_expose(self, node: NodeConnection) -> _Outcome:
        try:
            return await self._follow(node, 0)
        except NodeTroubleError:
            self.exposed = True
            raise

    async def _read_post(self, node: NodeConnection, reply: Reply) -> _Outcome:
        if reply.status == 200 and reply.content_type == RECEIPT_TYPE:
            return _Final(reply.body)
        if reply.status == 202:
            return _Waiting(_text(json_of(reply), "reason"))
        if reply.status < 400:
            raise NodeTroubleError(f"answered {reply.status} with {reply.content_type}")
        problem = problem_of(reply)
        if problem.code == "duplicate_transaction":
            return await self._receipt(node)
        if problem.status not in (400, 413, 422):
            raise NodeTroubleError(
                f"answered {problem.status} {problem.code}: {problem.detail}",
                may_have_arrived=False,
            )
        return _Declined(problem)

    async def _follow(self, node: NodeConnection, wait_ms: int) -> _Outcome:
        """Ask a node what has become of the transaction."""
        reply = await node.request("GET", self.path, wait_ms=wait_ms)
        if reply.status == 404 and problem_of(reply).code == "not_found":
            return _Unknown()
        if reply.status != 200:
            problem = problem_of(reply)
            raise NodeTroubleError(f"answered {problem.status} {problem.code}: {problem.detail}")
        body = json_of(reply)
        state = body.get("state")
        if state == "final":
            return await self._receipt(node)
        if state == "pending":
            return _Waiting(_text(body, "reason"))
        if state == "refused":
            return _Declined(
                Problem(
                    422,
                    _text(body, "code") or "refused",
                    _text(body, "reason"),
                    figures=_figures(body),
                )
            )
        raise NodeTroubleError(f"says that the transaction's state is {state!r}")

    async def _receipt(self, node: NodeConnection) -> _Outcome:
        reply = await node.request("GET", f"{self.path}/receipt", accept=RECEIPT_TYPE)
        if reply.status == 404:
            # Final, and its certificate is not stored yet: the next question will find it.
            return _Waiting("it is final; the node has no proof yet.")
        if reply.status != 200 or reply.content_type != RECEIPT_TYPE:
            raise NodeTroubleError(
                f"answered {reply.status} with {reply.content_type} instead of a receipt"
            )
        return _Final(reply.body)

    def _verified(self, node: NodeConnection, data: bytes) -> VerifiedReceipt | None:
        try:
            receipt = read_receipt(data, self.trust, expected=self.entry.tx_id)
        except ReceiptRejectedError as error:
            self.exposed = True
            self._unheard = False
            self.liars[node.address] = str(error)
            self.pool.demote(node)
            if self.holder is node:
                self.holder = None
            return None
        self.pool.note_proven(receipt.height)
        return receipt

    async def _after_refusal(
        self, node: NodeConnection, problem: Problem
    ) -> VerifiedReceipt | None:
        """Raise the refusal if it is final; return the receipt if it turns out to be final instead.

        Raises:
            ClientRefusal: It is final.
            NodeTroubleError: The node is behind, or another one may still include it.
        """
        if not self.exposed:
            await self.pool.check_not_behind(node, problem)
            raise self._refusal(problem)
        self._unheard = False
        _height, tip_time_ms = await self.pool.status_of(node)
        if tip_time_ms > self.entry.signed.transaction.valid_until_ms:
            # The tip is past its validity. What the node has now it would have had for ever.
            outcome = await self._follow(node, 0)
            if isinstance(outcome, _Final):
                return self._verified(node, outcome.data)
            if not isinstance(outcome, _Waiting):
                raise self._refusal(problem)
        self.reason = problem.detail
        raise NodeTroubleError(
            f"does not admit it now ({problem.code}): {problem.detail}", may_have_arrived=False
        )

    def _refusal(self, problem: Problem) -> ClientRefusal:
        return ClientRefusal(
            problem.code,
            problem.detail,
            field=problem.field,
            record_index=problem.record_index,
            figures=problem.figures,
            tx_id=self.entry.tx_id.hex(),
        )

    def _give_up(self) -> Exception:
        tx_id = self.entry.tx_id.hex()
        if self.liars and self.holder is None:
            address, reason = next(iter(self.liars.items()))
            return Unverified(address, f"receipt of transaction {tx_id}: {reason}")
        if self._unheard:
            return self._troubles.error(
                f"transaction {tx_id}, which stays in the outbox",
                advice=(
                    "If it reached a node it will still be taken: do not write it anew, continue "
                    "with `monazite outbox resume` (Client.resume_outbox)."
                ),
            )
        return StillPending(
            tx_id,
            self.reason,
            valid_until_ms=self.entry.signed.transaction.valid_until_ms,
        )


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _figures(body: Mapping[str, Any]) -> dict[str, str | int]:
    figures = body.get("figures")
    if not isinstance(figures, dict):
        return {}
    return {str(name): value for name, value in figures.items() if isinstance(value, str | int)}
