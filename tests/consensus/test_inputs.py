from __future__ import annotations

from consensus.inputs import genesis_point
from tests.consensus.rig import Chain


def test_the_genesis_block_is_decided_in_view_zero_on_itself() -> None:
    header = Chain().genesis
    point = genesis_point(header)
    assert (point.epoch, point.view, point.parent_view, point.height) == (0, 0, 0, 0)
    assert point.block_id == header.block_id
