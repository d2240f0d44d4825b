"""One node's row against the good copy: what is wrong with it, once for each fault.

A row is good when its block is byte for byte the decided one and its proof proves it. Otherwise, by what
can be read:

* its certificate decides another block: a **fork**, whatever the copy says;
* it is no block at all: not canonical;
* it has the decided header and other content: an altered record, told field by field;
* its header is of another height: blocks were removed, doubled or swapped;
* it is another block: altered; if later blocks build on it they belong to the same finding, and if one of
  them turns out to be certified, the finding becomes a fork.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from client.verify.compare import (
    CopyDifference,
    block_sentence,
    content_differences,
    damage_in,
    header_differences,
    suspects_in,
)
from client.verify.findings import AuditFinding, AuditFindings, FindingCode
from client.verify.proofs import BlockProofError, CertificateChecker
from client.verify.replay import ContentError, read_content
from client.verify.window import BlockCopy, KeptRow
from client.verify.words import short
from ledger.wire.block import Block, Header
from ledger.wire.certificate import Certificate
from ledger.wire.codec import encode
from ledger.wire.scalars import BlockId, Height

SENTENCES_MAX = 4


@dataclass(frozen=True, slots=True)
class Reference:
    """The decided block of one height, and why it is decided."""

    height: Height
    block_id: BlockId
    block: Block
    copy: BlockCopy
    below: Header
    certificate: Certificate | None
    """Finalization of this block or of a later one; None for the genesis block."""


@dataclass(slots=True)
class _Branch:
    """A run of blocks of one node that build on each other and not on the history."""

    first: Height
    last: Height
    last_id: BlockId
    number: int | None
    """Its finding."""
    is_fork: bool


class Judge:
    """Compares rows with references and makes findings."""

    def __init__(
        self, names: list[str], checker: CertificateChecker, findings: AuditFindings
    ) -> None:
        self._names = names
        self._checker = checker
        self._findings = findings
        self._branches: dict[int, _Branch] = {}

    def judge(self, source: int, row: KeptRow, reference: Reference) -> None:
        """Compare a row with the decided block of its height."""
        if row.decided not in (None, reference.block_id):
            self._judge_fork(source, row, reference)
        elif row.copy.block_id == reference.block_id:
            self._branches.pop(source, None)
            if row.copy is not reference.copy:
                self._judge_content(source, row, reference)
            self._judge_proof(source, row, reference)
        elif row.copy.block is None:
            self._judge_damage(source, row.copy, reference)
        else:
            self._judge_other(source, row.copy, row.copy.block, reference)

    def _judge_content(self, source: int, row: KeptRow, reference: Reference) -> None:
        if row.copy.block is None:
            return
        for difference in content_differences(reference.block, row.copy.block):
            self._report(FindingCode.RECORD_ALTERED, source, reference.height, difference)

    def _judge_proof(self, source: int, row: KeptRow, reference: Reference) -> None:
        problem = self.problem_of_proof(row, reference.block_id, reference.block, reference.below)
        if problem is not None:
            self._report(
                FindingCode.PROOF_INVALID,
                source,
                reference.height,
                CopyDifference(None, problem.reason, problem.expected, problem.found),
            )

    def problem_of_proof(
        self, row: KeptRow, block_id: BlockId, block: Block, below: Header
    ) -> BlockProofError | None:
        """Return why the proof of a row does not prove a block, None when it does."""
        if row.proof_error:
            return BlockProofError(row.proof_error)
        if row.proof is None:
            return None
        try:
            self._checker.check_proof(row.proof, block_id, block.header, below)
        except BlockProofError as problem:
            return problem
        return None

    def _judge_damage(self, source: int, copy: BlockCopy, reference: Reference) -> None:
        damage = damage_in(reference.block, copy.data)
        self._report(
            FindingCode.NOT_CANONICAL,
            source,
            reference.height,
            CopyDifference(
                damage.place,
                f"{damage.what}, and it can no longer be read as a block ({copy.error})",
                damage.expected,
                damage.found,
            ),
        )

    def _judge_other(
        self, source: int, copy: BlockCopy, block: Block, reference: Reference
    ) -> None:
        if self.continues_branch(source, copy, reference.height):
            return
        header = block.header
        if header.height != reference.height:
            self._report(
                FindingCode.WRONG_PLACE,
                source,
                reference.height,
                wrong_place(reference.height, header),
            )
            return
        changes = header_differences(reference.block, block)
        contents = content_differences(reference.block, block)
        first = contents[0] if contents else changes[0]
        sentences = [
            f"{change.place.sentence()}: {change.what}" if change.place else change.what
            for change in (*contents, *changes)
        ]
        number = self._report(
            FindingCode.HEADER_ALTERED,
            source,
            reference.height,
            CopyDifference(
                first.place, "; ".join(sentences[:SENTENCES_MAX]), first.expected, first.found
            ),
        )
        self._start_branch(source, copy, reference.height, number, is_fork=False)

    def _judge_fork(self, source: int, row: KeptRow, reference: Reference) -> None:
        """A certificate decides another block than the reference."""
        branch = self._branches.get(source)
        if (
            branch is not None
            and branch.is_fork
            and branch.last
            in (
                reference.height,
                reference.height - 1,
            )
        ):
            self.continues_branch(source, row.copy, reference.height)
            return
        continued = self.continues_branch(source, row.copy, reference.height)
        branch = self._branches.get(source)
        first = branch.first if continued and branch is not None else reference.height
        finding = self._fork(source, row, reference, first)
        if continued and branch is not None and branch.number is not None:
            self._findings.exchange(branch.number, finding)
            branch.is_fork = True
            return
        number = self._findings.add(finding)
        self._start_branch(source, row.copy, reference.height, number, is_fork=True)

    def _fork(self, source: int, row: KeptRow, reference: Reference, first: Height) -> AuditFinding:
        mine, other = reference.certificate, row.certificate
        both = self._checker.signed_both(mine, other) if mine and other else []
        theirs = (
            block_sentence(row.copy.block, row.copy.block_id or b"")
            if row.copy.block is not None
            else short(row.decided or b"")
        )
        evidence = {}
        if mine is not None and other is not None:
            evidence = {
                "certificate": encode(mine).hex(),
                "signed_by": ", ".join(self._checker.names_of(mine)),
                "other_certificate": encode(other).hex(),
                "other_signed_by": ", ".join(self._checker.names_of(other)),
                "header": encode(reference.block.header).hex(),
                "signed_both": ", ".join(both),
            }
            if row.copy.block is not None:
                evidence["other_header"] = encode(row.copy.block.header).hex()
        return AuditFinding(
            code=FindingCode.FORK,
            node=self._names[source],
            height=first,
            until=reference.height if reference.height > first else None,
            what=(
                f"two certified histories part at block {first}: "
                f"{block_sentence(reference.block, reference.block_id)} against {theirs}; "
                f"both were signed by {', '.join(both) or 'nobody'}"
            ),
            expected=reference.block_id.hex(),
            found=(row.decided or b"").hex(),
            evidence=evidence,
        )

    def continues_branch(self, source: int, copy: BlockCopy, height: Height) -> bool:
        """Tell whether a copy builds on the node's own branch, which then reaches to ``height``."""
        branch = self._branches.get(source)
        if branch is None or copy.block is None or copy.block_id is None:
            return False
        header = copy.block.header
        if (header.parent, header.height) != (branch.last_id, branch.last + 1) or (
            header.height != height
        ):
            return False
        branch.last, branch.last_id = height, copy.block_id
        if branch.number is not None:
            self._findings.extend(branch.number, height)
        return True

    def _start_branch(
        self, source: int, copy: BlockCopy, height: Height, number: int | None, *, is_fork: bool
    ) -> None:
        if copy.block_id is not None:
            self._branches[source] = _Branch(height, height, copy.block_id, number, is_fork)

    def judge_without_reference(
        self, source: int, row: KeptRow, height: Height, decided: BlockId
    ) -> None:
        """Say what is wrong with a row when no copy holds the block that is decided there."""
        copy = row.copy
        if copy.block is None:
            difference = CopyDifference(None, f"it cannot be read as a block ({copy.error})")
            self._report(FindingCode.NOT_CANONICAL, source, height, difference)
        elif copy.block.header.height != height:
            self._report(
                FindingCode.WRONG_PLACE, source, height, wrong_place(height, copy.block.header)
            )
        elif copy.block_id != decided:
            place = next(iter(suspects_in(copy.block)), None)
            what = (
                "the header hashes to another id than the one that the validators signed and that "
                "the block above names as its parent"
            )
            if place is not None:
                what += f"; {place.what}"
            self._report(
                FindingCode.HEADER_ALTERED,
                source,
                height,
                CopyDifference(
                    place.place if place else None,
                    what,
                    decided.hex(),
                    (copy.block_id or b"").hex(),
                ),
            )

    def judge_content_lost(
        self, source: int, copy: BlockCopy, height: Height, problem: ContentError
    ) -> None:
        """Say what is wrong with a copy whose content is wrong, when no copy's is right."""
        suspects = suspects_in(copy.block) if copy.block is not None else []
        first = suspects[0] if suspects else CopyDifference(None, "")
        told = "; ".join(
            f"{suspect.place.sentence()}: {suspect.what}" if suspect.place else suspect.what
            for suspect in suspects[:SENTENCES_MAX]
        )
        self._report(
            FindingCode.TRANSACTION_ROOT,
            source,
            height,
            CopyDifference(
                first.place,
                f"{problem.reason}; {told}" if told else problem.reason,
                problem.expected,
                problem.found,
            ),
        )

    def judge_uncertified(self, source: int, rows: list[KeptRow], below: Reference) -> None:
        """Say what can be said of a node's last rows, on top of ``below``, when nothing decides them."""
        header, block_id = below.block.header, below.block_id
        for offset, row in enumerate(rows):
            height = Height(below.height + 1 + offset)
            if self.continues_branch(source, row.copy, height):
                return
            problem = self._problem_of_loose(source, row, height, block_id)
            if problem or row.copy.block is None or row.copy.block_id is None:
                return
            proof = self.problem_of_proof(row, row.copy.block_id, row.copy.block, header)
            if proof is not None:
                self._report(
                    FindingCode.PROOF_INVALID,
                    source,
                    height,
                    CopyDifference(None, proof.reason, proof.expected, proof.found),
                )
            elif not offset:
                self._findings.add(self._not_certified(source, rows, below))
            header, block_id = row.copy.block.header, row.copy.block_id

    def _not_certified(self, source: int, rows: list[KeptRow], below: Reference) -> AuditFinding:
        first, last = Height(below.height + 1), Height(below.height + len(rows))
        return AuditFinding(
            code=FindingCode.NOT_CERTIFIED,
            node=self._names[source],
            height=first,
            until=last if last > first else None,
            what=f"no certificate covers the last {len(rows)} blocks of this copy",
            expected="a certificate for one of them",
            found="none",
        )

    def _problem_of_loose(self, source: int, row: KeptRow, height: Height, parent: BlockId) -> bool:
        """Report what is wrong with the block of a row that nothing decides; tell whether it is."""
        copy = row.copy
        if copy.block is None:
            difference = CopyDifference(None, f"it cannot be read as a block ({copy.error})")
            self._report(FindingCode.NOT_CANONICAL, source, height, difference)
            return True
        header = copy.block.header
        if header.height != height:
            self._report(FindingCode.WRONG_PLACE, source, height, wrong_place(height, header))
            return True
        if header.parent != parent:
            self._report(
                FindingCode.BROKEN_LINK,
                source,
                height,
                CopyDifference(
                    None,
                    "it names another parent than the block below it",
                    parent.hex(),
                    header.parent.hex(),
                ),
            )
            return True
        try:
            read_content(copy.block)
        except ContentError as problem:
            self.judge_content_lost(source, copy, height, problem)
            return True
        return False

    def judge_detached(self, source: int, rows: list[KeptRow], below: Reference) -> bool:
        """Report a certified block that does not stand on the certified block below it.

        Of the rows above ``below`` the first is looked at, and the following ones while they go on
        with a branch of this node; tell whether these rows are explained by it.
        """
        for offset, row in enumerate(rows):
            height = Height(below.height + 1 + offset)
            is_certified = row.decided is not None and row.decided == row.copy.block_id
            if self.continues_branch(source, row.copy, height):
                branch = self._branches[source]
                if is_certified and not branch.is_fork and branch.number is not None:
                    finding = self._fork(source, row, below, branch.first)
                    self._findings.exchange(branch.number, replace(finding, until=height))
                    branch.is_fork = True
                continue
            if is_certified and not offset:
                number = self._findings.add(self._fork(source, row, below, below.height))
                self._start_branch(source, row.copy, height, number, is_fork=True)
                return True
            return offset > 0
        return True

    def _report(
        self, code: FindingCode, source: int, height: Height, difference: CopyDifference
    ) -> int | None:
        return self._findings.add(
            AuditFinding(
                code=code,
                node=self._names[source],
                height=height,
                what=difference.what,
                record=difference.place,
                expected=difference.expected,
                found=difference.found,
            )
        )


def wrong_place(height: Height, header: Header) -> CopyDifference:
    """Return the words for a block that stands at another height than its own."""
    return CopyDifference(
        None,
        f"block {header.height} stands in the place of block {height}",
        f"block {height}",
        f"block {header.height}",
    )
