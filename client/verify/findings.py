"""What an audit can find: one code for each sort of fault, with what it means and what to do.

A finding names the node whose copy it concerns (none, when it concerns the history itself), the height,
the record where that is known, and what was expected and found. Codes are stable: programs may rely
on them; sentences may change. Faults of the same sort in consecutive blocks of one node are one finding
that reaches from ``height`` to ``until``, and each node has a limit of findings that are kept in full, so
that a node that is wrong everywhere does not fill the memory of the auditor.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from client.verify.verdict import AuditVerdict
from ledger.wire.scalars import Height, TxId

FINDINGS_PER_NODE_MAX: Final = 100
"""AuditFindings kept in full for one node; further ones are counted."""


class FindingCode(StrEnum):
    """The sorts of faults. The value is stable and part of the JSON report."""

    GENESIS_DIFFERS = "genesis_differs"
    NOT_CANONICAL = "not_canonical"
    WRONG_PLACE = "wrong_place"
    BROKEN_LINK = "broken_link"
    HEADER_ALTERED = "header_altered"
    RECORD_ALTERED = "record_altered"
    TRANSACTION_ROOT = "transaction_root"
    PROOF_INVALID = "proof_invalid"
    NOT_CERTIFIED = "not_certified"
    RULES_BROKEN = "rules_broken"
    INVARIANT_BROKEN = "invariant_broken"
    FORK = "fork"
    TAIL_CUT = "tail_cut"
    CLAIM_NOT_KEPT = "claim_not_kept"
    UNREACHABLE = "unreachable"
    ANSWER_UNUSABLE = "answer_unusable"
    NO_BLOCKS = "no_blocks"
    GENESIS_NOT_PINNED = "genesis_not_pinned"
    END_NOT_FIXED = "end_not_fixed"
    SAME_NODE_TWICE = "same_node_twice"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code stands for."""

    verdict: AuditVerdict
    check: str
    """Name of the check that failed (``client.verify.audit.CHECKS``)."""
    meaning: str
    action: str
    extends: bool = False
    """Whether the same fault in consecutive blocks of one node is one finding."""


_KEEP: Final = (
    "Keep this store as evidence. Stop the node, run `monazite node rebuild HOME`, and start it: "
    "it fetches the history again from its peers, and its journal is kept."
)

