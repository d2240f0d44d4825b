"""The page about production names everything that its records can answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledger.refusal import RefusalCode

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/spec/rules-production.md").read_text(encoding="utf-8")
SOURCES = (
    "content_rules", "import_lot", "scrap_intake", "merge_lots", "campaign", "campaign_inputs",
    "campaign_limits", "campaign_alerts", "opening_stock", "declare_excess", "relabel", "move_lot",
    "restate", "assay",
)  # fmt: skip
ELSEWHERE = {"date_invalid", "period_crosses_year", "lot_of_another", "date_before_input"}
"""Said for all records about lots, in rules-lots.md."""


@pytest.mark.parametrize("source", SOURCES)
def test_every_refusal_and_alert_of_a_production_record_is_on_the_page(source: str) -> None:
    text = (ROOT / f"ledger/records/{source}.py").read_text(encoding="utf-8")
    for name in re.findall(r"RefusalCode\.([A-Z_]+)", text):
        code = RefusalCode[name].value
        assert f"`{code}`" in PAGE or code in ELSEWHERE, code
    for alert in re.findall(r'ALERT_[A-Z_]+: Final = "([a-z-]+)"', text):
        assert f"`{alert}`" in PAGE
