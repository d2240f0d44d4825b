"""``monazite outbox …``: what was sent and is not known to be decided."""

from __future__ import annotations

import typer

from client.cli.exit_codes import ExitCode
from client.cli.options import PATIENCE, AsJson, NodeAddresses, ProfileName
from client.cli.output import Outcome, say
from client.cli.waiting import run_waiting
from client.cli.words import counted, moment
from client.outbox import Outbox
from client.profile import load_profile
from client.session import Client
from client.submission import Submission

app = typer.Typer(name="outbox", help="What was sent and is not decided.", no_args_is_help=True)


def register(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app)


@app.command("list")
def list_outbox(*, profile: ProfileName = None, as_json: AsJson = False) -> int:
    """List the transactions in the outbox."""
    entries = Outbox(load_profile(profile).outbox_directory).entries()
    waiting = [
        {
            "tx_id": entry.tx_id.hex(),
            "author": entry.signed.transaction.author,
            "records": len(entry.signed.transaction.records),
            "valid_until_ms": entry.signed.transaction.valid_until_ms,
        }
        for entry in entries
    ]
    return say(
        Outcome(
            schema="monazite.outbox/1",
            data={"transactions": waiting},
            lines=[
                f"{entry.tx_id.hex()}  {entry.signed.transaction.author}, "
                f"{counted(len(entry.signed.transaction.records), 'record')}, valid until "
                f"{moment(entry.signed.transaction.valid_until_ms)}"
                for entry in entries
            ]
            or ["the outbox is empty"],
            next_command="monazite outbox resume" if entries else "",
        ),
        as_json=as_json,
    )


@app.command("resume")
def resume(
    *, profile: ProfileName = None, node: NodeAddresses = None, as_json: AsJson = False
) -> int:
    """Bring everything in the outbox to its end: final, or refused for good."""
    client = Client(node or (), profile=load_profile(profile), patience=PATIENCE)

    async def work() -> list[Submission]:
        async with client:
            return await client.resume_outbox()

    results = run_waiting(client, work())
    return say(
        Outcome(
            schema="monazite.outbox/1",
            data={"transactions": [_data_of(result) for result in results]},
            lines=[_line_of(result) for result in results] or ["the outbox was empty"],
            exit_code=_exit_code(results),
        ),
        as_json=as_json,
    )


def _exit_code(results: list[Submission]) -> ExitCode:
    if any(result.pending is not None for result in results):
        return ExitCode.INCOMPLETE
    if any(result.refusal is not None for result in results):
        return ExitCode.REFUSED
    return ExitCode.GOOD


def _line_of(result: Submission) -> str:
    tx_id = result.tx_id.hex()
    if result.receipt is not None:
        return f"{tx_id}  final in block {result.receipt.height}, receipt verified"
    if result.refusal is not None:
        return f"{tx_id}  {result.refusal}"
    return f"{tx_id}  still pending{f': {result.pending.reason}' if result.pending else ''}"


def _data_of(result: Submission) -> dict[str, object]:
    if result.receipt is not None:
        return {"state": "final", **result.receipt.as_dict()}
    if result.refusal is not None:
        return {"state": "refused", **result.refusal.as_dict()}
    more = {} if result.pending is None else result.pending.as_dict()
    return {"state": "pending", "tx_id": result.tx_id.hex(), **more}
