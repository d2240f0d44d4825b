from __future__ import annotations

from consensus.effects import CancelTimer, SetTimer, Timer
from consensus.outbox import Outbox
from consensus.timers import TimerBook


def test_a_timer_is_set_and_cancelled_only_when_that_changes_something() -> None:
    outbox = Outbox()
    timers = TimerBook(outbox)
    timers.set(Timer.LEAD, 5)
    timers.set(Timer.LEAD, 5)
    timers.advance(Timer.LEAD, 9)
    timers.advance(Timer.LEAD, 3)
    timers.advance(Timer.PUSH, 4)
    timers.cancel(Timer.LEAD, Timer.RETRY)
    timers.cancel(Timer.LEAD)
    assert outbox.flush() == (
        SetTimer(Timer.LEAD, 5),
        SetTimer(Timer.LEAD, 3),
        SetTimer(Timer.PUSH, 4),
        CancelTimer(Timer.LEAD),
    )
    assert timers.all() == (("push", 4),)


def test_a_timer_counts_once_and_not_before_it_is_due() -> None:
    timers = TimerBook(Outbox())
    timers.set(Timer.LEAD, 5)
    assert not timers.take(Timer.LEAD, 4)
    assert timers.is_armed(Timer.LEAD)
    assert timers.take(Timer.LEAD, 5)
    assert not timers.take(Timer.LEAD, 5)
    assert not timers.take(Timer.BURY, 5)
