"""The page about supervision names everything that its records can answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger.refusal import RefusalCode

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/spec/rules-supervision.md").read_text(encoding="utf-8")
SOURCES = (
    "hold_lot", "release_lot", "seize_lot", "settle_dispute", "sink_rules", "write_off", "incident",
    "consume", "grant_export_licence", "export_lot", "file_month", "correct", "inspect_site",
    "penalise", "report_lot", "to_reserve", "release_reserve", "found_lot", "stock_take", "supervision_rules",
)  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_every_refusal_and_alert_of_supervision_is_on_the_page(source: str) -> None:
    text = (ROOT / f"ledger/records/{source}.py").read_text(encoding="utf-8")
    for name in re.findall(r"RefusalCode\.([A-Z_]+)", text):
        assert f"`{RefusalCode[name]}`" in PAGE
    for alert in re.findall(r'ALERT_[A-Z_]+: Final = "([a-z-]+)"', text):
        assert f"`{alert}`" in PAGE
