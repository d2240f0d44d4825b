from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consensus.electorate import Electorate
from consensus.peers import OTHER_PEERS_MAX, TOKEN_INTERVAL_MS, TOKENS_MAX, PeerBook
from ledger.wire.scalars import Height, ValidatorIndex
from tests.consensus.rig import Chain

CHAIN = Chain()
NAMES = CHAIN.electorate.names


def book(own: int | None = 1) -> PeerBook:
    electorate = Electorate(
        CHAIN.electorate.chain_id,
        CHAIN.electorate.epoch,
        CHAIN.validators,
        None if own is None else ValidatorIndex(own),
    )
    peers = PeerBook(electorate)
    peers.start(1_000)
    return peers


def test_a_node_is_no_peer_of_itself() -> None:
    peers = book()
    assert peers.hear(NAMES[1], 1_000) is None
    assert NAMES[1] not in peers.to_ask((NAMES[1],), 1_000, 100)
    assert len(peers.all()) == 3


def test_hints_are_asked_first_then_active_validators_then_the_rest() -> None:
    peers = book()
    peers.hear(NAMES[3], 5_000)
    assert peers.to_ask((NAMES[2],), 5_000, 1_000) == (NAMES[2], NAMES[3], NAMES[0])
    assert peers.to_ask(("nobody",), 5_000, 1_000) == (NAMES[3], NAMES[2], NAMES[0])


def test_a_peer_that_does_not_answer_is_asked_after_the_others_until_it_does() -> None:
    peers = book()
    peers.note_answer(NAMES[2], good=False)
    assert peers.to_ask((NAMES[2],), 1_000, 1_000)[-1] == NAMES[2]
    peers.note_answer(NAMES[2], good=True)
    assert peers.to_ask((NAMES[2],), 1_000, 1_000)[0] == NAMES[2]


def test_only_so_many_strangers_are_remembered() -> None:
    peers = book()
    known = [peers.hear(f"observer-{i}", 1_000) is not None for i in range(OTHER_PEERS_MAX + 9)]
    assert sum(known) == OTHER_PEERS_MAX + 1
    assert peers.hear("observer-0", 2_000) is not None
    assert not peers.spend("somebody", 1, 1_000)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 8)), max_size=60))
def test_no_peer_ever_gets_more_than_its_ration(spending: list[tuple[int, int]]) -> None:
    peers = book()
    now, spent = 1_000, 0
    for wait, tokens in spending:
        now += wait
        spent += tokens if peers.spend(NAMES[0], tokens, now) else 0
    assert spent <= TOKENS_MAX + (now - 1_000) // TOKEN_INTERVAL_MS


def test_an_idle_peers_tokens_come_back() -> None:
    peers = book()
    assert peers.spend(NAMES[0], TOKENS_MAX, 1_000)
    assert not peers.spend(NAMES[0], 1, 1_000 + TOKEN_INTERVAL_MS - 1)
    assert peers.spend(NAMES[0], 1, 1_000 + TOKEN_INTERVAL_MS)


def test_a_silent_leader_may_be_skipped_only_while_a_quorum_speaks() -> None:
    peers = book()
    leader = ValidatorIndex(0)
    assert not peers.is_skippable(leader, 1_050, 100)
    assert not peers.is_skippable(leader, 2_000, 100)
    peers.hear(NAMES[2], 2_000)
    peers.hear(NAMES[3], 2_000)
    assert peers.is_skippable(leader, 2_000, 100)
    assert not peers.is_skippable(ValidatorIndex(1), 2_000, 100), "the own one is never silent"


def test_peers_that_are_ahead_are_found_by_height() -> None:
    peers = book()
    peer = peers.of(ValidatorIndex(3))
    assert peer is not None
    peer.final_height = Height(7)
    assert peers.ahead(Height(7)) == (NAMES[3],)
    assert peers.ahead(Height(8)) == ()
