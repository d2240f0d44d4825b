"""The book of members, keys, facilities and products: who was allowed to write what, and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import Occurrence
from ledger.parsed import ParsedTransaction
from ledger.records.accept_transfer import AcceptTransfer
from ledger.records.add_key import AddKey
from ledger.records.admit_member import AdmitMember
from ledger.records.ballot import Ballot
from ledger.records.correct import Correct
from ledger.records.define_product import DefineProduct
from ledger.records.file_month import FileMonth
from ledger.records.new_key import NewKey
from ledger.records.pending import Approve, AwaitApproval
from ledger.records.propose import Propose
from ledger.records.record import Record
from ledger.records.register_facility import RegisterFacility
from ledger.records.reinstate_member import ReinstateMember
from ledger.records.reject_transfer import RejectTransfer
from ledger.records.revoke_key import RevokeKey
from ledger.records.succeed import Succeed
from ledger.records.suspend_member import SuspendMember
from ledger.records.update_member import UpdateMember
from ledger.vocabulary import Activity, ExternalNumberKind, MemberKind, OreKind, ProductClass, Role
from ledger.wire.scalars import FacilityId, MemberId, PublicKey, TimeMs, TxId

WHILE_SUSPENDED: Final[tuple[type[Record], ...]] = (
    AcceptTransfer,
    RejectTransfer,
    FileMonth,
    Correct,
    Ballot,
    Propose,
)
"""What a suspended member may still write, of the records that exist."""
BY_ADMIN: Final[tuple[type[Record], ...]] = (AddKey, RevokeKey)
"""What is signed by an admin key; everything else by an operator's."""


@dataclass(frozen=True, slots=True)
class BookKey:
    """A registered key."""

    owner: MemberId
    role: Role
    valid_from_ms: int
    valid_until_ms: int
    revoked_ms: int = 0
    person: str = ""


@dataclass(frozen=True, slots=True)
class BookFacility:
    """A registered facility."""

    owner: MemberId
    ore_kind: OreKind
    licence: str = ""


Entry: TypeAlias = tuple[str, tuple[Activity, ...], str, str, tuple[str, ...]]
"""Name, activities, group, province and licences of a member."""


