"""Progress after healing, and silence when nothing is left to do."""

from __future__ import annotations

from consensus.effects import Timer
from tests.simulation.world import Slot, World

VIEW_TIMERS = (Timer.LEAD, Timer.ADVANCE, Timer.RETRY, Timer.REPAIR)


def everything_is_stored(world: World, transactions: set[bytes]) -> bool:
    """Tell whether all correct nodes run and store one chain with all transactions."""
    correct = [slot for slot in world.slots if slot.correct]
    if any(slot.node is None for slot in correct):
        return False
    lengths = {len(slot.disk.chain) for slot in correct}
    return len(lengths) == 1 and transactions <= stored_transactions(correct[0])


def stored_transactions(slot: Slot) -> set[bytes]:
    return {t for stored in slot.disk.chain for t in stored.block.transactions}


def assert_silent(world: World, settle_ms: int, window_ms: int) -> None:
    """Assert that, once settled, nothing but statuses is sent and no timer of a view is armed."""
    world.run_until(world.now_ms + settle_ms)
    correct = [slot for slot in world.slots if slot.correct]
    before = [{k: v for k, v in slot.sent.items() if k != "Status"} for slot in correct]
    heights = [len(slot.disk.chain) for slot in correct]
    world.run_until(world.now_ms + window_ms)
    after = [{k: v for k, v in slot.sent.items() if k != "Status"} for slot in correct]
    assert before == after, f"an idle network speaks: {before} then {after}"
    assert heights == [len(slot.disk.chain) for slot in correct]
    for slot in correct:
        armed = [timer for timer in VIEW_TIMERS if timer in slot.timers]
        assert not armed, f"{slot.name} is idle and has {armed} armed"
