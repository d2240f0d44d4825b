"""Look-ups: ``lot show``, ``member show``, ``member list``, ``quota show``, ``status``, ``block show``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from client import answers
from client.cli.options import AsJson, NodeAddresses, ProfileName, reading_client
from client.cli.output import Outcome, literal, say
from client.cli.words import as_of, composition, counted, mass, moment, share, whereabouts
from client.days import written_date
from client.errors import UsageError
from client.session import Client
from client.suggestion import suggestion
from ledger.vocabulary import Bucket

R = TypeVar("R")

lot_app = typer.Typer(name="lot", help="Look up lots.", no_args_is_help=True)
member_app = typer.Typer(name="member", help="Look up members.", no_args_is_help=True)
quota_app = typer.Typer(name="quota", help="Look up quota accounts.", no_args_is_help=True)
block_app = typer.Typer(name="block", help="Look up blocks.", no_args_is_help=True)


def register(program: typer.Typer) -> None:
    """Add the commands to the program."""
    for app in (lot_app, member_app, quota_app, block_app):
        program.add_typer(app)
    program.command("status")(status)


def ask(
    profile: str | None, nodes: list[str] | None, question: Callable[[Client], Awaitable[R]]
) -> R:
    """Return the answer to one question to the ledger."""

    async def work() -> R:
        async with reading_client(profile, nodes) as client:
            return await question(client)

    return asyncio.run(work())


@lot_app.command("show")
def show_lot(
    lot: Annotated[str, typer.Argument(help="A lot's id, or creator/code.")],
    *,
    profile: ProfileName = None,
    node: NodeAddresses = None,
    as_json: AsJson = False,
) -> int:
    """Show a lot as it stands now."""
    found = ask(profile, node, lambda client: client.lot(lot))
    lines: list[Any] = [
        f"{found.name}  {found.product}  {mass(found.gross)} gross, {mass(found.reo)} of oxide",
        f"lot {found.id}",
        f"now {whereabouts(found)}",
        f"last moved {written_date(found.date)}, made in block {found.made_height}",
    ]
    if found.parcels:
        lines.append(f"oxide: {composition(found)}")
    lines += [
        f"from {parcel.origin} ({parcel.status}): {mass(sum(grams for _, grams in parcel.grams))}"
        for parcel in found.parcels
    ]
    lines.append(as_of(found.height, found.time_ms))
    return say(
        Outcome(
            schema="monazite.lot/1",
            data={**found.as_dict(), "reo": found.reo},
            lines=lines,
            next_command=f"monazite trace {found.name}",
        ),
        as_json=as_json,
    )


@member_app.command("show")
def show_member(
    member: Annotated[str, typer.Argument(help="A member's id.")],
    *,
    profile: ProfileName = None,
    node: NodeAddresses = None,
    as_json: AsJson = False,
) -> int:
    """Show a member with its keys and facilities."""
    found = ask(profile, node, lambda client: client.member(member))
    standing = found.status + (f": {found.status_reason}" if found.status_reason else "")
    lines: list[Any] = [
        f"{found.id}  {found.name}",
        f"{found.kind}{'' if found.office == 'none' else f' ({found.office})'}, {standing}",
        f"registration {found.registration}; {found.province}"
        + (f"; group {found.group}" if found.group else ""),
    ]
    if found.activities:
        lines.append(f"approved for {', '.join(found.activities)}")
    lines += [
        f"facility {item.id}: {item.activity} at {item.place}"
        + (f", {item.ore or item.ore_kind} ore" if item.ore_kind != "none" else "")
        for item in found.facilities
    ]
    lines += [
        f"key {item.key[:16]}… {item.role}, {item.person}, "
        + (
            f"REVOKED {moment(item.revoked_ms)}"
            if item.revoked_ms
            else f"valid until {moment(item.valid_until_ms)}"
        )
        for item in found.keys
    ]
    lines.append(as_of(found.height, found.time_ms))
    return say(
        Outcome(schema="monazite.member/1", data=found.as_dict(), lines=lines), as_json=as_json
    )


@member_app.command("list")
def list_members(
    *, profile: ProfileName = None, node: NodeAddresses = None, as_json: AsJson = False
) -> int:
    """List the register of approved members."""

    async def question(client: Client) -> list[answers.MemberEntry]:
        return [member async for member in client.members()]

    found = ask(profile, node, question)
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("id", "name", "kind", "activities", "status"):
        table.add_column(heading, overflow="fold")
    for member in found:
        kind = member.kind if member.office == "none" else member.office
        cells = (member.id, member.name, kind, ", ".join(member.activities), member.status)
        table.add_row(*map(literal, cells))
    return say(
        Outcome(
            schema="monazite.members/1",
            data={"members": [member.as_dict() for member in found]},
            lines=[table, counted(len(found), "member")],
        ),
        as_json=as_json,
    )


@quota_app.command("show")
def show_quota(
    year: Annotated[str, typer.Argument(help="The calendar year, such as 2024.")],
    bucket: Annotated[str, typer.Argument(help="rock_mining, ionic_mining or separation.")],
    member: Annotated[
        str | None, typer.Argument(help="Whose; the profile's member if left out.")
    ] = None,
    *,
    profile: ProfileName = None,
    node: NodeAddresses = None,
    as_json: AsJson = False,
) -> int:
    """Show what a member was granted, has used, and may still produce."""
    known = [entry.name.lower() for entry in Bucket]
    if not _is_year(year):
        raise UsageError(f"{year!r} is no year.{_quota_order((year, bucket, member), known)}")
    word = bucket.lower().replace("-", "_")
    if word not in known:
        raise UsageError(
            f"{bucket!r} is no bucket; there are {', '.join(known)}.{suggestion(word, known)}"
        )
    found = ask(
        profile, node, lambda client: client.quota(int(year), word, member or client.author)
    )
    lines: list[Any] = [
        f"{found.member}, {found.bucket} {found.year}, in oxide:",
        f"granted {mass(found.granted)} by {counted(len(found.grants), 'grant')}",
        f"used    {mass(found.used)} ({share(found.used, found.granted)})",
        f"left    {mass(found.left)}",
        as_of(found.height, found.time_ms),
    ]
    return say(
        Outcome(
            schema="monazite.quota/1", data={**found.as_dict(), "left": found.left}, lines=lines
        ),
        as_json=as_json,
    )


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isascii() and word.isdigit() and word >= "1970"


def _quota_order(words: Sequence[str | None], known: Sequence[str]) -> str:
    """Return the command with the words in their order, when they only were in another one."""
    said = [word for word in words if word is not None]
    years = [word for word in said if _is_year(word)]
    buckets = [word for word in said if word.lower().replace("-", "_") in known]
    others = [word for word in said if word not in (*years, *buckets)]
    if len(years) != 1 or len(buckets) != 1:
        return " Write YEAR BUCKET [MEMBER], such as `monazite quota show 2024 rock_mining`."
    return f" Did you mean `monazite quota show {' '.join([*years, *buckets, *others])}`?"


def status(
    *, profile: ProfileName = None, node: NodeAddresses = None, as_json: AsJson = False
) -> int:
    """Show where a node stands: its height, its peers, whether it is the pinned network's."""

    async def question(client: Client) -> tuple[answers.Status, str]:
        pinned = "" if client.profile is None else client.profile.chain_id.hex()
        return await client.status(), pinned

    found, pinned = ask(profile, node, question)
    connected = sum(peer.connected for peer in found.peers)
    lines = [
        f"{found.node} of {found.member}, network {found.network}, software {found.software}",
        f"block {found.height}, {moment(found.time_ms)}",
        f"block id {found.block_id}",
        f"validators: {', '.join(entry.name for entry in found.validators)}",
        f"peers: {connected} of {len(found.peers)} connected",
        f"waiting: {counted(found.mempool.transactions, 'transaction')}",
    ]
    warnings = []
    if found.without_quorum:
        warnings.append(f"{found.without_quorum}; nothing becomes final until more are connected")
    if found.halted:
        warnings.append(f"the node has stopped: {found.halted}")
    if found.evidence:
        pieces = counted(len(found.evidence), "piece")
        warnings.append(f"the node holds {pieces} of evidence of misconduct")
    if pinned and pinned != found.chain_id:
        raise UsageError(
            f"{found.node} is of the chain {found.chain_id}, the profile pins {pinned}: it is "
            "another network. Check the node's address."
        )
    if not pinned:
        warnings.append("no genesis is pinned, so it is not known whether this is the right chain")
    return say(
        Outcome(schema="monazite.status/1", data=found.as_dict(), lines=lines, warnings=warnings),
        as_json=as_json,
    )


@block_app.command("show")
def show_block(
    height: Annotated[int, typer.Argument(min=0)],
    *,
    profile: ProfileName = None,
    node: NodeAddresses = None,
    as_json: AsJson = False,
) -> int:
    """Show a block: its header and what its transactions say."""
    found = ask(profile, node, lambda client: client.block(height))
    header = found.get("header", found)
    transactions = found.get("transactions", [])
    lines: list[Any] = [
        f"block {header.get('height')}  {moment(int(header.get('time_ms', 0)))}",
        f"id {header.get('block_id')}",
        f"parent {header.get('parent')}",
        f"state root {header.get('state_root')}",
        counted(len(transactions), "transaction"),
    ]
    for transaction in transactions:
        names = [record.get("type", "?") for record in transaction.get("records", [])]
        said = ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))
        lines.append(f"{transaction.get('tx_id')}  {transaction.get('author')}: {said}")
    return say(Outcome(schema="monazite.block/1", data=found, lines=lines), as_json=as_json)
