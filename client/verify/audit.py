"""The core of the auditor: rows in, findings out. No I/O, no clock, no thread.

    audit = Audit(genesis, names)
    while wanted := audit.wanting():                 which sources' rows are needed, from which height
        audit.add(source, rows)  or  audit.end(source)
        audit.advance()                              judges whatever can be judged
    audit.finish()                                   compares the books with the state
    audit.findings, audit.counts, audit.sources      what came of it

For each height, in order: the decided block is found through certificates (``client.verify.window``), its
content compared with its header, re-executed, and every header field compared (``client.verify.replay``);
its records are entered into the books (``client.verify.books``); then every source's row is compared with
it byte for byte and its proof checked (``client.verify.judge``). A copy that is bad costs nothing as long as
another is good. Where no copy is good, or the rules are broken, and no certificate leads on past that block,
the audit stops and ``stopped`` says at which height and why; nothing above is said to be checked.

The result is a function of the genesis and of what each source gives: not of timing, batches or order of
arrival. In a fork the block of every branch is executed where they part; what breaks the rules is refused,
and the audit goes on with what does not. The order of sources matters in one case only: among branches that
all follow by the rules the first is followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.overlay import Overlay

from client.verify.books import AuditBooks
from client.verify.findings import AuditFinding, AuditFindings, FindingCode, RecordPlace
from client.verify.judge import Judge, Reference
from client.verify.proofs import CertificateChecker
from client.verify.replay import ContentError, Replay, read_content
from client.verify.source import HistoryRow
from client.verify.verdict import AuditVerdict
from client.verify.window import BlockCopy, DecidedRun, KeptRow, Obstacle, Window, read_copy
from client.verify.words import short
from ledger.errors import InvalidBlockError
from ledger.genesis import Genesis
from ledger.parsed import ParsedTransaction
from ledger.records import name_of
from ledger.wire.block import Block
from ledger.wire.certificate import Certificate
from ledger.wire.codec import encode
from ledger.wire.scalars import BlockId, Height

FIRST_HEIGHT = Height(1)


@dataclass(slots=True)
class SourceProgress:
    """How far one source was checked."""

    name: str
    checked_to: Height | None = None
    """Last height whose row was compared; None when not even the genesis block was."""
    holds_to: Height | None = None
    """Last height at which it holds the decided block; None when it does at none."""
    rows_compared: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Where and why an audit ended before its sources did."""

    height: Height
    """The last height that was checked."""
    reason: str


@dataclass(slots=True)
class AuditCounts:
    """What was checked, beside what the replay counts."""

    rows: int = 0
    """Rows compared with the decided block, over all sources."""
    sealed: int = 0
    """Sealed attachments met, whose content nobody can check here."""


@dataclass(frozen=True, slots=True)
class _Executed:
    """A next block that was executed and found good."""

    copy: BlockCopy
    block: Block
    transactions: list[ParsedTransaction]
    overlay: Overlay


@dataclass(frozen=True, slots=True)
class _Refused:
    """A certified next block that the audit does not follow, with what builds on it."""

    run: DecidedRun
    reason: str


@dataclass(slots=True)
class _Genesis:
    data: bytes
    seen: set[int] = field(default_factory=set)
    """Sources whose row 0 was compared."""


