from __future__ import annotations

import inspect
import threading

import pytest

from client.errors import ClientRefusal, UsageError
from client.session import Client as AsyncClient
from client.sync import Client
from tests.client.desk import Desk
from tests.client.network import keys_of
from tests.support.trading import MINE, output


def open_client(desk: Desk) -> Client:
    return Client([desk.node.address], genesis=desk.ledger.genesis, member=MINE, keys=keys_of(MINE))


def test_the_twin_does_what_the_asynchronous_client_does(desk: Desk) -> None:
    with open_client(desk) as ledger:
        receipt = ledger.submit(output())
        assert ledger.lot("mine-a/C-1").lot_id == receipt.lot_id()
        assert MINE in [member.id for member in ledger.members()]
        with pytest.raises(ClientRefusal, match="code_taken"):
            ledger.submit(output())
        assert ledger.status().height == receipt.height


def test_every_public_coroutine_and_iterator_has_its_twin() -> None:
    for name, method in inspect.getmembers(AsyncClient, inspect.isfunction):
        if name.startswith("_"):
            continue
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            twin = getattr(Client, name)
            assert twin.__doc__ == method.__doc__, name


def test_a_session_must_be_open_and_is_opened_once(desk: Desk) -> None:
    client = open_client(desk)
    with pytest.raises(UsageError, match="not open"):
        client.status()
    with client, pytest.raises(UsageError, match="open already"):
        client.__enter__()
    with pytest.raises(UsageError, match="not open"):
        client.status()


def test_a_session_that_cannot_be_opened_leaves_no_thread() -> None:
    before = threading.active_count()
    with pytest.raises(UsageError, match="no node is named"), Client([]):
        pass
    assert threading.active_count() == before


def test_an_iterator_can_be_left_early(desk: Desk) -> None:
    with open_client(desk) as ledger:
        assert next(iter(ledger.members())).id == "customs"
