"""``monazite trace``: where a lot came from, whose hands it went through, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from client.answers import LotContent
from client.cli.lookups import ask
from client.cli.options import AsJson, NodeAddresses, ProfileName
from client.cli.output import Outcome, literal, say
from client.cli.words import as_of, composition, mass, share, whereabouts
from client.days import written_date
from client.proving import ProvenTrace, prove_trace
from client.session import Client
from client.tracing import MineOrigin, Trace, TracedLot, TracedTransfer

DOWNSTREAM_SHOWN_MAX = 50


def register(program: typer.Typer) -> None:
    """Add the command to the program."""
    program.command("trace")(trace)


def trace(
    lot: Annotated[str, typer.Argument(help="A lot's id, or creator/code.")],
    *,
    prove: Annotated[
        bool,
        typer.Option("--prove", help="Check every record of the story against its receipt."),
    ] = False,
    profile: ProfileName = None,
    node: NodeAddresses = None,
    as_json: AsJson = False,
) -> int:
    """Show where a lot came from, back to mine and quota, and who has it now."""

    async def question(client: Client) -> tuple[Trace, ProvenTrace | None]:
        found = await client.trace(lot)
        return found, await prove_trace(client, found) if prove else None

    found, proven = ask(profile, node, question)
    data = found.as_dict()
    lines = trace_lines(found)
    if proven is not None:
        data["proven"] = {
            "records": proven.records_count,
            "transactions": proven.transactions_count,
        }
        lines.append(
            Text(
                f"all {proven.records_count} records are proven by receipts against the pinned "
                "genesis; that none is left out is the node's word"
            )
        )
    return say(
        Outcome(
            schema="monazite.trace/1",
            data=data,
            lines=lines,
            warnings=_warnings(found),
            next_command=f"monazite receipt {_proof_of(found)} --out receipt.bin",
        ),
        as_json=as_json,
    )


def trace_lines(trace: Trace) -> list[Any]:
    """Return the story of a lot for people: heading, origin, hands, parts."""
    lot = trace.lot.lot
    lines: list[Any] = [
        Text(f"{lot.name}  {lot.product}  {mass(lot.gross)} gross, {mass(lot.reo)} of oxide"),
        Text(f"now {whereabouts(lot)}"),
    ]
    if lot.parcels:
        lines.append(Text(f"oxide: {composition(lot)}"))
    lines += ["", _origin_tree(trace)]
    if trace.transfers:
        lines += ["", _hands_tree(trace)]
    if trace.downstream:
        lines += ["", _parts_tree(trace)]
    lines += ["", Text(as_of(trace.height, trace.time_ms))]
    return lines


def _origin_tree(trace: Trace) -> Tree:
    """Draw the way back from the lot to mines and quotas."""
    lots = {item.lot.id: item for item in (trace.lot, *trace.upstream)}
    origins = {origin.lot_id: origin for origin in trace.origins}
    tree = Tree("where it came from")
    _add_origins(tree, trace.lot, lots, origins, drawn=set())
    return tree


def _add_origins(
    tree: Tree,
    item: TracedLot,
    lots: dict[str, TracedLot],
    origins: dict[str, MineOrigin],
    drawn: set[str],
) -> None:
    branch = tree.add(literal(_making(item)))
    if item.lot.id in origins:
        _add_mine(branch, origins[item.lot.id])
    for parent_id in item.lot.parents:
        parent = lots.get(parent_id)
        if parent is None:
            branch.add(literal(f"lot {parent_id}: not in this answer"))
        elif parent_id in drawn:
            branch.add(literal(f"{parent.lot.name}: see above"))
        else:
            drawn.add(parent_id)
            _add_origins(branch, parent, lots, origins, drawn)


def _making(item: TracedLot) -> str:
    """Say in words how a lot came into being."""
    lot, made = item.lot, item.made
    if made is None:
        return f"{lot.name}, made in block {lot.made_height}"
    fields = made.record.fields
    place = f"block {made.place.height}"
    match made.record.type:
        case "MineOutput":
            return f"{lot.name}: mined by {made.author}, {place}"
        case "SplitLot":
            return f"{lot.name}: split off by {made.author} on {_day(fields)}, {place}"
        case "OfferTransfer":
            return f"{lot.name}: part taken by {made.author} on {_day(fields)}, {place}"
        case other:
            return f"{lot.name}: {other} of {made.author}, {place}"


def _add_mine(branch: Tree, origin: MineOrigin) -> None:
    fields = origin.output.fields
    facility = str(fields.get("facility", "?"))
    where = facility
    if origin.facility is not None:
        ore = origin.facility.ore or origin.facility.ore_kind
        where = (
            f"{facility}, {origin.facility.place} ({ore} ore, licence {origin.facility.licence})"
        )
    mine = branch.add(literal(f"mine {where}"))
    period = f"{_day(fields, 'period_from')} to {_day(fields, 'period_to')}"
    mine.add(literal(f"dug {period}: {mass(origin.reo)} of oxide"))
    account = origin.account
    if account is not None:
        mine.add(
            literal(
                f"quota {account.year} {account.bucket} of {account.member}: "
                f"{mass(account.used)} of {mass(account.granted)} used "
                f"({share(account.used, account.granted)})"
            )
        )
    else:
        mine.add("no quota account is known: look at the mine")


def _hands_tree(trace: Trace) -> Tree:
    names = {item.lot.id: item.lot.name for item in (trace.lot, *trace.upstream)}
    tree = Tree("hands it went through")
    for transfer in trace.transfers:
        tree.add(literal(_handing(transfer, names)))
    holder = _now(trace.lot.lot)
    tree.add(literal(f"now: {holder}"))
    return tree


def _handing(transfer: TracedTransfer, names: dict[str, str]) -> str:
    fields = transfer.offer.record.fields
    invoice = f", invoice {fields['invoice']}" if fields.get("invoice") else ""
    text = (
        f"{_day(fields)} {transfer.seller} → {fields.get('buyer', '?')}: "
        f"{names.get(transfer.lot_id, transfer.lot_id)} ({fields.get('purpose', '?')}{invoice}), "
        f"block {transfer.offer.place.height}"
    )
    if transfer.answer is None:
        return f"{text}; {transfer.state}"
    answer = transfer.answer
    return f"{text}; {transfer.state} {_day(answer.record.fields)}, block {answer.place.height}"


def _parts_tree(trace: Trace) -> Tree:
    """Draw what was taken from the lot, as it is now."""
    count = len(trace.downstream)
    tree = Tree(f"what was taken from it ({count} lot{'s' if count > 1 else ''})")
    branches: dict[str, Tree] = {trace.lot.lot.id: tree}
    for item in trace.downstream[:DOWNSTREAM_SHOWN_MAX]:
        parents = [parent for parent in item.lot.parents if parent in branches]
        branch = branches[parents[0]] if parents else tree
        words = f"{item.lot.name}  {mass(item.lot.gross)}, {_now(item.lot)}"
        branches[item.lot.id] = branch.add(literal(words))
    if count > DOWNSTREAM_SHOWN_MAX:
        tree.add(f"… and {count - DOWNSTREAM_SHOWN_MAX} more (--json shows all)")
    return tree


def _now(lot: LotContent) -> str:
    return whereabouts(lot)


def _warnings(trace: Trace) -> list[str]:
    found = []
    if trace.is_cut:
        found.append("the story is longer than the node was ready to tell; it is not whole")
    if trace.held:
        names = {item.lot.id: item.lot.name for item in (trace.lot, *trace.upstream)}
        held = ", ".join(names.get(lot_id, lot_id) for lot_id in trace.held)
        found.append(f"held by the authorities: {held}")
    return found


def _proof_of(trace: Trace) -> str:
    """Return the transaction that proves most about where the lot is now."""
    accepted = [
        transfer.answer.tx_id
        for transfer in trace.transfers
        if transfer.answer is not None and transfer.lot_id == trace.lot.lot.id
    ]
    return accepted[-1] if accepted else trace.lot.lot.made_by.tx_id


def _day(fields: dict[str, Any], name: str = "date") -> str:
    value = fields.get(name)
    return written_date(value) if isinstance(value, int) else "an unknown day"
