"""What every transaction must satisfy, whatever its records: the checks around the rules.

Before the records run: chain, version, validity in time, never the same transaction twice
(``check_head``); every signature by a key of the register that is valid at the block's time
(``check_signers``); an author that is admitted and may write what it writes (``check_author``). After
them: the signatures are exactly those that the records have asked for (``check_exactly_required``),
where several persons are asked for by keys that different persons hold, and every sealed attachment
was named (``check_sealed``). That the signatures verify is checked elsewhere, once per transaction
(``ledger.parsed``).
"""

from __future__ import annotations

from typing import TypeAlias

from ledger.parsed import ParsedTransaction
from ledger.records import rule_of
from ledger.refusal import RefusalCode, Refused
from ledger.state.rows import KeyRow
from ledger.state.tables import KEYS, MEMBERS
from ledger.state.view import StateView
from ledger.vocabulary import MemberStatus, Role
from ledger.wire.scalars import VALIDITY_MS_MAX, ChainId, Digest, MemberId, TimeMs
from ledger.wire.transaction import TRANSACTION_VERSION, sealed_digest

Signers: TypeAlias = dict[tuple[MemberId, Role], tuple[str, ...]]
"""Whose signatures a transaction carries: for each member and role the persons who hold the keys."""


def check_head(
    transaction: ParsedTransaction, view: StateView, *, chain_id: ChainId, time_ms: TimeMs
) -> None:
    """Refuse a transaction of another chain, version or time, and one that is already in."""
    head = transaction.signed.transaction
    if head.chain_id != chain_id:
        raise Refused(
            RefusalCode.WRONG_CHAIN,
            f"the transaction is for chain {head.chain_id.hex()}, this is chain {chain_id.hex()}.",
            field="chain_id",
        )
    if head.version != TRANSACTION_VERSION:
        raise Refused(
            RefusalCode.UNSUPPORTED_VERSION,
            f"transaction version {head.version} is not known, use {TRANSACTION_VERSION}.",
            field="version",
            found=head.version,
            expected=TRANSACTION_VERSION,
        )
    check_validity(head.valid_until_ms, time_ms)
    if view.has_transaction(transaction.tx_id):
        raise Refused(
            RefusalCode.DUPLICATE_TRANSACTION,
            f"transaction {transaction.tx_id.hex()} is already on the ledger.",
            transaction=transaction.tx_id.hex(),
        )


def check_validity(valid_until_ms: TimeMs, time_ms: TimeMs) -> None:
    """Refuse a transaction that has expired, or would be valid for longer than allowed."""
    if valid_until_ms < time_ms:
        raise Refused(
            RefusalCode.EXPIRED,
            f"it was valid until {valid_until_ms} ms, the block's time is {time_ms} ms.",
            field="valid_until_ms",
            valid_until_ms=valid_until_ms,
            time_ms=time_ms,
        )
    if valid_until_ms > time_ms + VALIDITY_MS_MAX:
        raise Refused(
            RefusalCode.VALID_TOO_LONG,
            f"it is valid until {valid_until_ms} ms, at most {VALIDITY_MS_MAX} ms after the "
            f"block's time {time_ms} ms are allowed.",
            field="valid_until_ms",
            valid_until_ms=valid_until_ms,
            time_ms=time_ms,
        )


def check_signers(transaction: ParsedTransaction, view: StateView, time_ms: TimeMs) -> Signers:
    """Return whose signatures the transaction carries, after checking each key."""
    signers: Signers = {}
    for entry in transaction.signed.signatures:
        row = view.get(KEYS, entry.key)
        if row is None:
            raise Refused(
                RefusalCode.UNKNOWN_KEY,
                f"key {entry.key.hex()} does not stand on the ledger.",
                field="signatures",
                key=entry.key.hex(),
            )
        check_key(entry.key, row, time_ms)
        place = (row.owner, row.role)
        signers[place] = (*signers.get(place, ()), row.person)
    return signers


def check_key(key: bytes, row: KeyRow, time_ms: TimeMs) -> None:
    """Refuse a key that may not sign at ``time_ms``."""
    if row.revoked_ms:
        raise Refused(
            RefusalCode.KEY_REVOKED,
            f"key {key.hex()} of {row.owner} was revoked at {row.revoked_ms} ms.",
            field="signatures",
            key=key.hex(),
            owner=row.owner,
            revoked_ms=row.revoked_ms,
        )
    if not row.valid_from_ms <= time_ms < row.valid_until_ms:
        raise Refused(
            RefusalCode.KEY_NOT_VALID,
            f"key {key.hex()} of {row.owner} is valid from {row.valid_from_ms} ms until "
            f"{row.valid_until_ms} ms, the block's time is {time_ms} ms.",
            field="signatures",
            key=key.hex(),
            owner=row.owner,
            time_ms=time_ms,
        )


def check_author(transaction: ParsedTransaction, view: StateView) -> None:
    """Refuse an author that is not admitted, or suspended and writes what it then may not."""
    row = view.get(MEMBERS, transaction.author)
    if row is None:
        raise Refused(
            RefusalCode.UNKNOWN_AUTHOR,
            f"{transaction.author} is not in the register of admitted members.",
            field="author",
            author=transaction.author,
        )
    if row.status is MemberStatus.ACTIVE:
        return
    for index, record in enumerate(transaction.records):
        if not rule_of(record).while_suspended:
            raise Refused(
                RefusalCode.AUTHOR_SUSPENDED,
                f"{transaction.author} is suspended ({row.status_reason}) and may only "
                "file, correct, accept and reject.",
                field="author",
                record_index=index,
                author=transaction.author,
            )


def check_exactly_required(signers: Signers, required: dict[tuple[MemberId, Role], int]) -> None:
    """Refuse a transaction that lacks a signature that its records need, or carries another one."""
    for (member, role), wanted in required.items():
        persons = signers.get((member, role), ())
        if len(persons) < wanted:
            present = ", ".join(f"{owner} ({held.name.lower()})" for owner, held in signers)
            what = "a signature" if wanted == 1 else f"signatures of {wanted} different persons"
            raise Refused(
                RefusalCode.SIGNATURE_MISSING,
                f"{what} of {member} by a key in the role {role.name.lower()} is needed, "
                f"{len(persons)} found; it is signed by {present}.",
                field="signatures",
                member=member,
                role=role.name.lower(),
                needed=wanted,
                found=len(persons),
            )
        if len(persons) == wanted and len(set(persons)) < wanted:
            raise Refused(
                RefusalCode.SAME_PERSON,
                f"{wanted} different persons of {member} have to sign; {persons[0]} signs with "
                f"{len(persons)} keys, which counts once.",
                field="signatures",
                member=member,
                needed=wanted,
                found=len(set(persons)),
            )
    for (member, role), persons in signers.items():
        wanted = required.get((member, role), 0)
        if len(persons) > wanted:
            raise Refused(
                RefusalCode.SIGNATURE_NOT_NEEDED,
                f"{len(persons)} signatures of {member} in the role {role.name.lower()} are there, "
                f"{wanted} are needed.",
                field="signatures",
                member=member,
                role=role.name.lower(),
                needed=wanted,
                found=len(persons),
            )


def check_sealed(transaction: ParsedTransaction, named: set[Digest]) -> None:
    """Refuse an attachment whose digest none of the records has named."""
    for number, attachment in enumerate(transaction.signed.transaction.sealed):
        if sealed_digest(attachment) not in named:
            raise Refused(
                RefusalCode.SEALED_NOT_NAMED,
                f"sealed attachment {number} is not named by any record.",
                field="sealed",
                attachment=number,
            )
