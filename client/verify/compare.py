"""Two copies of one block: what differs, where, and in words.

The good copy is the one whose header a certificate covers and whose content hashes to it. The other one
is a stranger's bytes: it may decode in part, as something else, or not at all, so the comparison descends
as far as it can (block, transaction, record, field) and says at each level what can still be said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from client.verify.findings import RecordPlace
from client.verify.words import differences, printable, short
from ledger.parsed import parse_transaction
from ledger.records import decode_record, name_of
from ledger.records.record import Record
from ledger.wire.block import Block
from ledger.wire.codec import encode
from ledger.wire.errors import WireError
from ledger.wire.transaction import (
    SignedTransaction,
    decode_signed_transaction,
    tx_id_of,
)

DIFFERENCES_PER_BLOCK_MAX: Final = 10
_COMPARED_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class CopyDifference:
    """One thing in which a copy differs from the good one."""

    place: RecordPlace | None
    what: str
    """In words, without the place."""
    expected: str = ""
    found: str = ""


def first_difference(expected: bytes, found: bytes) -> int:
    """Return the offset of the first byte that differs, or the shorter length."""
    common = min(len(expected), len(found))
    start = 0
    while start < common:
        end = min(start + _COMPARED_BYTES, common)
        if expected[start:end] != found[start:end]:
            return next(at for at in range(start, end) if expected[at] != found[at])
        start = end
    return common


def header_differences(expected: Block, found: Block) -> list[CopyDifference]:
    """Return the fields of the header in which ``found`` differs."""
    return [
        CopyDifference(None, difference.sentence(), difference.expected, difference.found)
        for difference in differences(expected.header, found.header)
    ]


def content_differences(expected: Block, found: Block) -> list[CopyDifference]:
    """Return how the transactions of ``found`` differ; at most 10 are told one by one."""
    good, bad = expected.transactions, found.transactions
    result: list[CopyDifference] = []
    if good == bad:
        return result
    if len(good) != len(bad):
        result.append(_other_count(good, bad))
        return result
    differing = [number for number in range(len(good)) if good[number] != bad[number]]
    if sorted(good) == sorted(bad):
        names = ", ".join(map(str, differing[:8]))
        return [CopyDifference(None, f"transactions {names} stand in another order")]
    for number in differing:
        result.extend(transaction_differences(number, good[number], bad[number]))
        if len(result) >= DIFFERENCES_PER_BLOCK_MAX:
            rest = len(differing) - differing.index(number) - 1
            if rest:
                result.append(CopyDifference(None, f"{rest} more transactions differ"))
            break
    return result


def _other_count(good: tuple[bytes, ...], bad: tuple[bytes, ...]) -> CopyDifference:
    kept = set(bad)
    missing = [number for number, data in enumerate(good) if data not in kept]
    place = _place_of(missing[0], good[missing[0]]) if missing else None
    action = "removed" if len(bad) < len(good) else "added"
    return CopyDifference(
        place,
        f"transactions were {action}: there are {len(bad)}, the block was decided with {len(good)}",
        str(len(good)),
        str(len(bad)),
    )


def transaction_differences(number: int, expected: bytes, found: bytes) -> list[CopyDifference]:
    """Return how one transaction differs, record by record and field by field."""
    good = decode_signed_transaction(expected)
    try:
        bad = decode_signed_transaction(found)
    except WireError as error:
        offset = first_difference(expected, found)
        place = place_in_transaction(number, expected, offset)
        return [
            CopyDifference(
                place,
                f"bytes differ from byte {offset} of the transaction on, "
                f"and it can no longer be read ({error})",
                expected[offset : offset + 8].hex(),
                found[offset : offset + 8].hex(),
            )
        ]
    return _signed_differences(number, good, bad)


def _signed_differences(
    number: int, good: SignedTransaction, bad: SignedTransaction
) -> list[CopyDifference]:
    whole = RecordPlace(number, tx_id_of(good.transaction), good.transaction.author)
    result: list[CopyDifference] = []
    same_records = msgspec.structs.replace(bad.transaction, records=good.transaction.records)
    head = differences(good, msgspec.structs.replace(bad, transaction=same_records))
    result.extend(
        CopyDifference(
            whole,
            difference.sentence().removeprefix("transaction."),
            difference.expected,
            difference.found,
        )
        for difference in head
    )
    before, after = good.transaction.records, bad.transaction.records
    if len(before) != len(after):
        result.append(
            CopyDifference(
                whole,
                f"it holds {len(after)} records, the author signed {len(before)}",
                str(len(before)),
                str(len(after)),
            )
        )
        return result
    for index in range(len(before)):
        if before[index] != after[index]:
            place = RecordPlace(number, whole.tx_id, whole.author, index, _type_name(before[index]))
            result.append(_record_difference(place, before[index], after[index]))
    return result


def _record_difference(place: RecordPlace, expected: bytes, found: bytes) -> CopyDifference:
    good = decode_record(expected)
    try:
        bad = decode_record(found)
    except WireError as error:
        return CopyDifference(
            place, f"the record can no longer be read ({error})", expected.hex(), found.hex()
        )
    if type(good) is not type(bad):
        return CopyDifference(
            place,
            f"the record has become a {name_of(bad)}",
            name_of(good),
            name_of(bad),
        )
    changed = differences(good, bad)
    return CopyDifference(
        place,
        "; ".join(difference.sentence() for difference in changed),
        "; ".join(f"{difference.path} {difference.expected}" for difference in changed),
        "; ".join(f"{difference.path} {difference.found}" for difference in changed),
    )


def damage_in(expected: Block, data: bytes) -> CopyDifference:
    """Return what can be said of bytes that are no block, against the good copy."""
    good = encode(expected)
    offset = first_difference(good, data)
    what = f"its bytes differ from byte {offset} on"
    if len(data) != len(good):
        what += f", and there are {len(data)} instead of {len(good)}"
    return CopyDifference(
        _place_in_block(expected, offset),
        what,
        good[offset : offset + 8].hex() or "the end",
        data[offset : offset + 8].hex() or "the end",
    )


def _place_in_block(block: Block, offset: int) -> RecordPlace | None:
    """Return the transaction or record in whose bytes ``offset`` of the encoded block lies."""
    start = len(encode(block)) - sum(_framed_length(data) for data in block.transactions)
    for number, data in enumerate(block.transactions):
        end = start + _framed_length(data)
        if start <= offset < end:
            inside = offset - (end - len(data))
            return place_in_transaction(number, data, max(inside, 0))
        start = end
    return None


def _framed_length(data: bytes) -> int:
    return len(encode(data))


def place_in_transaction(number: int, data: bytes, offset: int) -> RecordPlace:
    """Return the record of a good transaction in whose bytes ``offset`` lies, or the transaction."""
    transaction = decode_signed_transaction(data).transaction
    start = 0
    for index, record in enumerate(transaction.records):
        start = data.index(record, start)
        if start <= offset < start + len(record):
            return RecordPlace(
                number, tx_id_of(transaction), transaction.author, index, _type_name(record)
            )
        start += len(record)
    return RecordPlace(number, tx_id_of(transaction), transaction.author)


def suspects_in(block: Block) -> list[CopyDifference]:
    """Return which transactions of a block show by themselves that they were altered.

    For a block whose content does not hash to its header and of which there is no good copy: an
    altered transaction no longer decodes, or no longer carries its author's signature.
    """
    result: list[CopyDifference] = []
    for number, data in enumerate(block.transactions):
        try:
            parsed = parse_transaction(data)
        except WireError as error:
            place = RecordPlace(number, None, "")
            result.append(CopyDifference(place, f"it can no longer be read ({error})"))
            continue
        if not parsed.are_signatures_valid():
            place = RecordPlace(number, parsed.tx_id, parsed.author, *_only_record(parsed.records))
            result.append(
                CopyDifference(
                    place,
                    f"it no longer carries a valid signature of its author {parsed.author}, "
                    "so it was altered after it was signed",
                )
            )
        if len(result) == DIFFERENCES_PER_BLOCK_MAX:
            break
    return result


def _only_record(records: tuple[Record, ...]) -> tuple[int | None, str]:
    return (0, name_of(records[0])) if len(records) == 1 else (None, "")


def _place_of(number: int, data: bytes) -> RecordPlace:
    transaction = decode_signed_transaction(data).transaction
    return RecordPlace(number, tx_id_of(transaction), transaction.author)


def _type_name(record: bytes) -> str:
    try:
        return name_of(decode_record(record))
    except WireError:
        return ""


def block_sentence(block: Block, block_id: bytes) -> str:
    """Return a block in words: id, number of transactions, and whose they are."""
    authors: dict[str, int] = {}
    for data in block.transactions[:1000]:
        try:
            author: str = decode_signed_transaction(data).transaction.author
        except WireError:
            author = "(unreadable)"
        authors[printable(author)] = authors.get(printable(author), 0) + 1
    named = ", ".join(f"{count} of {author}" for author, count in list(authors.items())[:6])
    listed = f" ({named})" if named else ""
    number = len(block.transactions)
    plural = "" if number == 1 else "s"
    return f"{short(block_id)} with {number} transaction{plural}{listed}"
