"""The book of proposals and ballots, and of what they decided: from when on, and never by one party alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ledger.invariants.finding import Findings
from ledger.invariants.lot_book import Occurrence
from ledger.invariants.register_book import BookKey, RegisterBook
from ledger.parameters_in_force import decode_parameter
from ledger.records.ballot import Ballot
from ledger.records.proposal_content import (
    ChangeValidators,
    Content,
    ReplaceAdminKey,
    SetParameter,
    SwitchRules,
)
from ledger.records.propose import Propose
from ledger.state.rows import ParametersRow, ProposalRow, ValidatorRow
from ledger.state.tables import PROPOSALS, SCHEDULE, VALIDATORS
from ledger.store import STATE, Reader
from ledger.vocabulary import BallotChoice
from ledger.wire.codec import decode
from ledger.wire.scalars import MemberId, PublicKey

_THIRTY_DAYS_MS = 2_592_000_000


@dataclass(slots=True)
class BookProposal:
    """Something that was put to the vote."""

    content: Content
    proposer: MemberId
    ends_ms: int
    yes: list[MemberId] = field(default_factory=list)
    no: list[MemberId] = field(default_factory=list)
    passed_at: int = 0


class GovernanceBook:
    """Counts ballots and keeps the parameters of every height."""

    def __init__(
        self, findings: Findings, register: RegisterBook, parameters: ParametersRow, reader: Reader
    ) -> None:
        """Take over what stands in the store on which the books are opened."""
        self._findings, self._register = findings, register
        self.parameters = parameters
        """Those in force in the block that is being read."""
        self._to_come: list[tuple[int, str, bytes]] = []
        self._proposals: dict[bytes, BookProposal] = {}
        data = reader.get(STATE + VALIDATORS.key())
        rows = () if data is None else decode(VALIDATORS.kind, data).validators
        self._validators: tuple[ValidatorRow, ...] = rows
        schedule = reader.get(STATE + SCHEDULE.key())
        if schedule is not None:
            entries = decode(SCHEDULE.kind, schedule).entries
            self._to_come = [(entry.height, entry.name, entry.value) for entry in entries]
        prefix = STATE + PROPOSALS.prefix
        for key, value in reader.scan(prefix):
            row = decode(PROPOSALS.kind, value)
            self._proposals[key[len(prefix) :]] = _proposal_of(row)

    def begin(self, height: int) -> bool:
        """Turn to a block; tell whether parameters change with it."""
        due = [change for change in self._to_come if change[0] <= height]
        self._to_come = [change for change in self._to_come if change[0] > height]
        before = self.parameters
        for _height, name, value in due:
            if name != "rules_version":
                changed: dict[str, Any] = {name: decode_parameter(name, value)}
                self.parameters = msgspec.structs.replace(self.parameters, **changed)
        return self.parameters != before

    def propose(self, at: Occurrence, record: Propose) -> None:
        """Enter a proposal, with the ballot of a proposer that runs a validator."""
        proposal = BookProposal(record.content, at.author, at.time_ms + _THIRTY_DAYS_MS)
        operators = {row.member for row in self._validators}
        if at.author not in operators | {self.parameters.ministry}:
            self._findings.add("governance", f"{at.author} proposes, and may not.")
        if at.author in operators:
            proposal.yes.append(at.author)
        self._proposals[at.tx_id + at.index.to_bytes(8, "big")] = proposal
        self._decide(proposal, at)

    def vote(self, at: Occurrence, record: Ballot) -> MemberId | None:
        """Enter a ballot; return who proposed."""
        key = record.proposal.tx_id + record.proposal.index.to_bytes(8, "big")
        proposal = self._proposals.get(key)
        if proposal is None or proposal.passed_at or at.time_ms >= proposal.ends_ms:
            self._findings.add("governance", f"{at.author} votes on what is not open.")
            return None
        may = {row.member for row in self._validators}
        if isinstance(proposal.content, ReplaceAdminKey):
            may.add(self.parameters.ministry)
        if at.author not in may or at.author in (*proposal.yes, *proposal.no):
            self._findings.add("governance", f"{at.author} votes, and may not.")
        (proposal.yes if record.choice is BallotChoice.YES else proposal.no).append(at.author)
        if record.choice is BallotChoice.YES:
            self._decide(proposal, at)
        return proposal.proposer

    def owner_of_key(self, record: Propose | Ballot) -> MemberId | None:
        """Return whose admin key a proposal or a consenting ballot is about."""
        if isinstance(record, Propose):
            content: Content | None = record.content
        else:
            key = record.proposal.tx_id + record.proposal.index.to_bytes(8, "big")
            found = self._proposals.get(key)
            content = (
                found.content if found is not None and record.choice is BallotChoice.YES else None
            )
        return content.owner if isinstance(content, ReplaceAdminKey) else None

    def compare(self, reader: Reader) -> None:
        """Note every difference between the book and the proposals and parameters of a store."""
        prefix = STATE + PROPOSALS.prefix
        found = {
            key[len(prefix) :]: _proposal_of(decode(PROPOSALS.kind, value))
            for key, value in reader.scan(prefix)
        }
        for place in sorted({*found, *self._proposals}):
            self._findings.expect(
                "governance",
                f"proposal {place.hex()}",
                expected=self._proposals.get(place),
                found=found.get(place),
            )

    def _decide(self, proposal: BookProposal, at: Occurrence) -> None:
        """Let a proposal take effect as soon as enough agree, and not without an authority."""
        weight = sum(row.member in proposal.yes for row in self._validators)
        count = len(self._validators)
        voters = {row.member for row in self._validators} & set(proposal.yes)
        ministry = self.parameters.ministry
        is_alone = voters == {ministry} and {row.member for row in self._validators} != voters
        if 3 * (count - weight) > count - 1 or is_alone or not voters & self._register.authorities:
            return
        content = proposal.content
        if isinstance(content, ReplaceAdminKey):
            if ministry not in proposal.yes and content.owner != ministry:
                return
            self._replace_keys(content, at.time_ms)
        elif not isinstance(content, ChangeValidators):
            name, value = _change_of(content)
            height = max(content.from_height, self._findings.height + 1)
            # After what was decided earlier for the same height.
            place = sum(change[0] <= height for change in self._to_come)
            self._to_come.insert(place, (height, name, value))
        proposal.passed_at = self._findings.height

    def _replace_keys(self, content: ReplaceAdminKey, time_ms: int) -> None:
        register, new = self._register, content.new
        for public, key in register.keys.items():
            if key.owner == content.owner and key.role == new.role and not key.revoked_ms:
                register.keys[public] = replace(key, revoked_ms=time_ms)
        if new.key in register.keys:
            self._findings.add("key", f"key {new.key.hex()} is entered twice.")
        entered = BookKey(
            content.owner, new.role, new.valid_from_ms, new.valid_until_ms, person=new.person
        )
        register.keys[PublicKey(new.key)] = entered


def _change_of(content: SetParameter | SwitchRules) -> tuple[str, bytes]:
    if isinstance(content, SwitchRules):
        return "rules_version", content.version.to_bytes(2, "big")
    return content.name, content.value


def _proposal_of(row: ProposalRow) -> BookProposal:
    kind: Any = Content
    content: Content = decode(kind, row.content)
    return BookProposal(
        content, row.proposer, row.expires_ms, list(row.yes), list(row.no), row.decided_height
    )