class Audit:
    """One history, re-executed once, and all sources' copies of it."""

    def __init__(self, genesis: Genesis, names: list[str], *, fail_fast: bool = False) -> None:
        self.genesis = genesis
        self.findings = AuditFindings()
        self.sources = [SourceProgress(name) for name in names]
        self.counts = AuditCounts()
        self.replay = Replay(genesis)
        self.books = AuditBooks(self.replay.state)
        self.stopped: Stop | None = None
        self.checker = CertificateChecker(
            genesis.chain_id, genesis.header.epoch, genesis.validators
        )
        self._fail_fast = fail_fast
        self._judge = Judge(names, self.checker, self.findings)
        self._window = Window(len(names), self.checker, FIRST_HEIGHT)
        self._refused: dict[BlockId, _Refused] = {}
        """Blocks at the next height that are certified and not followed."""
        self._genesis = _Genesis(encode(genesis.block))
        copy = BlockCopy(self._genesis.data, genesis.block, self.replay.block_id, "")
        self._tip = Reference(
            Height(0), self.replay.block_id, genesis.block, copy, genesis.header, None
        )

    @property
    def height(self) -> Height:
        """The last height that was checked."""
        return self.replay.height

    @property
    def tip(self) -> Reference:
        """The last block that was checked."""
        return self._tip

    def next_height(self, source: int) -> Height:
        """Return the height of the row that a source delivers next."""
        if source not in self._genesis.seen:
            return Height(0)
        return self._window.next_height(source)

    def wanting(self) -> list[int]:
        """Return the sources whose next rows are needed; none when the audit is at its end."""
        if self.stopped is not None:
            return []
        first = [
            source
            for source in range(len(self.sources))
            if source not in self._genesis.seen and not self.sources[source].ended
        ]
        return first or self._window.wanting()

    def add(self, source: int, rows: list[HistoryRow]) -> None:
        """Take the next rows of a source, from ``next_height(source)`` upward."""
        for block_data, proof_data in rows:
            if self.sources[source].ended or self.stopped is not None:
                return
            if source in self._genesis.seen:
                self._window.add(source, block_data, proof_data)
            else:
                self._genesis.seen.add(source)
                self._compare_genesis_block(source, block_data, proof_data)

    def end(self, source: int) -> None:
        """Note that a source delivers nothing more."""
        self.sources[source].ended = True
        self._window.end(source)

    def advance(self) -> None:
        """Judge every height that can be judged with the rows at hand."""
        while self.stopped is None:
            if self._is_at_end():
                return
            found = self._window.next_run(self.replay.block_id, self._refused)
            if found is None:
                return
            if isinstance(found, Obstacle):
                self._stop_at(found)
                return
            self._audit_run(found)

    def finish(self) -> None:
        """Compare the books with the state after the last block; the audit is then over."""
        for finding in self.books.check():
            self.findings.add(finding)

    def _is_at_end(self) -> bool:
        return self._window.top == self._window.lowest

    def _audit_run(self, segment: DecidedRun) -> None:
        for height in range(segment.first, segment.last + 1):
            if self.stopped is not None or not self._audit_height(
                segment.from_height(Height(height))
            ):
                return

    def _audit_height(self, segment: DecidedRun) -> bool:
        """Judge the lowest height, whose block is the first of ``segment``; tell whether it is good."""
        height = self._window.lowest
        block_id = segment.copies[0].block_id or self.replay.block_id
        for rival in self._window.branches(self.replay.block_id, segment.last):
            rival_id = rival.copies[0].block_id
            if rival_id != block_id and rival_id not in self._refused:
                self._execute(rival)
        executed = self._execute(segment)
        if executed is None:
            if self._fail_fast:
                self._stop_refused()
            return False
        self._take_over(executed)
        reference = Reference(
            height,
            block_id,
            executed.block,
            executed.copy,
            self._tip.block.header,
            segment.certificate,
        )
        for source in range(len(self.sources)):
            row = self._window.row_at(source, height)
            if row is not None:
                self._judge.judge(source, row, reference)
                self._note_checked(source, height)
                if row.copy.block_id == block_id:
                    self.sources[source].holds_to = height
        self._tip = reference
        self._refused.clear()
        self._window.drop_lowest()
        if self._fail_fast and self._has_fault():
            self._stop("the audit ends at the first fault, as asked (--fail-fast)")
        return True

    def _execute(self, run: DecidedRun) -> _Executed | None:
        """Execute the first block of ``run`` on the state as it is; refuse it when it is not good."""
        block_id = run.copies[0].block_id or self.replay.block_id
        good = self._good_copy(run.first, block_id)
        if good is None or good[0].block is None:
            reason = f"no copy of block {run.first} holds what its header commits to"
            self._refused[block_id] = _Refused(run, reason)
            return None
        copy, transactions = good
        try:
            overlay = self.replay.execute(good[0].block, transactions)
        except InvalidBlockError as error:
            self.findings.add(self._rule_finding(error, transactions, run.certificate, block_id))
            reason = f"block {error.height} does not follow from the history by the rules"
            self._refused[block_id] = _Refused(run, reason)
            return None
        return _Executed(copy, good[0].block, transactions, overlay)

    def _take_over(self, executed: _Executed) -> None:
        self.replay.take_over(executed.overlay, executed.transactions)
        for finding in self.books.observe(executed.transactions):
            self.findings.add(finding)
        self.counts.sealed += sum(
            len(transaction.signed.transaction.sealed) for transaction in executed.transactions
        )

    def _good_copy(
        self, height: Height, block_id: BlockId
    ) -> tuple[BlockCopy, list[ParsedTransaction]] | None:
        """Return the copy with the decided header whose content is the decided one, parsed."""
        problems: dict[int, ContentError] = {}
        for number, copy in enumerate(self._window.copies_at(height)):
            if copy.block is None or copy.block_id != block_id:
                continue
            try:
                return copy, read_content(copy.block)
            except ContentError as error:
                problems[number] = error
        copies = self._window.copies_at(height)
        for source in range(len(self.sources)):
            row = self._window.row_at(source, height)
            for number, problem in problems.items():
                if row is not None and row.copy is copies[number]:
                    self._judge.judge_content_lost(source, row.copy, height, problem)
        return None

    def _rule_finding(
        self,
        error: InvalidBlockError,
        transactions: list[ParsedTransaction],
        certificate: Certificate,
        block_id: BlockId,
    ) -> AuditFinding:
        place = None
        if error.transaction_index is not None:
            transaction = transactions[error.transaction_index]
            index = error.record_index
            place = RecordPlace(
                error.transaction_index,
                transaction.tx_id,
                transaction.author,
                index,
                "" if index is None else name_of(transaction.records[index]),
            )
        return AuditFinding(
            code=FindingCode.RULES_BROKEN,
            node=", ".join(self._holders_of(error.height, block_id)),
            height=error.height,
            what=error.what,
            record=place,
            expected=error.expected,
            found=error.found,
            evidence={
                "certificate": encode(certificate).hex(),
                "signed_by": ", ".join(self.checker.names_of(certificate)),
            },
        )

    def _holders_of(self, height: Height, block_id: BlockId) -> list[str]:
        return [
            progress.name
            for source, progress in enumerate(self.sources)
            if (row := self._window.row_at(source, height)) is not None
            and row.copy.block_id == block_id
        ]

    def _stop_refused(self) -> None:
        """Every certified way on was refused: say who else certified something else, and stop."""
        first = next(iter(self._refused.values()))
        below = self._tip.block.header
        references: list[Reference] = []
        for offset, copy in enumerate(first.run.copies):
            if copy.block is None or copy.block_id is None:
                break
            height = Height(first.run.first + offset)
            references.append(
                Reference(height, copy.block_id, copy.block, copy, below, first.run.certificate)
            )
            below = copy.block.header
        for source in range(len(self.sources)):
            rows = [(self._window.row_at(source, it.height), it) for it in references]
            others = [
                (row, it)
                for row, it in rows
                if row is not None
                and (
                    it.block_id not in (row.copy.block_id, row.decided or it.block_id)
                    or row.decided not in (None, it.block_id)
                )
            ]
            if any(row.decided not in (None, it.block_id) for row, it in others):
                for row, it in others:
                    self._judge.judge(source, row, it)
        self._stop(first.reason)

    def _stop_at(self, obstacle: Obstacle) -> None:
        """No certificate leads on: say what is wrong with the rows that are left."""
        if self._refused:
            self._stop_refused()
            return
        lowest = self._window.lowest
        detached = [
            source
            for source in range(len(self.sources))
            if (rows := self._rows_left(source))
            and self._judge.judge_detached(source, rows, self._tip)
        ]
        if obstacle.missing is not None:
            height, block_id = obstacle.missing
            for source in range(len(self.sources)):
                row = self._window.row_at(source, height)
                if row is not None and source not in detached:
                    self._judge.judge_without_reference(source, row, height, block_id)
            self._stop(f"no copy holds block {height} ({short(block_id)}) as it was decided")
            return
        for source in range(len(self.sources)):
            rows = self._rows_left(source)
            if rows and source not in detached:
                self._judge.judge_uncertified(source, rows, self._tip)
        self._stop(f"no certificate covers the blocks from {lowest} on")

    def _rows_left(self, source: int) -> list[KeptRow]:
        rows: list[KeptRow] = []
        height = self._window.lowest
        while (row := self._window.row_at(source, height)) is not None:
            rows.append(row)
            height = Height(height + 1)
        return rows

    def _compare_genesis_block(self, source: int, block_data: bytes, proof_data: bytes) -> None:
        if (block_data, proof_data) == (self._genesis.data, b""):
            self._note_checked(source, Height(0))
            self.sources[source].holds_to = Height(0)
            return
        self.findings.add(
            AuditFinding(
                code=FindingCode.GENESIS_DIFFERS,
                node=self.sources[source].name,
                height=Height(0),
                what="block 0 of this copy is not the one that the trusted genesis founds",
                expected=self._tip.block_id.hex(),
                found=(read_copy(block_data).block_id or b"").hex() or "no block",
            )
        )
        self.end(source)

    def _note_checked(self, source: int, height: Height) -> None:
        progress = self.sources[source]
        progress.checked_to = height
        progress.rows_compared += 1
        self.counts.rows += 1

    def _has_fault(self) -> bool:
        return any(
            finding.explanation.verdict is not AuditVerdict.INCOMPLETE
            for finding in self.findings.all()
        )

    def _stop(self, reason: str) -> None:
        self.stopped = Stop(self.replay.height, reason)
