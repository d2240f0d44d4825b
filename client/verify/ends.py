"""Where each source ends, and who vouches for the end of the history.

A certificate proves that a block is final, not that it is the last one. So the end needs two nodes that both
hold the last block: two sources of different names, of which neither is a copy of the other's store.

* A source vouches for what it holds, and for nothing above it. One that held less when it was read is asked
  once more at the end; the home of a stopped node is not, because it cannot have got further.
* Sources that call themselves the same are one witness. One that does not name its node may be a copy of any
  other, so it is a witness only where no named source is, and all of these together are one.
* With fewer than two witnesses of the last block the end is not fixed, and the finding says up to which block
  it is.
* A running node that ends more than ``BEHIND_BLOCKS_MAX`` before the others is a finding; up to that many it
  is said to be behind. A stopped node's home is honestly behind, however far: it is said where it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from client.verify.audit import Audit
from client.verify.findings import AuditFinding, FindingCode
from client.verify.source import TipClaim
from ledger.wire.scalars import Height

BEHIND_BLOCKS_MAX: Final = 16
"""Blocks by which a running node may be behind the others and still be said to follow them."""
WITNESSES_WANTED: Final = 2
_NUMBERS: Final = ("no node", "one", "two", "three", "four", "five", "six", "seven", "eight")


@dataclass(slots=True)
class SourceAccount:
    """What became of one source."""

    name: str
    claim: TipClaim | None = None
    document: bytes | None = None
    """The genesis document that it serves."""
    last: Height | None = None
    """Height of the last row that it gave."""
    checked_to: Height | None = None
    failure: str = ""
    """Why nothing more came from it; empty when it simply ended."""
    holds_tip: bool = False
    """It was asked again at the end and holds the last block."""

    @property
    def node(self) -> str:
        """What the node calls itself; empty when it has no name to give."""
        return self.claim.node if self.claim is not None else ""

    @property
    def is_stopped(self) -> bool:
        """Whether it is the home of a stopped node."""
        return self.claim is not None and self.claim.is_stopped


@dataclass(frozen=True, slots=True)
class Witness:
    """One source that has something to say about the end."""

    node: str
    """What it calls itself; empty when it has no name."""
    target: str
    holds_to: Height
    """Up to where it holds the history that was checked."""


@dataclass(frozen=True, slots=True)
class EndOfHistory:
    """Who vouches for the end, as far as anybody does."""

    height: Height
    """The last block that was checked."""
    witnesses: tuple[Witness, ...] = ()

    @property
    def vouching(self) -> int:
        """How many nodes vouch for the last block."""
        return self.count_at(self.height)

    @property
    def fixed_to(self) -> Height | None:
        """The highest block that two nodes vouch for; None when there is none."""
        heights = {witness.holds_to for witness in self.witnesses}
        fixed = [it for it in heights if self.count_at(it) >= WITNESSES_WANTED]
        return max(fixed, default=None)

    def at(self, height: Height) -> list[Witness]:
        """Return the sources that hold the block at ``height``."""
        return [witness for witness in self.witnesses if witness.holds_to >= height]

    def count_at(self, height: Height) -> int:
        """Return how many nodes hold the block at ``height``."""
        holding = self.at(height)
        return len({it.node for it in holding if it.node}) or int(bool(holding))

    def sentence(self) -> str:
        """Return who vouches for what, in words."""
        fixed = self.fixed_to
        if fixed is not None and fixed < self.height:
            through, above = self.count_at(fixed), self.vouching
            return (
                f"through block {fixed} {number_word(through)} nodes, above it {number_word(above)}"
            )
        if not any(witness.node for witness in self.witnesses):
            return (
                "no source that vouches for the end of the history names its node; all may be copies "
                "of one"
            )
        alone = "one node alone vouches for the end of the history"
        if all(witness.node for witness in self.witnesses):
            return alone
        return f"{alone}; a source that does not name its node may be a copy of it"


def number_word(number: int) -> str:
    """Return a small number in words, a larger one in digits."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def judge_ends(
    audit: Audit, accounts: Sequence[SourceAccount]
) -> tuple[EndOfHistory, list[AuditFinding]]:
    """Return who vouches for the end, and what is wrong with where each source ends."""
    findings: list[AuditFinding] = []
    held: list[Witness] = []
    delivered: list[Witness] = []
    for number, account in enumerate(accounts):
        if account.failure:
            continue
        if account.last is None:
            what = "it gave no block, not even the genesis block"
            findings.append(AuditFinding(code=FindingCode.NO_BLOCKS, node=account.name, what=what))
            continue
        if audit.sources[number].checked_to is None:
            continue
        findings += _judge_end(audit, account, account.last)
        holds_to = audit.height if account.holds_tip else audit.sources[number].holds_to
        if holds_to is not None:
            held.append(Witness(account.node, account.name, holds_to))
        # A copy that departs from the history has a finding of its own, worse than an open end.
        delivers = min(account.last, audit.height)
        is_good = holds_to is not None and holds_to >= delivers
        reaches = max(holds_to or delivers, delivers) if is_good else audit.height
        delivered.append(Witness(account.node, account.name, reaches))
    claimed = EndOfHistory(audit.height, tuple(delivered))
    findings += _same_nodes(claimed)
    if delivered and claimed.vouching < WITNESSES_WANTED and audit.stopped is None:
        findings.append(_not_fixed(claimed))
    return EndOfHistory(audit.height, tuple(held)), findings


def _same_nodes(end: EndOfHistory) -> list[AuditFinding]:
    targets: dict[str, list[str]] = {}
    for witness in end.at(end.height):
        if witness.node:
            targets.setdefault(witness.node, []).append(witness.target)
    return [
        AuditFinding(
            code=FindingCode.SAME_NODE_TWICE,
            node=", ".join(names),
            what=f"all of them call themselves {node}",
        )
        for node, names in targets.items()
        if len(names) > 1
    ]


def _not_fixed(end: EndOfHistory) -> AuditFinding:
    fixed = end.fixed_to
    holding = [witness.node or f"{witness.target} (no name)" for witness in end.at(end.height)]
    return AuditFinding(
        code=FindingCode.END_NOT_FIXED,
        height=end.height if fixed is None else fixed,
        what=end.sentence(),
        expected=f"at least {WITNESSES_WANTED} nodes that hold block {end.height}",
        found=", ".join(dict.fromkeys(holding)) or "none",
    )


def _judge_end(audit: Audit, account: SourceAccount, last: Height) -> list[AuditFinding]:
    claimed = account.claim.height if account.claim is not None else None
    if claimed is not None and claimed > last and audit.stopped is None:
        finding = AuditFinding(
            code=FindingCode.CLAIM_NOT_KEPT,
            node=account.name,
            height=last,
            what=f"it says that its last block is {claimed}, but gives none above {last}",
            expected=str(claimed),
            found=str(last),
        )
    elif (
        audit.height - last > BEHIND_BLOCKS_MAX and not account.holds_tip and not account.is_stopped
    ):
        finding = AuditFinding(
            code=FindingCode.TAIL_CUT,
            node=account.name,
            height=last,
            what=f"it ends {audit.height - last} blocks before the others",
            expected=str(audit.height),
            found=str(last),
        )
    else:
        return []
    return [finding]
