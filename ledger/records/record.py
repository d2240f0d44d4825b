"""What a record is, and the context in which its rule runs.

A record type is one file in this package: a frozen struct with a tag, and one function that applies
it or refuses. The function gets a ``Context``: typed state, the block's time, the parameters, and four
verbs with which a rule says everything that is not a row:

* ``require(member, role)``: a signature that the transaction must carry, or the signatures of several
  persons. After all records have run, the signatures must be exactly those required, no fewer and no more.
* ``touch(member, date)``: the record belongs into this member's month (D5). The author is always touched.
* ``alert(...)``: a deterministic finding that does not refuse.
* ``refuse(...)``: the record does not apply; the whole transaction has no effect.

Rules read no clock and walk no history: their cost does not depend on the age of the chain (D17).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from ledger import civil
from ledger.refusal import Figure, RefusalCode, Refused
from ledger.state.rows import AlertRow, MemberRow, ParametersRow, RecordReference
from ledger.state.tables import ALERTS, MEMBERS
from ledger.state.view import StateView
from ledger.vocabulary import MemberStatus, Role
from ledger.wire.codec import WireStruct
from ledger.wire.scalars import (
    CivilDate,
    Digest,
    Height,
    LotId,
    MemberId,
    ProductCode,
    TimeMs,
    TxId,
)
from ledger.wire.transaction import lot_id_of


class Record(WireStruct, frozen=True, array_like=True):
    """Base of all record types; each has an integer tag of its own that is never reused."""


@dataclass(slots=True)
class Flow:
    """What one record does to the goods of one product that lie with one member; gross grams."""

    received: int = 0
    """From another holder."""
    handed_over: int = 0
    """To another holder."""
    lost: int = 0
    """Of what was received, on the way."""
    net: int = 0
    """Everything else: what appeared less what went away."""
    transit: int = 0
    """What was offered less what was answered."""


@dataclass(slots=True)
class Context:
    """Everything that the rule of one record may see and say."""

    state: StateView
    parameters: ParametersRow
    author: MemberId
    tx_id: TxId
    height: Height
    time_ms: TimeMs
    """Time of the block."""
    record_index: int = 0
    required: dict[tuple[MemberId, Role], int] = field(default_factory=dict)
    """Signatures asked for so far by all records, in order of asking: how many different persons."""
    touched: dict[MemberId, CivilDate | None] = field(default_factory=dict)
    """Members that the current record touches, with its claimed date."""
    named_sealed: set[Digest] = field(default_factory=set)
    """Digests of sealed attachments that records have named."""
    alerts_count: int = 0
    """Alerts of the current record so far."""
    flows: dict[tuple[MemberId, ProductCode], Flow] = field(default_factory=dict)
    """What the current record does to the goods that lie with each holder; kept by ``lot_rules``."""
    is_correcting: bool = False
    """A correction applies a forgotten record, whose month may be filed."""
    gain_counts_as: str = "produced"
    """Total of a month in which goods count that the current record adds to a holder's."""
    drop_counts_as: str = "consumed"
    """Total of a month in which goods count that the current record takes from a holder's."""

    @property
    def today(self) -> CivilDate:
        """The civil day of the block."""
        return civil.date_of(self.time_ms, self.parameters.utc_offset_minutes)

    @property
    def reference(self) -> RecordReference:
        """The name of the current record."""
        return RecordReference(tx_id=self.tx_id, index=self.record_index)

    def begin_record(self, index: int) -> None:
        """Turn to the record number ``index``; it touches its author already."""
        self.record_index = index
        self.alerts_count = 0
        self.touched.clear()
        self.flows.clear()
        self.is_correcting = False
        self.gain_counts_as, self.drop_counts_as = "produced", "consumed"
        self.touch(self.author)

    def require(self, member: MemberId, role: Role, *, persons: int = 1) -> None:
        """Ask for signatures by keys of ``member`` in ``role``, held by ``persons`` different persons.

        What several records ask for is asked for once: the most of them counts.
        """
        place = (member, role)
        self.required[place] = max(persons, self.required.get(place, 0))

    def touch(self, member: MemberId, date: CivilDate | None = None) -> None:
        """Count the current record in the month of ``member``: the claimed one, or the block's."""
        self.touched[member] = date

    def count_flows(self, *, gain: str = "produced", drop: str = "consumed") -> None:
        """Say in which totals of a month the current record's goods count, if not in the usual ones.

        Args:
            gain: ``produced`` or ``incoming``, for goods that appear with their holder.
            drop: ``consumed``, ``outgoing`` or ``lost``, for goods that leave it.
        """
        self.gain_counts_as, self.drop_counts_as = gain, drop

    def flow(self, holder: MemberId, product: ProductCode) -> Flow:
        """Return what the current record does to a product that lies with ``holder``."""
        return self.flows.setdefault((holder, product), Flow())

    def new_lot_id(self, part: int = 0) -> LotId:
        """Return the id of the lot number ``part`` that the current record makes."""
        return lot_id_of(self.tx_id, self.record_index, part)

    def name_sealed(self, attachment: Digest | None) -> None:
        """Note that the current record names a sealed attachment, if it does."""
        if attachment is not None:
            self.named_sealed.add(attachment)

    def alert(self, code: str, member: MemberId, sentence: str, **figures: int) -> None:
        """Record a finding about ``member``; masses in grams."""
        row = AlertRow(
            code=code,
            member=member,
            reference=self.reference,
            height=self.height,
            sentence=sentence,
            figures=tuple(figures.items()),
        )
        self.state.put(
            ALERTS, self.height, self.tx_id, self.record_index, self.alerts_count, row=row
        )
        self.alerts_count += 1

    def refuse(
        self, code: RefusalCode, sentence: str, *, field: str = "", **figures: Figure
    ) -> NoReturn:
        """Refuse the current record and with it the whole transaction."""
        raise Refused(code, sentence, field=field, record_index=self.record_index, **figures)

    def member(self, member: MemberId, *, field: str) -> MemberRow:
        """Return the row of an admitted member, or refuse."""
        row = self.state.get(MEMBERS, member)
        if row is None:
            self.refuse(
                RefusalCode.MEMBER_UNKNOWN,
                f"{member} is not in the register of admitted members.",
                field=field,
                member=member,
            )
        return row

    def active_member(self, member: MemberId, *, field: str) -> MemberRow:
        """Return the row of an admitted member that is not suspended, or refuse."""
        row = self.member(member, field=field)
        if row.status is not MemberStatus.ACTIVE:
            self.refuse(
                RefusalCode.MEMBER_NOT_ACTIVE,
                f"{member} is {row.status.name.lower()}: {row.status_reason}.",
                field=field,
                member=member,
            )
        return row

    def require_ministry(self, role: Role = Role.OPERATOR) -> None:
        """Refuse unless the author is the ministry, and ask for its signature."""
        if self.author != self.parameters.ministry:
            self.refuse(
                RefusalCode.NOT_THE_MINISTRY,
                f"only {self.parameters.ministry} may write this record, "
                f"the author is {self.author}.",
                author=self.author,
            )
        self.require(self.author, role)