EXPLANATIONS: Final[dict[FindingCode, Explanation]] = {
    FindingCode.GENESIS_DIFFERS: Explanation(
        AuditVerdict.TAMPERED,
        "genesis",
        "The node starts from another genesis: it is of another network, or its start was forged.",
        "Compare the SHA-256 of the genesis out of band with the members that founded the network.",
    ),
    FindingCode.NOT_CANONICAL: Explanation(
        AuditVerdict.TAMPERED,
        "canonical form",
        "The bytes are no block in the one spelling that a block has: they were changed or damaged "
        "after the block was decided.",
        _KEEP,
        extends=True,
    ),
    FindingCode.WRONG_PLACE: Explanation(
        AuditVerdict.TAMPERED,
        "heights",
        "Another block stands in this place: blocks were removed, doubled or swapped.",
        _KEEP,
        extends=True,
    ),
    FindingCode.BROKEN_LINK: Explanation(
        AuditVerdict.TAMPERED,
        "links",
        "The block names another parent than the block below it: one of the two was exchanged.",
        _KEEP,
    ),
    FindingCode.HEADER_ALTERED: Explanation(
        AuditVerdict.TAMPERED,
        "copies compared",
        "This copy holds a block that the validators did not decide; no certificate covers it. The "
        "signed history was not rewritten, only this copy of it.",
        _KEEP,
    ),
    FindingCode.RECORD_ALTERED: Explanation(
        AuditVerdict.TAMPERED,
        "copies compared",
        "This copy was changed after the block was decided: its content does not hash to what the "
        "validators signed. The signed history was not rewritten, only this copy of it.",
        _KEEP,
    ),
    FindingCode.TRANSACTION_ROOT: Explanation(
        AuditVerdict.TAMPERED,
        "transaction roots",
        "The content of the block does not hash to what its header commits to, and no node that was "
        "asked has an unchanged copy.",
        "Ask the other nodes of the network for this block; add them as further targets.",
    ),
    FindingCode.PROOF_INVALID: Explanation(
        AuditVerdict.TAMPERED,
        "certificates",
        "What the node keeps as proof of this block does not prove it: it was changed, damaged or "
        "taken from elsewhere.",
        "Do not rely on receipts of this node; the others prove the block.",
        extends=True,
    ),
    FindingCode.NOT_CERTIFIED: Explanation(
        AuditVerdict.TAMPERED,
        "certificates",
        "No certificate covers these blocks. A node stores blocks together with the certificate "
        "that decides them, so either the proofs were removed or nobody decided these blocks.",
        "Ask the other nodes of the network for these blocks; add them as further targets.",
    ),
    FindingCode.RULES_BROKEN: Explanation(
        AuditVerdict.TAMPERED,
        "rules replayed",
        "A quorum of validators signed a block that does not follow from the history by the rules: "
        "they run other rules, or they collude.",
        "Stop accepting records, and examine the software of the validators that signed.",
    ),
    FindingCode.INVARIANT_BROKEN: Explanation(
        AuditVerdict.TAMPERED,
        "invariants",
        "Applying the rules led to a state that contradicts itself: the rules have an error.",
        "Report it with this history; until it is explained, treat the figures named as wrong.",
    ),
    FindingCode.FORK: Explanation(
        AuditVerdict.FORK,
        "certificates",
        "Two histories are both certified. Every validator named has signed both, which no correct "
        "validator does.",
        "Stop accepting records from both branches; the two certificates in the JSON report prove "
        "it to anybody.",
    ),
    FindingCode.TAIL_CUT: Explanation(
        AuditVerdict.TRUNCATED,
        "ends",
        "What this node keeps is valid but ends early: its tail was cut, or it has stopped "
        "following the network.",
        "Ask its operator why; until it has caught up, ask other nodes.",
    ),
    FindingCode.CLAIM_NOT_KEPT: Explanation(
        AuditVerdict.TRUNCATED,
        "ends",
        "The node says that its history is longer than what it gives.",
        "Ask its operator why; ask other nodes for the missing blocks.",
    ),
    FindingCode.UNREACHABLE: Explanation(
        AuditVerdict.INCOMPLETE,
        "sources",
        "The node did not answer, so its copy could not be checked from there on.",
        "Check the address and the network, and run the audit again.",
    ),
    FindingCode.ANSWER_UNUSABLE: Explanation(
        AuditVerdict.INCOMPLETE,
        "sources",
        "The node answered something that no node answers, so its copy could not be checked from "
        "there on.",
        "Check that the address is that of a node; tell its operator.",
    ),
    FindingCode.NO_BLOCKS: Explanation(
        AuditVerdict.INCOMPLETE,
        "sources",
        "The node gave no block at all, so there is nothing of it to check.",
        "Check that the address is that of a node of this network.",
    ),
    FindingCode.GENESIS_NOT_PINNED: Explanation(
        AuditVerdict.INCOMPLETE,
        "genesis",
        "The start of the history was taken from a node that is being checked: a history that is "
        "forged from the start cannot be seen.",
        "Get the genesis, or its SHA-256, from somebody you trust and give it with --genesis.",
    ),
    FindingCode.END_NOT_FIXED: Explanation(
        AuditVerdict.INCOMPLETE,
        "ends",
        "Fewer than two nodes vouch for where the history ends: a tail that was cut there cannot be "
        "seen.",
        "Give a further node of another member, that runs or was stopped later, as a target.",
    ),
    FindingCode.SAME_NODE_TWICE: Explanation(
        AuditVerdict.INCOMPLETE,
        "ends",
        "Several targets call themselves the same node, so they do not vouch for each other.",
        "Give nodes of different members.",
    ),
}


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """A transaction of a block, or one record of it, in figures and in words."""

    transaction: int
    tx_id: TxId | None
    author: str
    record: int | None = None
    """Index of the record; None when the transaction as a whole is meant."""
    record_type: str = ""

    def sentence(self) -> str:
        """Return the place for people."""
        author = f" of {self.author}" if self.author else ""
        if self.record is None:
            return f"transaction {self.transaction}{author}"
        kind = f" ({self.record_type})" if self.record_type else ""
        return f"transaction {self.transaction}{author}, record {self.record}{kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """One fault."""

    code: FindingCode
    what: str
    """What is wrong here, in words."""
    node: str = ""
    """Whose copy; empty when it concerns the history or the audit."""
    height: Height | None = None
    until: Height | None = None
    """Last height of a fault that reaches over several blocks; None for one block."""
    record: RecordPlace | None = None
    expected: str = ""
    found: str = ""
    evidence: dict[str, str] = field(default_factory=dict)
    """Proof for third parties: names and hexadecimal bytes."""

    @property
    def explanation(self) -> Explanation:
        """What the code means."""
        return EXPLANATIONS[self.code]

    @property
    def last(self) -> Height | None:
        """The last height that is concerned."""
        return self.height if self.until is None else self.until


class AuditFindings:
    """All findings of an audit, in the order in which they were made."""

    def __init__(self) -> None:
        self._findings: list[AuditFinding] = []
        self._kept: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        """How many findings of a node were not kept, by node."""

    def all(self) -> tuple[AuditFinding, ...]:
        """Return the findings."""
        return tuple(self._findings)

    def add(self, finding: AuditFinding) -> int | None:
        """Keep a finding, or extend the one before it; return its number, None if not kept."""
        if finding.explanation.extends:
            for number in range(len(self._findings) - 1, -1, -1):
                before = self._findings[number]
                if before.node == finding.node and before.code is finding.code:
                    if self.extend(number, finding.height):
                        return number
                    break
        kept = self._kept.get(finding.node, 0)
        if kept >= FINDINGS_PER_NODE_MAX:
            self.dropped[finding.node] = self.dropped.get(finding.node, 0) + 1
            return None
        self._kept[finding.node] = kept + 1
        self._findings.append(finding)
        return len(self._findings) - 1

    def extend(self, number: int, height: Height | None) -> bool:
        """Let a finding reach to the next height; tell whether ``height`` is the next."""
        finding = self._findings[number]
        if height is None or finding.last is None or not 0 <= height - finding.last <= 1:
            return False
        if height > finding.last:
            self._findings[number] = replace(finding, until=height)
        return True

    def exchange(self, number: int, finding: AuditFinding) -> None:
        """Put another finding in the place of one: more has become known about it."""
        self._findings[number] = finding
