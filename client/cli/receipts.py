"""``monazite receipt``: a proof that leaves as a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from client.cli.options import AsJson, NodeAddresses, ProfileName, reading_client
from client.cli.output import Outcome, say
from client.cli.words import moment
from client.receipt import VerifiedReceipt


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command("receipt")(receipt)


def receipt(
    transaction: Annotated[str, typer.Argument(metavar="TX", help="A transaction's id.")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")],
    profile: ProfileName = None,
    node: NodeAddresses = None,
    as_json: AsJson = False,
) -> int:
    """Fetch the receipt of a transaction, verify it, and write it to a file.

    Anybody who trusts the same genesis can verify the file without a node.
    """

    async def work() -> VerifiedReceipt:
        async with reading_client(profile, node) as client:
            return await client.receipt(transaction)

    found = asyncio.run(work())
    found.save(out)
    return say(
        Outcome(
            schema="monazite.receipt/1",
            data={"file": str(out), **found.as_dict()},
            lines=[
                f"wrote {out}: transaction {found.tx_id.hex()} of {found.author}",
                f"final in block {found.height}, {moment(found.time_ms)}",
                f"verified against chain {found.trust.chain_id.hex()}",
            ],
            next_command="give the file to whoever needs the proof",
        ),
        as_json=as_json,
    )
