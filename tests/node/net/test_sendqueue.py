"""What waits for a peer: order, sharing of frames, limits."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from node.net.framing import COALESCED_BYTES_MAX, LENGTH_BYTES, MESSAGE_BYTES_MAX, pack
from node.net.sendqueue import DEFAULT_LIMITS, Priority, QueueLimit, SendQueue

LIMITS = {priority: QueueLimit(messages_max=3, bytes_max=20) for priority in Priority}


@given(st.lists(st.tuples(st.sampled_from(Priority), st.integers(1, 40_000)), max_size=30))
def test_everything_leaves_by_priority_and_then_in_order(
    puts: list[tuple[Priority, int]],
) -> None:
    queue = SendQueue()
    messages: dict[Priority, list[bytes]] = {priority: [] for priority in Priority}
    for number, (priority, size) in enumerate(puts):
        message = number.to_bytes(2, "big") + bytes(size)
        # At most 16 proposals wait at a time; this test is not about limits.
        if len(messages[priority]) < 16:
            assert queue.put(priority, message) == 0
            messages[priority].append(message)
    taken: list[bytes] = []
    while frame := queue.take():
        assert len(frame) == 1 or len(pack(frame)) <= COALESCED_BYTES_MAX
        taken += frame
    assert taken == [message for priority in Priority for message in messages[priority]]
    assert len(queue) == 0
    assert all(queue.bytes_waiting(priority) == 0 for priority in Priority)


def test_a_frame_is_filled_to_the_last_byte() -> None:
    queue = SendQueue()
    half = bytes(COALESCED_BYTES_MAX // 2 - LENGTH_BYTES)
    for message in (half, half, b"next"):
        queue.put(Priority.TRANSACTION, message)
    assert queue.take() == [half, half]
    assert queue.take() == [b"next"]
    assert queue.take() == []


def test_a_large_message_leaves_alone_and_nothing_overtakes_it() -> None:
    queue = SendQueue()
    large = bytes(COALESCED_BYTES_MAX)
    queue.put(Priority.TRANSACTION, b"transaction")
    queue.put(Priority.PROPOSAL, large)
    queue.put(Priority.VOTE, b"vote")
    assert queue.take() == [b"vote"]
    assert queue.take() == [large]
    assert queue.take() == [b"transaction"]


@pytest.mark.parametrize("priority", [Priority.VOTE, Priority.PROPOSAL, Priority.FETCH])
def test_a_full_queue_drops_its_oldest(priority: Priority) -> None:
    queue = SendQueue(LIMITS)
    assert [queue.put(priority, b"%d" % number) for number in range(5)] == [0, 0, 0, 1, 1]
    assert queue.take() == [b"2", b"3", b"4"]


def test_a_full_queue_of_transactions_refuses_the_newest() -> None:
    queue = SendQueue(LIMITS)
    assert [queue.put(Priority.TRANSACTION, b"%d" % n) for n in range(5)] == [0, 0, 0, 1, 1]
    assert queue.take() == [b"0", b"1", b"2"]


def test_bytes_are_bounded_too() -> None:
    queue = SendQueue(LIMITS)
    assert queue.put(Priority.VOTE, bytes(9)) == 0
    assert queue.put(Priority.VOTE, bytes(9)) == 0
    assert queue.put(Priority.VOTE, bytes(9)) == 1
    assert queue.bytes_waiting(Priority.VOTE) == 18
    # One message may always wait, or it could never be sent.
    assert queue.put(Priority.VOTE, bytes(50)) == 2
    assert queue.take() == [bytes(50)]


def test_a_full_queue_does_not_touch_the_others() -> None:
    queue = SendQueue(LIMITS)
    for number in range(10):
        queue.put(Priority.TRANSACTION, b"%d" % number)
        queue.put(Priority.FETCH, b"%d" % number)
    assert queue.put(Priority.VOTE, b"vote") == 0
    assert queue.take()[0] == b"vote"


@pytest.mark.parametrize("size", [0, MESSAGE_BYTES_MAX + 1])
def test_a_message_that_no_frame_can_carry_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"message of {size} bytes"):
        SendQueue().put(Priority.VOTE, bytes(size))


def test_clearing_forgets_everything() -> None:
    queue = SendQueue()
    queue.put(Priority.VOTE, b"vote")
    queue.clear()
    assert len(queue) == 0
    assert queue.take() == []


class QueueAgainstModel(RuleBasedStateMachine):
    """The queue against four plain deques."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = SendQueue(LIMITS)
        self.model: dict[Priority, deque[bytes]] = {priority: deque() for priority in Priority}

    @rule(priority=st.sampled_from(Priority), message=st.binary(min_size=1, max_size=25))
    def put(self, priority: Priority, message: bytes) -> None:
        waiting, limit = self.model[priority], LIMITS[priority]
        dropped = 0
        while waiting and (
            len(waiting) == limit.messages_max
            or sum(map(len, waiting)) + len(message) > limit.bytes_max
        ):
            dropped += 1
            if priority is Priority.TRANSACTION:
                break
            waiting.popleft()
        else:
            waiting.append(message)
        assert self.queue.put(priority, message) == dropped

    @rule()
    def take(self) -> None:
        assert self.queue.take() == [message for queue in self.model.values() for message in queue]
        for waiting in self.model.values():
            waiting.clear()

    @rule()
    def clear(self) -> None:
        self.queue.clear()
        for waiting in self.model.values():
            waiting.clear()

    @invariant()
    def counts_agree(self) -> None:
        assert len(self.queue) == sum(map(len, self.model.values()))
        for priority, waiting in self.model.items():
            assert self.queue.bytes_waiting(priority) == sum(map(len, waiting))


TestQueueAgainstModel = QueueAgainstModel.TestCase
TestQueueAgainstModel.settings = settings(max_examples=60, stateful_step_count=30)


def test_what_may_wait_for_one_peer_is_bounded() -> None:
    assert set(DEFAULT_LIMITS) == set(Priority)
    assert sum(limit.bytes_max for limit in DEFAULT_LIMITS.values()) == 42 * 1024 * 1024
