"""Receipts as files: what ``monazite verify FILE`` says about them, offline.

A receipt is checked against the pinned genesis alone: record, transaction, block, certificate (see
``ledger.wire.receipt``). A file that does not prove what it says is TAMPERED; without a pinned genesis
document nothing can be said, which is INCOMPLETE. Keys of the validators that were given up long ago could
sign a false block; only a newer checkpoint would show that, and this version has none: it is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from client.cli.words import moment
from client.receipt import RECEIPT_BYTES_MAX
from client.trust import TrustRoot
from client.verify.verdict import AuditVerdict, worst
from ledger.parsed import parse_transaction
from ledger.records import decode_record, name_of
from ledger.wire.codec import decode, encode
from ledger.wire.errors import WireError
from ledger.wire.receipt import ProvenPlace, Receipt, RecordReceipt, verify_receipt

SCHEMA: Final = "monazite.verify/1"
NOT_CHECKED: Final = (
    "whether the validators' keys were given up long ago: a newer checkpoint would show it",
    "what became of the records later: ask a node, or verify the whole history",
)


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """One file and what it proves."""

    name: str
    verdict: AuditVerdict
    lines: tuple[str, ...]
    place: ProvenPlace | None = None
    fault: str = ""
    """Why it proves nothing; empty when it does."""


def check_receipt_files(paths: Sequence[Path], trust: TrustRoot | None) -> list[CheckedReceipt]:
    """Check every file; whatever is wrong with one is said about it and not raised."""
    return [_check(path, trust) for path in paths]


def verdict_of(checked: Sequence[CheckedReceipt]) -> AuditVerdict:
    """Return the worst verdict."""
    return worst(entry.verdict for entry in checked)


def receipt_lines(checked: Sequence[CheckedReceipt], trust: TrustRoot | None) -> Iterator[str]:
    """Yield the report for people; the verdict is the last line."""
    yield "Against"
    if trust is None:
        yield "  no genesis: name it with --genesis FILE, or pin it in a profile"
    else:
        yield f"  genesis {trust.chain_id.hex()[:16]}… of {trust.network}"
    yield "Receipts"
    for entry in checked:
        yield f"  {entry.name}"
        for line in entry.lines:
            yield f"    {line}"
    yield "Not checked"
    for sentence in NOT_CHECKED:
        yield f"  {sentence}"
    good = sum(entry.verdict is AuditVerdict.VERIFIED for entry in checked)
    yield f"{verdict_of(checked).value}: {good} of {len(checked)} receipts prove what they say"


def receipts_json(checked: Sequence[CheckedReceipt], trust: TrustRoot | None) -> dict[str, Any]:
    """Return the report for programs."""
    verdict = verdict_of(checked)
    return {
        "schema": SCHEMA,
        "verdict": verdict.value,
        "exit_code": int(verdict.exit_code),
        "chain_id": None if trust is None else trust.chain_id.hex(),
        "anchors": [] if trust is None else [f"genesis {trust.chain_id.hex()} of {trust.network}"],
        "receipts": [
            {
                "target": entry.name,
                "verdict": entry.verdict.value,
                "tx_id": None if entry.place is None else entry.place.tx_id.hex(),
                "height": None if entry.place is None else entry.place.height,
                "time_ms": None if entry.place is None else entry.place.time_ms,
                "fault": entry.fault or None,
            }
            for entry in checked
        ],
        "findings": [
            {"code": "receipt_invalid", "target": entry.name, "found": entry.fault}
            for entry in checked
            if entry.fault
        ],
        "not_checked": list(NOT_CHECKED),
    }


def _check(path: Path, trust: TrustRoot | None) -> CheckedReceipt:
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(RECEIPT_BYTES_MAX + 1)
    except OSError as error:
        fault = f"it cannot be read: {error.strerror or error}"
        return CheckedReceipt(name, AuditVerdict.INCOMPLETE, (fault,), fault=fault)
    if trust is None:
        fault = "there is no genesis to check it against"
        return CheckedReceipt(name, AuditVerdict.INCOMPLETE, (fault,), fault=fault)
    try:
        kind = cast("type[Receipt | RecordReceipt]", Receipt | RecordReceipt)
        receipt = decode(kind, data, limit=RECEIPT_BYTES_MAX)
        place = verify_receipt(receipt, chain_id=trust.chain_id, validators=trust.validators)
        content = tuple(_content(receipt))
    except WireError as error:
        fault = f"it is no receipt that proves anything (archives cannot be read yet): {error}"
        return CheckedReceipt(name, AuditVerdict.TAMPERED, (fault,), fault=fault)
    lines = (
        f"transaction {place.tx_id.hex()}",
        f"final in block {place.height}, {moment(place.time_ms)}",
        *content,
    )
    return CheckedReceipt(name, AuditVerdict.VERIFIED, lines, place)


def _content(receipt: Receipt | RecordReceipt) -> Iterator[str]:
    if isinstance(receipt, RecordReceipt):
        record = decode_record(receipt.opening.record)
        yield (
            f"record {receipt.opening.index} of {receipt.head.record_count}, by "
            f"{receipt.head.author}: {name_of(record)}; the others stay hidden"
        )
        return
    parsed = parse_transaction(encode(receipt.signed))
    counted: dict[str, int] = {}
    for record in parsed.records:
        counted[name_of(record)] = counted.get(name_of(record), 0) + 1
    kinds = ", ".join(f"{count} {kind}" for kind, count in counted.items())
    yield f"by {parsed.author}: {kinds}"
