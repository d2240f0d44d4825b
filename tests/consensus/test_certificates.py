from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.certificates import CertificateStore, SafetyViolationError
from ledger.wire.scalars import View
from tests.consensus.rig import FINALIZE, NOTARIZE, NULLIFY, Chain

CHAIN = Chain()
POINTS = {view: CHAIN.point(CHAIN.block(view)) for view in range(1, 12)}
HELD = {
    (kind, view): CHAIN.certificate(kind, view, None if kind is NULLIFY else POINTS[view])
    for kind in (NOTARIZE, NULLIFY, FINALIZE)
    for view in POINTS
}
ENDS = st.sampled_from(["", "n", "0", "n0"])


def store_of(ends: list[str]) -> CertificateStore:
    store = CertificateStore(CHAIN.origin, None)
    for view, end in enumerate(ends, start=1):
        if "n" in end:
            store.add(HELD[NOTARIZE, view])
        if "0" in end:
            store.add(HELD[NULLIFY, view])
    return store


@given(st.lists(ENDS, max_size=8))
def test_the_tip_is_the_highest_provable_base_and_a_hole_is_never_guessed_over(
    ends: list[str],
) -> None:
    store = store_of(ends)
    view = View(len(ends) + 1)
    expected, hole = CHAIN.origin, None
    for below in range(len(ends), 0, -1):
        if "n" in ends[below - 1]:
            expected = POINTS[below]
            break
        if "0" not in ends[below - 1]:
            hole = below
            break
    assert store.hole(view) == hole
    assert store.tip(view) == (None if hole else expected)


@given(st.lists(ENDS, max_size=8), st.integers(0, 8), st.integers(2, 10))
def test_a_justification_holds_the_parent_and_the_newest_nullifications(
    ends: list[str], parent: int, limit: int
) -> None:
    store = store_of(ends)
    view = len(ends) + 1
    proof = store.justification(View(parent), View(view), limit)
    assert len(proof) <= limit
    skipped = [w for w in range(parent + 1, view) if "0" in ends[w - 1] and w > view - limit]
    assert [c.view for c in proof if c.kind is NULLIFY] == skipped
    complete = all("0" in ends[w - 1] for w in range(parent + 1, view))
    assert store.skips_proven(View(parent), View(view)) == complete


def test_a_higher_finalization_moves_the_base_and_a_lower_one_does_not() -> None:
    store = CertificateStore(CHAIN.origin, None)
    store.add(HELD[FINALIZE, 5])
    store.add(HELD[FINALIZE, 3])
    assert store.final == POINTS[5]
    assert store.final_certificate == HELD[FINALIZE, 5]
    assert store.tip(View(6)) == POINTS[5]
    assert store.proof_of(View(3), POINTS[3].block_id) == HELD[FINALIZE, 3]
    assert store.proof_of(View(3), POINTS[5].block_id) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((FINALIZE, 0), (NULLIFY, 0)),
        ((NULLIFY, 0), (FINALIZE, 0)),
        ((NOTARIZE, 0), (NOTARIZE, 1)),
        ((NOTARIZE, 0), (FINALIZE, 1)),
        ((FINALIZE, 0), (NOTARIZE, 1)),
        ((FINALIZE, 0), (FINALIZE, 1)),
    ],
)
def test_certificates_that_contradict_each_other_are_a_safety_violation(
    first: tuple[object, int], second: tuple[object, int]
) -> None:
    points = [CHAIN.point(CHAIN.block(1, transactions=(t,))) for t in (b"x", b"y")]
    made = [
        CHAIN.certificate(kind, 1, None if kind is NULLIFY else points[which])  # type: ignore[arg-type]
        for kind, which in (first, second)
    ]
    store = CertificateStore(CHAIN.origin, None)
    store.add(made[0])
    with pytest.raises(SafetyViolationError, match="view 1"):
        store.add(made[1])


def test_a_view_may_be_both_notarized_and_nullified() -> None:
    store = store_of(["n0"])
    assert store.tip(View(2)) == POINTS[1]
    assert store.skips_proven(View(0), View(2))
    assert [c.kind for c in store.exit_of(View(1))] == [NOTARIZE, NULLIFY]


def test_pruning_keeps_the_newest_finalization_and_what_is_above() -> None:
    store = store_of(["n", "0", "n", "n"])
    store.add(HELD[FINALIZE, 3])
    store.prune(View(3))
    assert [(c.kind, c.view) for c in store.all()] == [(FINALIZE, 3), (NOTARIZE, 4)]
    assert store.highest_view() == 4
    assert store.exit_of(View(1)) == (HELD[FINALIZE, 3],)


def test_what_is_between_starts_with_the_newest_finalization_and_is_bounded() -> None:
    store = store_of(["n", "n0", "0", "n0"])
    store.add(HELD[FINALIZE, 1])
    found = store.between(View(1), View(9), 64)
    assert [(c.kind, c.view) for c in found] == [
        (FINALIZE, 1),
        (NOTARIZE, 2),
        (NULLIFY, 2),
        (NULLIFY, 3),
        (NOTARIZE, 4),
        (NULLIFY, 4),
    ]
    assert store.between(View(1), View(9), 2) == found[:2]
    assert store.between(View(4), View(2**62), 64) == found[4:]
    assert store.between(View(9), View(1), 64) == ()


def test_the_finalization_of_the_start_is_taken_later_if_it_was_not_known() -> None:
    store = CertificateStore(POINTS[2], None)
    assert store.exit_of(View(1)) == ()
    store.add(HELD[FINALIZE, 2])
    assert store.exit_of(View(1)) == (HELD[FINALIZE, 2],)
