"""Invariants beside the replay: the books notice a state that the records do not explain."""

from __future__ import annotations

from typing import cast

import msgspec

from client.verify.audit import Audit
from client.verify.books import AuditedRows
from client.verify.findings import FindingCode
from ledger.state.rows import QuotaRow
from ledger.state.tables import QUOTAS
from ledger.store import META_TIP, STATE, MemoryStore
from ledger.vocabulary import Bucket
from ledger.wire.codec import encode
from ledger.wire.scalars import Grams
from tests.support.history import NORTH_MINE, make_history

ACCOUNT = QUOTAS.key(2024, int(Bucket.ROCK_MINING), NORTH_MINE)


def audited() -> Audit:
    history = make_history()
    audit = Audit(history.genesis, ["node-a"])
    audit.add(0, list(history.rows))
    audit.end(0)
    audit.advance()
    assert audit.height == history.tip
    return audit


def test_a_true_history_agrees_with_its_books() -> None:
    audit = audited()
    audit.finish()
    assert audit.findings.all() == ()
    assert audit.books.checks_count == 1


def test_a_quota_that_the_records_do_not_explain_is_found() -> None:
    audit = audited()
    rows = audit.replay.state.rows
    row = cast("QuotaRow", rows[ACCOUNT])
    rows[ACCOUNT] = msgspec.structs.replace(row, granted=Grams(row.granted + 1))
    audit.finish()
    codes = {finding.code for finding in audit.findings.all()}
    assert codes == {FindingCode.INVARIANT_BROKEN}
    assert any(finding.what.startswith("quota-account: ") for finding in audit.findings.all())


def test_the_replayed_rows_read_like_a_store() -> None:
    state = audited().replay.state
    store = MemoryStore()
    store.write({STATE + key: encode(row) for key, row in state.rows.items()})
    rows = AuditedRows(state)
    prefix = STATE + QUOTAS.prefix
    assert rows.get(META_TIP) == encode(state.header)
    assert rows.get(STATE + ACCOUNT) == store.get(STATE + ACCOUNT)
    assert rows.get(STATE + b"nothing") is rows.get(b"nothing") is None
    for start in (None, STATE + ACCOUNT):
        for reverse in (False, True):
            for limit in (None, 1):
                assert list(rows.scan(prefix, start=start, reverse=reverse, limit=limit)) == list(
                    store.scan(prefix, start=start, reverse=reverse, limit=limit)
                )
