from __future__ import annotations

from consensus.effects import (
    Broadcast,
    Commit,
    Halt,
    HaltScope,
    Persist,
    Send,
    SetTimer,
    Suspect,
    Timer,
)
from consensus.messages import Certificates
from consensus.outbox import Outbox
from tests.consensus.rig import NULLIFY, Chain

MESSAGE = Certificates((Chain().certificate(NULLIFY, 1),))


def test_records_come_first_then_messages_timers_work_and_notices() -> None:
    outbox = Outbox()
    halt = Halt(HaltScope.ENGINE, "why")
    outbox.notice(halt)
    outbox.work(Commit(()))
    outbox.timer(SetTimer(Timer.LEAD, 5))
    outbox.broadcast(MESSAGE)
    outbox.persist((1, b"a"), sync=False)
    outbox.send("peer", MESSAGE)
    outbox.persist((2, b"b"), sync=True)
    outbox.persist((3, b"c"), sync=False)
    assert outbox.flush() == (
        Persist(((1, b"a"), (2, b"b"), (3, b"c")), sync=True),
        Broadcast(MESSAGE),
        Send("peer", MESSAGE),
        SetTimer(Timer.LEAD, 5),
        Commit(()),
        halt,
    )


def test_what_was_handed_out_is_not_handed_out_again() -> None:
    outbox = Outbox()
    outbox.persist((1, b"a"), sync=True)
    outbox.flush()
    assert outbox.flush() == ()
    outbox.persist((1, b"a"), sync=False)
    assert outbox.flush() == (Persist(((1, b"a"),), sync=False),)
    outbox.notice(Suspect("peer", "why"))
    assert outbox.flush() == (Suspect("peer", "why"),)
