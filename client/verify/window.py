"""The rows that lie ready, and which blocks a certificate decides among them.

Sources deliver consecutive rows, each at its own pace; the window holds those that are not judged yet.
Equal bytes at one height are kept once, so an honest network costs the memory of one node.

Which block is *the* block at a height is found from the top down. A certificate at height ``k`` names a block
id; the header with that id, in whichever copy, names its parent's id; and so on down to the block below
the window. So every copy may be bad at some height without harm as long as one is good, the order of
sources decides nothing, and a block that nobody certified is never taken for history.

``next_run`` answers one of:

* ``DecidedRun``: the decided blocks from the lowest height up to the first certificate above it;
* ``None``: more rows are needed, because a source that still delivers has not reached that height. The
  answer therefore never depends on which source is faster;
* ``Obstacle``: the rows are all there (or as many as are looked at), and no certificate leads down.

``branches`` answers which blocks certificates lead down to at the lowest height, for a fork.

Bounds: a source that has ``ROWS_AHEAD_MAX`` rows or ``BYTES_AHEAD_MAX`` bytes waiting is not asked for more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from client.verify.proofs import BlockProofError, CertificateChecker, decode_proof
from ledger.wire.block import Block, Header, decode_block
from ledger.wire.certificate import BlockProof, Certificate
from ledger.wire.errors import WireError
from ledger.wire.scalars import BlockId, Height

ROWS_AHEAD_MAX: Final = 1_024
BYTES_AHEAD_MAX: Final = 32 * 1024 * 1024


@dataclass(slots=True, eq=False)
class BlockCopy:
    """One distinct byte string that nodes keep as the block of one height."""

    data: bytes
    block: Block | None
    block_id: BlockId | None
    error: str
    """Why it does not decode; empty when it does."""


@dataclass(slots=True, eq=False)
class KeptRow:
    """What one node keeps for one height."""

    copy: BlockCopy
    proof: BlockProof | None
    proof_error: str
    decided: BlockId | None
    """The block that the proof's own, valid finalization decides, whatever the copy says."""
    size_bytes: int

    @property
    def certificate(self) -> Certificate | None:
        """The finalization, None when the node keeps none."""
        return None if self.proof is None else self.proof.finalization