@dataclass(slots=True)
class RegisterBook:
    """Keeps who is who."""

    findings: Findings
    ministry: MemberId
    now_ms: TimeMs
    """Time of the block that is being read."""
    members: dict[MemberId, bool] = field(default_factory=dict)
    """Whether each member is suspended."""
    entries: dict[MemberId, Entry] = field(default_factory=dict)
    succeeded: dict[MemberId, MemberId] = field(default_factory=dict)
    """In whose place another member stands, and who."""
    keys: dict[PublicKey, BookKey] = field(default_factory=dict)
    facilities: dict[FacilityId, BookFacility] = field(default_factory=dict)
    products: dict[str, ProductClass] = field(default_factory=dict)
    just_claimed: list[tuple[ExternalNumberKind, str, MemberId]] = field(default_factory=list)
    """Registry numbers and their members that no check has looked at yet."""
    authorities: set[MemberId] = field(default_factory=set)
    persons: dict[tuple[MemberId, Role], set[str]] = field(default_factory=dict)
    """Who signs the transaction that is being read, by member and role."""

    def check_signatures(self, transaction: ParsedTransaction, time_ms: TimeMs) -> None:
        """Find signatures by keys that were not valid, and authors that had no say."""
        signers: set[tuple[MemberId, Role]] = set()
        self.persons = {}
        for entry in transaction.signed.signatures:
            key = self.keys.get(entry.key)
            if key is None or key.revoked_ms or not _is_valid_at(key, time_ms):
                self.findings.add(
                    "key",
                    f"transaction {transaction.tx_id.hex()} is signed by {entry.key.hex()}, which "
                    f"was unknown, revoked or out of its validity at {time_ms} ms.",
                    transaction=transaction.tx_id.hex(),
                    key=entry.key.hex(),
                )
            else:
                signers.add((key.owner, key.role))
                self.persons.setdefault((key.owner, key.role), set()).add(key.person)
        for record in transaction.records:
            self._check_author(transaction, record, signers)

    def require(self, at: Occurrence, *needed: MemberId, persons: int = 1) -> None:
        """Find operator signatures of ``persons`` persons of each member that are not there."""
        for member in needed:
            if len(self.persons.get((member, Role.OPERATOR), ())) < persons:
                self.findings.add(
                    "author",
                    f"record {at.index} of transaction {at.tx_id.hex()} needs {persons} persons of "
                    f"{member} to sign.",
                    transaction=at.tx_id.hex(),
                )

    def require_inspectors(self, at: Occurrence) -> None:
        """Find an author that is no authority, and fewer than two of its persons."""
        if at.author not in self.authorities:
            self.findings.add("author", f"{at.author} is no authority and inspects.")
        self.require(at, at.author, persons=2)

    def is_suspended(self, member: MemberId) -> bool:
        """Tell whether a member is suspended; an unknown one is a finding elsewhere."""
        return self.members.get(member, False) or member in self.succeeded

    def admit(self, at: Occurrence, record: AdmitMember) -> None:
        """Enter a member with its keys."""
        if at.author != self.ministry or record.id in self.members:
            self.findings.add("author", f"{at.author} admits {record.id}, and may not.")
        self.members[record.id] = False
        self.entries[record.id] = (
            record.name, record.activities, record.group, record.province, record.licences,
        )  # fmt: skip
        if record.kind is MemberKind.AUTHORITY:
            self.authorities.add(record.id)
        for new in record.keys:
            self._enter_key(record.id, new)
        claims = [(ExternalNumberKind.REGISTRATION, record.registration)]
        claims += [(ExternalNumberKind.LICENCE, licence) for licence in record.licences]
        self.just_claimed.extend((kind, number, record.id) for kind, number in claims)

    def suspend(self, at: Occurrence, record: SuspendMember) -> None:
        """Note that a member may do little from now on."""
        if at.author != self.ministry or record.member not in self.members:
            self.findings.add("author", f"{at.author} suspends {record.member}, and may not.")
        self.members[record.member] = True

    def reinstate(self, at: Occurrence, record: ReinstateMember) -> None:
        """Note that a member may do everything again."""
        if at.author != self.ministry or not self.members.get(record.member):
            self.findings.add("author", f"{at.author} reinstates {record.member}, and may not.")
        self.members[record.member] = False

    def update(self, at: Occurrence, record: UpdateMember) -> None:
        """Enter what the register says from now on."""
        before = self.entries.get(record.member)
        if at.author != self.ministry or before is None:
            self.findings.add("author", f"{at.author} changes {record.member}, and may not.")
        known = () if before is None else before[4]
        self.just_claimed.extend(
            (ExternalNumberKind.LICENCE, licence, record.member)
            for licence in record.licences
            if licence not in known
        )
        self.entries[record.member] = (
            record.name, record.activities, record.group, record.province, record.licences,
        )  # fmt: skip

    def succeed(self, at: Occurrence, record: Succeed) -> None:
        """Close a member in whose place another one stands, or give one facility to another member."""
        if at.author != self.ministry or record.predecessor in self.succeeded:
            self.findings.add(
                "author", f"{at.author} has {record.predecessor} succeeded, and may not."
            )
        if not record.facility:
            self.succeeded[record.predecessor] = record.successor
            self.members[record.predecessor] = False
            return
        facility = FacilityId(record.facility)
        self.facilities[facility] = replace(self.facilities[facility], owner=record.successor)
        licence = self.facilities[facility].licence
        kept, more = self.entries[record.predecessor], self.entries[record.successor]
        if self.facilities[facility].ore_kind is not OreKind.NONE:
            left = tuple(known for known in kept[4] if known != licence)
            self.entries[record.predecessor] = (*kept[:4], left)
            self.entries[record.successor] = (*more[:4], (*more[4], licence))
            self.just_claimed.append((ExternalNumberKind.LICENCE, licence, record.successor))

    def add_key(self, at: Occurrence, record: AddKey) -> None:
        """Enter a key."""
        if at.author != record.owner:
            self.findings.add("author", f"{at.author} enters a key of {record.owner}.")
        self._enter_key(record.owner, record.new)

    def revoke_key(self, at: Occurrence, record: RevokeKey) -> None:
        """End a key's validity."""
        key = self.keys.get(record.key)
        if key is None or key.owner != at.author or key.revoked_ms:
            self.findings.add("key", f"{at.author} revokes {record.key.hex()}, and may not.")
            return
        self.keys[record.key] = replace(key, revoked_ms=self.now_ms)

    def register_facility(self, at: Occurrence, record: RegisterFacility) -> None:
        """Enter a facility."""
        if at.author != record.owner or record.id in self.facilities:
            self.findings.add("author", f"{at.author} registers {record.id}, and may not.")
        self.facilities[record.id] = BookFacility(record.owner, record.ore_kind, record.licence)

    def define_product(self, at: Occurrence, record: DefineProduct) -> None:
        """Enter a product's class, which it keeps for ever."""
        known = self.products.get(record.code, record.product_class)
        if at.author != self.ministry or known is not record.product_class:
            self.findings.add("author", f"{at.author} defines {record.code}, and may not.")
        self.products[record.code] = record.product_class

    def _enter_key(self, owner: MemberId, new: NewKey) -> None:
        if new.key in self.keys:
            self.findings.add("key", f"key {new.key.hex()} is entered twice.")
        self.keys[new.key] = BookKey(
            owner, new.role, new.valid_from_ms, new.valid_until_ms, person=new.person
        )

    def _check_author(
        self, transaction: ParsedTransaction, record: Record, signers: set[tuple[MemberId, Role]]
    ) -> None:
        author = transaction.author
        if isinstance(record, AwaitApproval | Approve):
            # Whether all have signed shows when the record takes effect.
            if self.is_suspended(author):
                self.findings.add("author", f"{author} approves while it is suspended.")
            return
        self.check_record(transaction.tx_id, author, record, signers)

    def check_record(
        self, tx_id: TxId, author: MemberId, record: Record, signers: set[tuple[MemberId, Role]]
    ) -> None:
        """Find signatures that a record needs and has not got, and an author that was suspended."""
        role = Role.ADMIN if isinstance(record, BY_ADMIN) else Role.OPERATOR
        if isinstance(record, FileMonth):
            role = Role.FILING
        needed = {(author, role)}
        if isinstance(record, RegisterFacility):
            needed.add((self.ministry, Role.OPERATOR))
        if isinstance(record, Succeed):
            needed.add((record.successor, Role.ADMIN))
        if not needed <= signers:
            self.findings.add(
                "author",
                f"{type(record).__name__} of {author} in transaction {tx_id.hex()} "
                "lacks a signature in the role that it needs.",
                transaction=tx_id.hex(),
            )
        if self.is_suspended(author) and not isinstance(record, WHILE_SUSPENDED):
            self.findings.add(
                "author",
                f"{author} wrote {type(record).__name__} while it was suspended.",
                transaction=tx_id.hex(),
            )


def _is_valid_at(key: BookKey, time_ms: int) -> bool:
    return key.valid_from_ms <= time_ms < key.valid_until_ms
