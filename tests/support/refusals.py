"""How tests say which refusal they expect."""

from __future__ import annotations

from ledger.refusal import Figure, RefusalCode, Refused


def assert_refused(refusal: Refused, code: RefusalCode, *, field: str, **figures: Figure) -> None:
    """Check code, field and the given figures of a refusal, and that it is told in a sentence."""
    assert (refusal.code, refusal.field) == (code, field), refusal.sentence
    assert refusal.sentence.endswith("."), refusal.sentence
    for name, figure in figures.items():
        assert refusal.figures[name] == figure, (name, refusal.figures)
        if isinstance(figure, int):
            assert str(figure) in refusal.sentence, (name, refusal.sentence)
