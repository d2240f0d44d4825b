"""The clocks of a node: the system's, and one that a demonstration shifts for all its nodes at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.clock import SteppedClock, SystemClock


def test_the_steady_clock_never_goes_back(tmp_path: Path) -> None:
    stepped = SteppedClock.create(tmp_path / "clock")
    for clock in (SystemClock(), stepped):
        moments = [clock.now().steady_ms for _ in range(100)]
        assert moments == sorted(moments)
    before = stepped.now().steady_ms
    stepped.set_wall_ms(0)
    assert 0 <= stepped.now().steady_ms - before < 60_000


@given(wall_ms=st.integers(0, 2**43))
def test_a_step_happens_for_everybody_who_maps_the_file(
    tmp_path_factory: pytest.TempPathFactory, wall_ms: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "clock"
    one = SteppedClock.create(path) if not path.exists() else SteppedClock(path)
    other = SteppedClock(path)
    one.set_wall_ms(wall_ms)
    assert 0 <= other.now().wall_ms - wall_ms < 60_000
    assert one.offset_ms == other.offset_ms
    other.reset()
    assert one.offset_ms == 0


def test_without_a_step_it_is_the_systems_time(tmp_path: Path) -> None:
    stepped = SteppedClock.create(tmp_path / "clock")
    assert abs(stepped.now().wall_ms - SystemClock().now().wall_ms) < 60_000


@pytest.mark.parametrize("content", [b"", b"1234567", b"123456789"])
def test_a_file_that_is_no_clock_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clock"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="8 are needed"):
        SteppedClock(path)
    with pytest.raises(OSError, match="absent"):
        SteppedClock(tmp_path / "absent")
