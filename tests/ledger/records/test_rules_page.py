"""The page about lots names everything that its records can answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger.refusal import RefusalCode

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/spec/rules-lots.md").read_text(encoding="utf-8")
SOURCES = (
    "claimed_date", "lot_rules", "transfer_rules", "mine_output", "split_lot", "offer_transfer",
    "accept_transfer", "reject_transfer", "cancel_transfer",
)  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_every_refusal_and_alert_of_a_lots_record_is_on_the_page(source: str) -> None:
    text = (ROOT / f"ledger/records/{source}.py").read_text(encoding="utf-8")
    for name in re.findall(r"RefusalCode\.([A-Z_]+)", text):
        assert f"`{RefusalCode[name]}`" in PAGE
    for alert in re.findall(r'ALERT_[A-Z_]+: Final = "([a-z-]+)"', text):
        assert f"`{alert}`" in PAGE