@dataclass(frozen=True, slots=True)
class DecidedRun:
    """Consecutive blocks that one certificate decides."""

    first: Height
    copies: tuple[BlockCopy, ...]
    """For each height a copy with the decided header; its content is not checked yet."""
    certificate: Certificate
    """Finalization of the last of them."""

    @property
    def last(self) -> Height:
        """The height that the certificate is for."""
        return Height(self.first + len(self.copies) - 1)

    def from_height(self, height: Height) -> DecidedRun:
        """Return the part of it from ``height`` upward."""
        return DecidedRun(height, self.copies[height - self.first :], self.certificate)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no certificate leads down to the lowest height."""

    missing: tuple[Height, BlockId] | None
    """The decided block that no copy holds; None when there is no certificate at all."""


@dataclass(slots=True)
class _Search:
    """What one search for a segment has learned."""

    dead: set[BlockId] = field(default_factory=set)
    """Blocks from which no way leads down."""
    missing: tuple[Height, BlockId] | None = None
    """The first block that a certificate decides and no copy holds."""


@dataclass(slots=True)
class _SourceRows:
    rows: deque[KeptRow] = field(default_factory=deque)
    size_bytes: int = 0
    ended: bool = False


class Window:
    """Rows of all sources from ``lowest`` upward."""

    def __init__(self, sources_count: int, checker: CertificateChecker, lowest: Height) -> None:
        self.lowest = lowest
        self._checker = checker
        self._waiting = [_SourceRows() for _ in range(sources_count)]
        self._copies: dict[int, list[BlockCopy]] = {}

    def add(self, source: int, block_data: bytes, proof_data: bytes) -> None:
        """Take the next row of a source."""
        waiting = self._waiting[source]
        height = self.next_height(source)
        row = self._row(height, block_data, proof_data)
        waiting.rows.append(row)
        waiting.size_bytes += row.size_bytes

    def end(self, source: int) -> None:
        """Note that a source delivers nothing more."""
        self._waiting[source].ended = True

    def next_height(self, source: int) -> Height:
        """Return the height of the row that a source delivers next."""
        return Height(self.lowest + len(self._waiting[source].rows))

    def has_ended(self, source: int) -> bool:
        """Tell whether a source delivers nothing more."""
        return self._waiting[source].ended

    def is_full(self, source: int) -> bool:
        """Tell whether a source has delivered as much as is looked at."""
        waiting = self._waiting[source]
        return len(waiting.rows) >= ROWS_AHEAD_MAX or waiting.size_bytes >= BYTES_AHEAD_MAX

    def wanting(self) -> list[int]:
        """Return the sources whose next rows are needed first."""
        open_sources = self._open_sources()
        front = min(map(self.next_height, open_sources), default=Height(0))
        return [source for source in open_sources if self.next_height(source) == front]

    def row_at(self, source: int, height: Height) -> KeptRow | None:
        """Return a source's row, None when it has ended below ``height``."""
        rows = self._waiting[source].rows
        position = height - self.lowest
        return rows[position] if 0 <= position < len(rows) else None

    def copies_at(self, height: Height) -> list[BlockCopy]:
        """Return the distinct copies of the block at ``height``, in order of arrival."""
        return self._copies.get(height, [])

    @property
    def top(self) -> Height:
        """The first height of which no source has delivered a row."""
        return max(map(self.next_height, range(len(self._waiting))), default=self.lowest)

    def drop_lowest(self) -> None:
        """Forget the rows at the lowest height: they have been judged."""
        for waiting in self._waiting:
            if waiting.rows:
                waiting.size_bytes -= waiting.rows.popleft().size_bytes
        self._copies.pop(self.lowest, None)
        self.lowest = Height(self.lowest + 1)

    def next_run(
        self, below: BlockId, refused: Collection[BlockId] = ()
    ) -> DecidedRun | Obstacle | None:
        """Return what is decided on top of the block ``below``, through none of ``refused``."""
        search = _Search(set(refused))
        for height in range(self.lowest, self._ready_height()):
            for block_id, certificate in self._decided_at(Height(height)):
                copies = self._descend(Height(height), block_id, below, search)
                if copies:
                    return DecidedRun(self.lowest, copies, certificate)
        return None if self._open_sources() else Obstacle(search.missing)

    def branches(self, below: BlockId, last: Height) -> list[DecidedRun]:
        """Return one run for each block at the lowest height to which certificates lead down.

        Only certificates up to ``last`` count. More than one run is a fork right above ``below``.
        """
        if len({copy.block_id for copy in self.copies_at(self.lowest) if copy.block_id}) < 2:
            return []
        search = _Search()
        found: dict[BlockId | None, DecidedRun] = {}
        for height in range(self.lowest, last + 1):
            for block_id, certificate in self._decided_at(Height(height)):
                copies = self._descend(Height(height), block_id, below, search)
                if copies:
                    run = DecidedRun(self.lowest, copies, certificate)
                    found.setdefault(copies[0].block_id, run)
        return list(found.values())

    def _open_sources(self) -> list[int]:
        """Return the sources that may still deliver what is looked at."""
        return [
            source
            for source in range(len(self._waiting))
            if not self.has_ended(source) and not self.is_full(source)
        ]

    def _ready_height(self) -> int:
        """Return the first height at which an open source has not delivered its row."""
        return min(map(self.next_height, self._open_sources()), default=self.top)

    def _decided_at(self, height: Height) -> list[tuple[BlockId, Certificate]]:
        decided: dict[BlockId, Certificate] = {}
        for source in range(len(self._waiting)):
            row = self.row_at(source, height)
            if row is not None and row.decided is not None and row.certificate is not None:
                decided.setdefault(row.decided, row.certificate)
        return list(decided.items())

    def _descend(
        self, height: Height, block_id: BlockId, below: BlockId, search: _Search
    ) -> tuple[BlockCopy, ...]:
        """Follow parents from a decided block down to ``below``; return the copies, lowest first.

        Empty when the way is broken by a block that no copy holds, or leads past ``below``.
        """
        found: list[BlockCopy] = []
        walked: list[BlockId] = []
        while height >= self.lowest and block_id not in search.dead:
            walked.append(block_id)
            copy = self._copy_with(height, block_id)
            if copy is None:
                search.missing = search.missing or (height, block_id)
                break
            found.append(copy)
            block_id, height = header_of(copy).parent, Height(height - 1)
        if len(found) == len(walked) and height < self.lowest and block_id == below:
            return tuple(reversed(found))
        search.dead.update(walked)
        return ()

    def _copy_with(self, height: Height, block_id: BlockId) -> BlockCopy | None:
        for copy in self.copies_at(height):
            if copy.block_id == block_id and header_of(copy).height == height:
                return copy
        return None

    def _row(self, height: Height, block_data: bytes, proof_data: bytes) -> KeptRow:
        copy = self._interned(height, block_data)
        proof: BlockProof | None = None
        error = ""
        decided: BlockId | None = None
        if height:
            try:
                proof = decode_proof(proof_data)
                decided = self._checker.decided_id(proof, height)
            except BlockProofError as problem:
                error = problem.reason
        elif proof_data:
            error = "the genesis block has no proof"
        return KeptRow(copy, proof, error, decided, len(block_data) + len(proof_data))

    def _interned(self, height: Height, data: bytes) -> BlockCopy:
        copies = self._copies.setdefault(height, [])
        for copy in copies:
            if copy.data == data:
                return copy
        fresh = read_copy(data)
        copies.append(fresh)
        return fresh


def read_copy(data: bytes) -> BlockCopy:
    """Return bytes that may be a block, decoded if they are."""
    try:
        block = decode_block(data)
    except WireError as error:
        return BlockCopy(data, None, None, str(error))
    return BlockCopy(data, block, block.header.block_id, "")


def header_of(copy: BlockCopy) -> Header:
    """Return the header of a copy that decodes."""
    if copy.block is None:
        raise ValueError("a copy that does not decode has no header")
    return copy.block.header
