"""How the preference to wait is spelled."""

from __future__ import annotations

from contextlib import suppress

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from node.api.preferences import WAIT_SECONDS_MAX, wait_seconds
from node.api.problems import Problem


def seconds(*values: str) -> int:
    return wait_seconds(make_mocked_request("GET", "/", [("Prefer", value) for value in values]))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), 0),
        (("",), 0),
        (("wait=0",), 0),
        (("wait=7",), 7),
        (("WAIT=7",), 7),
        (('wait="7"',), 7),
        (("respond-async, wait=7",), 7),
        (("respond-async", "wait=7"), 7),
        (("wait=7; later=1, wait=9",), 7),
        (("waiting=7",), 0),
        (("return=representation",), 0),
        (("wait=61",), WAIT_SECONDS_MAX),
        (("wait=" + "9" * 400,), WAIT_SECONDS_MAX),
    ],
)
def test_the_first_wait_counts_and_has_a_limit(values: tuple[str, ...], expected: int) -> None:
    assert seconds(*values) == expected


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_whatever_is_preferred_gives_seconds_or_a_problem(value: str) -> None:
    if "wait" not in value.lower():
        assert seconds(value) == 0
        return
    with suppress(Problem):
        assert 0 <= seconds(value) <= WAIT_SECONDS_MAX


@pytest.mark.parametrize("value", ["wait", "wait=", "wait=x", "wait=1.0", "wait=-1", "wait=\uff11"])
def test_a_wait_that_is_no_number_is_a_problem(value: str) -> None:
    with pytest.raises(Problem) as caught:
        seconds(value)
    assert (caught.value.status, caught.value.code) == (400, "bad_request")
