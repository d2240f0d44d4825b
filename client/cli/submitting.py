"""``monazite submit``, ``countersign``, ``send``: writing records.

One party alone: ``submit FILE``. Several parties: the first one runs ``submit FILE --save TX``, the others
``countersign TX``, and anybody sends the file with ``send TX``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from client.cli.options import (
    AsJson,
    NodeAddresses,
    PassphraseDescriptor,
    PassphraseFile,
    ProfileName,
    ValidMinutes,
    reading_client,
    writing_client,
)
from client.cli.output import Outcome, say
from client.cli.waiting import run_waiting
from client.composing import combine, load_signed, save_signed
from client.errors import FormError, UsageError
from client.forms import NamedLot, form_of, lot_names_in, read_forms, record_of, template_of
from client.receipt import VerifiedReceipt
from client.session import Client
from ledger.records import decode_record, name_of
from ledger.records.record import Record
from ledger.wire.errors import WireError
from ledger.wire.scalars import LotId
from ledger.wire.transaction import SignedTransaction, tx_id_of

MINUTE_MS: Final = 60_000


def register(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.command("submit")(submit)
    program.command("countersign")(countersign)
    program.command("send")(send)


def submit(  # noqa: PLR0913 - a command line
    file: Annotated[Path | None, typer.Argument(help="Records as JSON; see --template.")] = None,
    *,
    template: Annotated[
        str | None,
        typer.Option(
            "--template", metavar="TYPE", help="Print a form of this record type instead."
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="TX", help="Sign into a file, send nothing: others sign too."
        ),
    ] = None,
    valid_minutes: ValidMinutes = 10,
    profile: ProfileName = None,
    node: NodeAddresses = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseDescriptor = None,
    as_json: AsJson = False,
) -> int:
    """Sign the records in FILE as one transaction, send it, and wait until it is final.

    Prints nothing as done before a receipt was verified against the pinned genesis.
    """
    if template is not None:
        print(json.dumps(template_of(template), ensure_ascii=False, indent=2))  # noqa: T201
        return 0
    if file is None:
        raise UsageError("name a file with records, or ask for a form with --template TYPE.")
    forms = _read_form_file(file)
    client = writing_client(profile, node, passphrase_file, passphrase_fd)
    return run_waiting(
        client,
        _submit(client, file, forms, save, valid_ms=valid_minutes * MINUTE_MS, as_json=as_json),
    )


def countersign(
    transaction: Annotated[Path, typer.Argument(help="A file made by `submit --save`.")],
    *,
    profile: ProfileName = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseDescriptor = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Sign without being asked whether it is right.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Show what another party's transaction says, and add this member's signature to the file."""
    signed = load_signed(transaction)
    client = writing_client(profile, None, passphrase_file, passphrase_fd)
    forms = [form_of(record) for record in _records_of(signed)]
    if not yes:
        typer.echo(json.dumps(forms, ensure_ascii=False, indent=2), err=True)
        author = signed.transaction.author
        if not _is_agreed(f"Sign this transaction of {author} as {client.author}?"):
            raise UsageError("not signed.")
    both = combine(signed, client.sign(signed.transaction))
    save_signed(transaction, both)
    tx_id = tx_id_of(both.transaction).hex()
    return say(
        Outcome(
            schema="monazite.transaction/1",
            data={"tx_id": tx_id, "file": str(transaction), "signatures": len(both.signatures)},
            lines=[f"signed {transaction}: transaction {tx_id}, {len(both.signatures)} signatures"],
            next_command=f"monazite send {transaction}",
        ),
        as_json=as_json,
    )


def send(
    transaction: Annotated[Path, typer.Argument(help="A file with all its signatures.")],
    *,
    profile: ProfileName = None,
    node: NodeAddresses = None,
    as_json: AsJson = False,
) -> int:
    """Send a signed transaction and wait until it is final."""
    signed = load_signed(transaction)

    client = reading_client(profile, node)

    async def work() -> VerifiedReceipt:
        async with client:
            return await client.submit_signed(signed)

    return _say_receipt(run_waiting(client, work()), as_json=as_json)


async def _submit(
    client: Client,
    file: Path,
    forms: Sequence[object],
    save: Path | None,
    *,
    valid_ms: int,
    as_json: bool,
) -> int:
    async with client:
        records = await _records_from(client, file, forms)
        if save is None:
            receipt = await client.submit(*records, valid_for_ms=valid_ms)
            return _say_receipt(receipt, as_json=as_json)
        signed = client.sign(client.prepare(*records, valid_for_ms=valid_ms))
    save_signed(save, signed)
    tx_id = tx_id_of(signed.transaction).hex()
    return say(
        Outcome(
            schema="monazite.transaction/1",
            data={"tx_id": tx_id, "file": str(save), "signatures": len(signed.signatures)},
            lines=[
                f"wrote {save}: transaction {tx_id}, signed by {signed.transaction.author}",
                "nothing was sent",
            ],
            next_command=f"monazite countersign {save}   (by the other party)",
        ),
        as_json=as_json,
    )


async def _records_from(client: Client, file: Path, forms: Sequence[object]) -> list[Record]:
    """Return the records that forms describe, after looking up the lots that they name."""
    lots: dict[str, NamedLot] = {}
    for name in lot_names_in(forms):
        lot = await client.lot(name)
        transfer = None if lot.transfer is None else LotId(bytes.fromhex(lot.transfer.transfer))
        lots[name] = NamedLot(lot.lot_id, transfer)
    try:
        return [record_of(form, f"[{number}]", lots=lots) for number, form in enumerate(forms)]
    except FormError as error:
        raise FormError(f"{file} {error.path}", error.reason) from error


def _read_form_file(file: Path) -> list[object]:
    try:
        return read_forms(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}.") from error
    except FormError as error:
        raise FormError(f"{file} {error.path}".strip(), error.reason) from error


def _records_of(signed: SignedTransaction) -> list[Record]:
    try:
        return [decode_record(data) for data in signed.transaction.records]
    except WireError as error:
        raise UsageError(f"the transaction holds a record of an unknown type: {error}.") from error


def _is_agreed(question: str) -> bool:
    import sys  # noqa: PLC0415 - asked for at the moment of asking: tests replace it

    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask at; look at the file, then use --yes.")
    return typer.confirm(question, err=True)


def _say_receipt(receipt: VerifiedReceipt, *, as_json: bool) -> int:
    tx_id = receipt.tx_id.hex()
    count = len(receipt.records)
    counted = f"{count} record{'s' if count > 1 else ''}"
    names = ", ".join(dict.fromkeys(name_of(record) for record in receipt.records))
    return say(
        Outcome(
            schema="monazite.receipt/1",
            data=receipt.as_dict(),
            lines=[
                f"final in block {receipt.height}: {counted} ({names}) of {receipt.author}",
                "receipt verified against the pinned genesis",
                f"transaction {tx_id}",
            ],
            next_command=f"monazite receipt {tx_id} --out receipt.bin",
        ),
        as_json=as_json,
    )
