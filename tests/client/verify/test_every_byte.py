"""No byte of a block or of its proof can be changed without the auditor saying so."""

from __future__ import annotations

import pytest

from client.verify.audit import Audit
from client.verify.verdict import AuditVerdict, worst
from tests.support.history import History, make_small_history

FLIPS = (0x01, 0x80)


def verdict_of(*histories: History) -> AuditVerdict:
    """Return the verdict of the core on these copies, without I/O."""
    audit = Audit(make_small_history().genesis, [f"node-{at}" for at in range(len(histories))])
    for source, history in enumerate(histories):
        audit.add(source, list(history.rows))
        audit.end(source)
    audit.advance()
    return worst(finding.explanation.verdict for finding in audit.findings.all())


def flipped(data: bytes, at: int, flip: int) -> bytes:
    return data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]


def test_the_untouched_history_is_verified() -> None:
    history = make_small_history()
    assert verdict_of(history, history) is AuditVerdict.VERIFIED


@pytest.mark.parametrize("height", [0, 1, 2])
@pytest.mark.parametrize("flip", FLIPS)
def test_no_flipped_byte_of_a_block_is_verified_beside_a_good_copy(height: int, flip: int) -> None:
    history = make_small_history()
    data = history.rows[height][0]
    for at in range(len(data)):
        spoiled = history.with_block(height, flipped(data, at, flip))
        assert verdict_of(history, spoiled) is AuditVerdict.TAMPERED, at


@pytest.mark.parametrize("height", [1, 2])
def test_no_flipped_byte_of_a_block_is_verified_in_the_only_copy(height: int) -> None:
    history = make_small_history()
    data = history.rows[height][0]
    for at in range(len(data)):
        spoiled = history.with_block(height, flipped(data, at, 0x01))
        assert verdict_of(spoiled) is AuditVerdict.TAMPERED, at


@pytest.mark.parametrize("height", [1, 2])
def test_no_flipped_byte_of_a_proof_is_verified(height: int) -> None:
    history = make_small_history()
    data = history.rows[height][1]
    for at in range(len(data)):
        spoiled = history.with_proof(height, flipped(data, at, 0x01))
        assert verdict_of(history, spoiled) is AuditVerdict.TAMPERED, at


@pytest.mark.parametrize("height", [1, 2])
def test_no_cut_of_a_block_or_proof_is_verified(height: int) -> None:
    history = make_small_history()
    block, proof = history.rows[height]
    for length in range(0, len(block), 7):
        cut = history.with_block(height, block[:length])
        assert verdict_of(history, cut) is AuditVerdict.TAMPERED, length
    for length in range(0, len(proof), 7):
        cut = history.with_proof(height, proof[:length])
        assert verdict_of(history, cut) is AuditVerdict.TAMPERED, length
