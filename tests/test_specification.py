"""The tables of the specification say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from ledger.records import RULES
from ledger.refusal import RefusalCode
from ledger.state.tables import TABLES
from ledger.wire import scalars
from ledger.wire.hashing import Domain
from ledger.wire.signing import SigningDomain

CHECKOUT = Path(__file__).parents[1]
SPEC = CHECKOUT / "docs" / "spec"


def section(page: str, heading: str) -> str:
    text = (SPEC / page).read_text(encoding="utf-8")
    _before, _heading, following = text.partition(f"\n## {heading}\n")
    assert following, f"{page} has no section {heading!r}"
    return following.partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_every_refusal_code_is_explained_in_its_order() -> None:
    table = rows(section("rules.md", "8. Refusal codes"))
    assert [code for code, _meaning in table] == [code.value for code in RefusalCode]
    assert all(meaning for _code, meaning in table)


def test_every_refusal_code_is_raised_somewhere() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8")
        for package in ("ledger", "node")
        for path in (CHECKOUT / package).rglob("*.py")
    )
    unused = [code.name for code in RefusalCode if f"RefusalCode.{code.name}" not in sources]
    assert unused == []


def test_domains_are_those_of_the_code() -> None:
    hashing = rows(section("wire.md", "4. Hashing domains"))
    assert hashing == [[domain.name, domain.value.decode()] for domain in Domain]
    signing = rows(section("wire.md", "5. Signatures"))
    assert [row[:2] for row in signing] == [
        [domain.name, domain.value.decode()] for domain in SigningDomain
    ]


def test_limits_are_those_of_the_code() -> None:
    table = rows(section("wire.md", "2. Limits"))
    for name, value in table:
        assert getattr(scalars, name) == int(value), name
    named = {name for name in vars(scalars) if name.endswith("_MAX")}
    assert named - {name for name, _value in table} == {"U16_MAX", "U32_MAX", "I64_MAX"}


def test_tables_are_those_of_the_code() -> None:
    table = rows(section("state.md", "1. Tables"))
    assert [(name, prefix, row) for name, prefix, _parts, row in table] == [
        (entry.name, entry.prefix.decode(), entry.kind.__name__) for entry in TABLES
    ]


def test_every_record_has_a_section_with_its_tag() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in sorted(SPEC.glob("rules*.md")))
    headings = "\n".join(line for line in pages.splitlines() if line.startswith("## "))
    found = dict(re.findall(r"`(\w+)` \(tag (\d+)\)", headings))
    expected = {rule.record.__name__: str(rule.record.__struct_config__.tag) for rule in RULES}
    assert found == expected
