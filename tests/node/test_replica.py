"""Four replicas on a pump: what becomes of transactions when everything goes well, and when it does not."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.effects import Broadcast, Commit, Drop, Execute
from consensus.messages import Message, Proposal, Vote
from ledger.parsed import ParsedTransaction, parse_transaction
from ledger.records.set_plan import SetPlan
from ledger.refusal import RefusalCode, Refused
from ledger.vocabulary import Activity, Bucket, Role
from ledger.wire.certificate import CertificateKind
from ledger.wire.codec import encode
from ledger.wire.scalars import CivilDate, Digest, Grams, LotId, MemberId
from ledger.wire.transaction import KeySignature, SignedTransaction, sign_transaction
from node.effects import Finalized, Forward, Submission
from node.mempool import MempoolLimits, PendingTransaction
from node.replica import RESEND_INTERVAL_MS
from tests.support.founding import FOUNDERS, MINISTRY, NORTH, sole_genesis
from tests.support.keys import key_of, sign_of
from tests.support.node_network import NodeNetwork
from tests.support.trading import (
    BUYER,
    MINE,
    OTHER_MINE,
    TRADER,
    lot_of,
    offer,
    output,
    reject,
    split,
    transfer_of,
)
from tests.support.world import World

DAY_MS = 86_400_000


def plan(world: World, year: int, *, valid_until_ms: int | None = None) -> ParsedTransaction:
    """Return a transaction of the ministry that applies once for each year."""
    record = SetPlan(
        year=year, bucket=Bucket.ROCK_MINING, total=Grams(10**9), document=Digest(bytes(32))
    )
    return world.transaction(MINISTRY, record, valid_until_ms=valid_until_ms)


def assert_agreement(network: NodeNetwork) -> None:
    """Check that all nodes stand at one height with one state."""
    tips = {node.replica.chain.tip for node in network.nodes.values()}
    assert len(tips) == 1, {name: node.height for name, node in network.nodes.items()}


def mined_lot(network: NodeNetwork, code: str = "C-1") -> LotId:
    """Make a lot final everywhere."""
    mined = network.world.transaction(MINE, output(code=code, gross=Grams(1_000_000)))
    network.submit(FOUNDERS[0], mined)
    network.finish(mined)
    return lot_of(mined)


def double_sale(
    network: NodeNetwork, *, valid_until_ms: int | None = None
) -> tuple[ParsedTransaction, ParsedTransaction]:
    """Sell one lot twice over two nodes at once; return the sale that won and the one that waits."""
    lot = mined_lot(network)
    sales = [
        network.world.transaction(
            MINE, offer(lot, buyer=buyer, invoice=buyer), valid_until_ms=valid_until_ms
        )
        for buyer in (BUYER, TRADER)
    ]
    for name, sale in zip(("north-group", "south-group"), sales, strict=True):
        assert network.submit(name, sale) is Submission.ADMITTED
    committed = network["customs"].replica.chain.committed
    network.until(lambda: any(committed.has_transaction(sale.tx_id) for sale in sales))
    network.settle()
    won, waits = sorted(sales, key=lambda sale: not committed.has_transaction(sale.tx_id))
    assert not committed.has_transaction(waits.tx_id)
    return won, waits


# ---- everything goes well


def test_a_transaction_becomes_final_on_all_nodes_without_any_time_passing() -> None:
    network = NodeNetwork()
    parsed = plan(network.world, 2030)
    assert network.submit("north-group", parsed) is Submission.ADMITTED
    network.settle()
    for node in network.nodes.values():
        assert node.replica.state_of(parsed.tx_id) == node.height
        assert [len(final.executed.transactions) for final in node.finalized] == [1]
        assert not len(node.replica.mempool)
    assert_agreement(network)


def test_transactions_of_many_authors_at_all_nodes_end_in_one_history() -> None:
    network = NodeNetwork()
    authors = (MINE, OTHER_MINE)
    lot = mined_lot(network)
    transactions = [plan(network.world, 2030 + number) for number in range(60)]
    transactions += [network.world.transaction(MINE, split(lot, 400_000, 600_000))]
    transactions += [
        network.world.transaction(author, output(code=f"D-{number}", gross=Grams(1_000)))
        for number, author in enumerate(authors)
        if author is MINE
    ]
    for number, parsed in enumerate(transactions[:-1]):
        network.submit(FOUNDERS[number % 4], parsed)
    network.finish(*transactions[:-1])
    assert_agreement(network)
    assert network["customs"].replica.state_of(transactions[0].tx_id)


def test_a_receipt_is_due_only_after_the_store_has_the_block() -> None:
    network = NodeNetwork()
    node = network["customs"]
    network.submit("customs", plan(network.world, 2030))
    stored: list[int] = []

    def watch(request: object) -> bool:
        if isinstance(request, Commit):
            stored.append(len(node.trace))
        return False

    node.hold = watch
    network.settle()
    positions = [i for i, effect in enumerate(node.trace) if isinstance(effect, Finalized)]
    assert positions
    assert positions[0] >= stored[0]


def test_an_observer_follows_and_never_votes() -> None:
    network = NodeNetwork(observers=("watcher",))
    parsed = plan(network.world, 2030)
    network.submit("watcher", parsed)
    network.finish(parsed)
    assert_agreement(network)
    assert network["watcher"].replica.status.own is None


def test_a_single_validator_is_a_network() -> None:
    network = NodeNetwork(genesis=sole_genesis(), names=(MINISTRY,))
    parsed = plan(network.world, 2030)
    network.submit(MINISTRY, parsed)
    network.settle()
    assert network[MINISTRY].replica.state_of(parsed.tx_id) == network[MINISTRY].height


# ---- the same transaction more than once


def test_a_transaction_submitted_again_is_pending_then_final_and_never_twice_on_the_ledger() -> (
    None
):
    network = NodeNetwork()
    parsed = plan(network.world, 2030)
    assert network.submit("customs", parsed) is Submission.ADMITTED
    assert network.submit("customs", parsed) is Submission.PENDING
    assert network.submit("north-group", parsed) is Submission.ADMITTED
    network.settle()
    for name in FOUNDERS:
        assert network.submit(name, parsed) is Submission.FINAL
    network.pass_time(10_000)
    assert {node.height for node in network.nodes.values()} == {network.world.height + 1}


def test_a_refusal_at_admission_forwards_nothing() -> None:
    network = NodeNetwork()
    node = network["customs"]
    refused = network.world.transaction(MINE, output(gross=Grams(10**9)))
    before = len(node.trace)
    with pytest.raises(Refused) as caught:
        network.submit("customs", refused)
    assert caught.value.code is RefusalCode.COMPOSITION_INVALID
    assert not any(isinstance(effect, Forward) for effect in node.trace[before:])
    assert node.replica.state_of(refused.tx_id) is None
    parsed = plan(network.world, 2030)
    network.submit("customs", parsed)
    network.finish(parsed)


# ---- a transaction that does not apply now


def test_a_transaction_that_lost_a_race_waits_with_its_reason_and_applies_later() -> None:
    network = NodeNetwork()
    won, waits = double_sale(network)
    pending = network["south-group"].replica.state_of(waits.tx_id)
    assert isinstance(pending, PendingTransaction)
    network.pass_time(3_000)
    reasons = {
        pending.refusal.code
        for node in network.nodes.values()
        if (pending := node.replica.mempool.get(waits.tx_id)) is not None and pending.refusal
    }
    assert reasons == {RefusalCode.LOT_NOT_FREE}
    buyer = won.records[0].buyer  # type: ignore[attr-defined]
    lot = won.records[0].lot  # type: ignore[attr-defined]
    same_day = CivilDate(2024_03_22)
    rejection = network.world.transaction(buyer, reject(lot, transfer_of(won), date=same_day))
    network.submit("customs", rejection)
    network.finish(rejection)
    # The loser is tried again at a later height; other traffic brings that height.
    for number in range(8):
        parsed = plan(network.world, 2030 + number)
        network.submit("customs", parsed)
        network.finish(parsed)
    network.finish(waits)
    assert_agreement(network)


def test_an_idle_network_answers_an_expired_transaction_with_one_empty_block() -> None:
    network = NodeNetwork()
    valid_until_ms = network.wall_ms + 60_000
    _won, waits = double_sale(network, valid_until_ms=valid_until_ms)
    height = network["customs"].height
    network.until(lambda: all(waits.tx_id in node.expired for node in network.nodes.values()))
    assert valid_until_ms < network.wall_ms < valid_until_ms + 10_000
    assert {node.height for node in network.nodes.values()} == {height + 1}
    last = network["customs"].finalized[-1]
    assert last.executed.transactions == ()
    for node in network.nodes.values():
        assert node.expired[waits.tx_id].refusal.code in (
            RefusalCode.LOT_NOT_FREE,
            RefusalCode.EXPIRED,
        )
        assert node.replica.state_of(waits.tx_id) is node.expired[waits.tx_id].refusal
        assert not len(node.replica.mempool)
    network.pass_time(30_000)
    assert {node.height for node in network.nodes.values()} == {height + 1}
    with pytest.raises(Refused) as caught:
        network.submit("south-group", waits)
    assert caught.value.code is RefusalCode.EXPIRED


def test_a_leader_is_not_given_up_because_nothing_applies() -> None:
    network = NodeNetwork()
    double_sale(network)
    network.pass_time(5_000)
    views = {node.replica.status.view for node in network.nodes.values()}
    network.pass_time(120_000)
    assert {node.replica.status.view for node in network.nodes.values()} == views


def test_an_idle_network_says_nothing_but_where_it_stands() -> None:
    network = NodeNetwork()
    network.pass_time(5_000)
    views = [node.replica.status.view for node in network.nodes.values()]
    network.pass_time(600_000)
    assert [node.replica.status.view for node in network.nodes.values()] == views
    assert not any(isinstance(effect, Forward) for effect in network["customs"].trace)


# ---- what gets lost on the way


def test_a_transaction_whose_forward_was_lost_is_offered_again() -> None:
    network = NodeNetwork()
    parsed = plan(network.world, 2030)
    follower = network.followers()[0]
    network.transactions_lost = {(follower, other) for other in network.others(follower)}
    network.submit(follower, parsed)
    network.settle()
    network.transactions_lost = set()
    assert network.until(lambda: network.nodes[follower].height > network.world.height) <= (
        2 * RESEND_INTERVAL_MS
    )
    network.finish(parsed)


def test_a_peer_that_comes_back_hears_what_clients_wait_for() -> None:
    network = NodeNetwork()
    follower = network.followers()[0]
    network.isolate(follower)
    parsed = plan(network.world, 2030)
    network.submit(follower, parsed)
    network.pass_time(500)
    network.heal()
    network.settle()
    assert all(
        node.replica.mempool.get(parsed.tx_id) or node.replica.state_of(parsed.tx_id)
        for node in network.nodes.values()
    )
    network.finish(parsed)


def test_offers_go_round_so_that_none_is_starved_by_others_that_wait() -> None:
    network = NodeNetwork(limits=MempoolLimits())
    follower = network.followers()[0]
    network.isolate(follower)
    transactions = [plan(network.world, 2030 + number) for number in range(1_100)]
    for parsed in transactions:
        network.submit(follower, parsed)
    node = network[follower]
    offered: set[bytes] = set()
    for _ in range(4):
        before = len(node.trace)
        network.pass_time(RESEND_INTERVAL_MS)
        for effect in node.trace[before:]:
            if isinstance(effect, Forward):
                assert len(effect.transactions) <= 512
                offered.update(effect.transactions)
    assert len(offered) == len(transactions)


def test_a_transaction_valid_for_a_day_is_taken_by_peers_whose_tip_is_hours_old() -> None:
    network = NodeNetwork()
    network.wall_ms += 5 * 3_600_000
    parsed = plan(network.world, 2030, valid_until_ms=network.wall_ms + DAY_MS)
    network.submit(network.followers()[0], parsed)
    network.settle()
    assert {node.height for node in network.nodes.values()} == {network.world.height + 1}


# ---- views that end without a block


def test_a_transaction_in_a_proposal_that_was_given_up_is_work_again_at_once() -> None:
    network = NodeNetwork()
    view = network["customs"].replica.status.view

    def loses(_sender: str, _receiver: str, message: Message) -> bool:
        is_vote = isinstance(message, Vote) and message.kind is CertificateKind.NOTARIZATION
        return is_vote and message.view == view  # type: ignore[union-attr]

    network.loses = loses
    parsed = plan(network.world, 2030)
    network.submit("customs", parsed)
    network.settle()
    assert all(network[name].height == network.world.height for name in FOUNDERS)
    took_ms = network.until(
        lambda: all(node.height > network.world.height for node in network.nodes.values())
    )
    assert took_ms < 10_000
    network.finish(parsed)
    for node in network.nodes.values():
        # The block of the view that was given up is forgotten with the next one that is stored.
        assert any(isinstance(effect, Drop) for effect in node.trace)
        assert not node.replica.chain._executed
        assert not node.replica._executing


def test_a_block_that_was_dropped_while_it_waited_for_execution_is_not_executed() -> None:
    network = NodeNetwork()
    slow = network[network.followers()[0]]
    view = slow.replica.status.view
    slow.hold = lambda request: isinstance(request, Execute) and request.block.header.view == view
    network.loses = lambda _s, _r, message: (
        isinstance(message, Vote)
        and message.kind is CertificateKind.NOTARIZATION
        and message.view == view
    )
    parsed = plan(network.world, 2030)
    network.submit("customs", parsed)
    network.finish(parsed)
    assert [type(request) for request in slow.held] == [Execute]
    slow.hold = lambda _request: False
    slow.release()
    network.settle()
    assert not slow.replica.chain._executed
    again = plan(network.world, 2031)
    network.submit(slow.name, again)
    network.finish(again)
    assert_agreement(network)


def test_a_block_that_is_built_after_its_view_has_ended_comes_to_nothing() -> None:
    network = NodeNetwork()
    leader = network[network.leader()]
    leader.hold = lambda request: not isinstance(request, Commit | Execute)
    parsed = plan(network.world, 2030)
    network.submit(leader.name, parsed)
    network.until(lambda: parsed_is_final(network, parsed, but=leader.name))
    leader.hold = lambda _request: False
    leader.release()
    network.finish(parsed)
    assert not leader.replica.chain._executed
    assert_agreement(network)


def test_a_block_with_a_wrong_state_root_is_not_voted_for_and_its_transactions_go_on() -> None:
    network = NodeNetwork()
    leader = network[network.leader()]
    chain = leader.replica.chain
    honest_build = chain.build

    def lying_build(*arguments: object, **named: object) -> object:
        block_id, built = honest_build(*arguments, **named)  # type: ignore[arg-type]
        chain.drop((block_id,))
        header = msgspec.structs.replace(built.block.header, state_root=Digest(bytes(32)))
        block = msgspec.structs.replace(built.block, header=header)
        return header.block_id, dataclasses.replace(built, block=block)

    chain.build = lying_build  # type: ignore[method-assign,assignment]
    parsed = plan(network.world, 2030)
    network.submit("customs", parsed)
    others = [node for node in network.nodes.values() if node is not leader]
    network.until(lambda: parsed_is_final(network, parsed, but=leader.name))
    proposals = [
        effect.message
        for effect in leader.trace
        if isinstance(effect, Broadcast) and isinstance(effect.message, Proposal)
    ]
    assert proposals
    assert all(node.replica.chain.tip.state_root != bytes(32) for node in others)


# ---- faulty peers


def other_form(parsed: ParsedTransaction, *extra: tuple[str, Role]) -> ParsedTransaction:
    """Return the same wish with further signatures."""
    signatures = {entry.key: entry for entry in parsed.signed.signatures}
    for member, role in extra:
        signed = sign_transaction(
            parsed.signed.transaction, {key_of(member, role): sign_of(member, role)}
        )
        signatures[signed.signatures[0].key] = signed.signatures[0]
    return _with(parsed, tuple(signatures[key] for key in sorted(signatures)))


def signed_by_stranger(parsed: ParsedTransaction) -> ParsedTransaction:
    signed = sign_transaction(
        parsed.signed.transaction,
        {key_of("stranger", Role.OPERATOR): sign_of("stranger", Role.OPERATOR)},
    )
    return _with(parsed, signed.signatures)


def _with(parsed: ParsedTransaction, signatures: tuple[KeySignature, ...]) -> ParsedTransaction:
    signed = SignedTransaction(transaction=parsed.signed.transaction, signatures=signatures)
    made = parse_transaction(encode(signed))
    made.verify_signatures()
    assert made.tx_id == parsed.tx_id
    return made


def test_keys_that_stand_on_no_ledger_take_no_room_from_an_honest_author() -> None:
    network = NodeNetwork(limits=MempoolLimits(author_transactions_max=4))
    node = network["customs"]
    forged = [signed_by_stranger(plan(network.world, 2040 + number)) for number in range(40)]
    node.take_in("south-group", *forged)
    assert len(node.replica.mempool) == 0
    honest = plan(network.world, 2030)
    assert network.submit("customs", honest) is Submission.ADMITTED
    network.finish(honest)


def test_another_form_of_a_wish_does_not_keep_the_true_one_out() -> None:
    network = NodeNetwork()
    parsed = plan(network.world, 2030)
    useless = other_form(parsed, (NORTH, Role.OPERATOR))
    for name in network.others("customs"):
        network[name].take_in("south-group", useless)
    assert network.submit("customs", parsed) is Submission.ADMITTED
    network.finish(parsed)
    final = network["customs"].finalized[-1].executed.transactions[0]
    assert final.signed_bytes == parsed.signed_bytes


def test_a_client_may_submit_where_a_peer_has_brought_another_form_of_its_wish() -> None:
    network = NodeNetwork()
    node = network["customs"]
    parsed = plan(network.world, 2030)
    useless = other_form(parsed, (NORTH, Role.OPERATOR))
    node.take_in("south-group", useless)
    assert node.replica.mempool.get(parsed.tx_id) is not None
    assert network.submit("customs", parsed) is Submission.ADMITTED
    network.finish(parsed)


def test_a_useless_form_that_a_client_submits_is_refused_and_changes_nothing() -> None:
    network = NodeNetwork()
    node = network["customs"]
    parsed = plan(network.world, 2030)
    useless = other_form(parsed, (NORTH, Role.OPERATOR))
    node.replica.on_transactions("south-group", [parsed], network.now())
    with pytest.raises(Refused) as caught:
        network.submit("customs", useless)
    assert caught.value.code is RefusalCode.SIGNATURE_NOT_NEEDED
    pending = node.replica.mempool.get(parsed.tx_id)
    assert pending is not None
    assert pending.parsed.signed_bytes == parsed.signed_bytes


def test_a_transaction_of_a_member_that_is_just_being_admitted_waits_for_its_register_entry() -> (
    None
):
    network = NodeNetwork()
    newcomer = MemberId("smelter-e")
    admission = network.world.transaction(
        MINISTRY, network.world.admission(newcomer, activities=(Activity.TRADE,))
    )
    node = network["customs"]
    early = network.world.transaction(newcomer, output())
    node.take_in("south-group", early)
    assert node.replica.mempool.get(early.tx_id) is None
    network.submit("north-group", admission)
    network.finish(admission)
    assert node.replica.mempool.get(early.tx_id) is not None


def test_expired_transactions_of_peers_are_not_taken() -> None:
    network = NodeNetwork()
    node = network["customs"]
    old = plan(network.world, 2030, valid_until_ms=node.replica.chain.tip.time_ms)
    node.take_in("south-group", old)
    assert len(node.replica.mempool) == 0


# ---- stopping and starting


def test_a_node_that_was_down_catches_up_and_agrees() -> None:
    network = NodeNetwork()
    down = network["south-group"]
    down.running = False
    parsed = [plan(network.world, 2030 + number) for number in range(5)]
    for entry in parsed:
        network.submit("customs", entry)
        network.finish(entry)
    down.reopen()
    for other in network.others("south-group"):
        network.connect("south-group", other)
        network.connect(other, "south-group")
    network.finish(*parsed)
    assert_agreement(network)


def test_all_nodes_may_restart_at_any_moment_and_go_on() -> None:
    network = NodeNetwork()
    first, second = plan(network.world, 2030), plan(network.world, 2031)
    network.submit("customs", first)
    network.finish(first)
    network.submit("customs", second)
    for node in network.nodes.values():
        node.reopen()
    for name in FOUNDERS:
        for other in network.others(name):
            network.connect(name, other)
    network.settle()
    network.submit("north-group", second)
    network.finish(second)
    assert_agreement(network)


# ---- anything, in any order


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_whatever_gets_lost_all_nodes_end_at_one_state(data: st.DataObject) -> None:
    network = NodeNetwork()
    transactions: list[ParsedTransaction] = []
    for number in range(data.draw(st.integers(3, 8), label="steps")):
        match data.draw(st.sampled_from(["submit", "wait", "isolate", "restart"]), label="step"):
            case "submit":
                parsed = plan(network.world, 2030 + number)
                network.submit(data.draw(st.sampled_from(FOUNDERS)), parsed)
                transactions.append(parsed)
            case "wait":
                network.pass_time(data.draw(st.integers(1, 3_000)))
            case "isolate":
                network.heal()
                network.isolate(data.draw(st.sampled_from(FOUNDERS)))
            case _:
                node = network[data.draw(st.sampled_from(FOUNDERS))]
                node.reopen()
                for other in network.others(node.name):
                    network.connect(node.name, other)
                    network.connect(other, node.name)
    network.heal()
    for parsed in transactions:
        network.submit(data.draw(st.sampled_from(FOUNDERS)), parsed)
    network.finish(*transactions)
    network.until(lambda: len({node.height for node in network.nodes.values()}) == 1)
    assert_agreement(network)


# ---- pieces


def parsed_is_final(network: NodeNetwork, parsed: ParsedTransaction, *, but: str) -> bool:
    return all(
        node.replica.chain.committed.has_transaction(parsed.tx_id)
        for name, node in network.nodes.items()
        if name != but
    )
