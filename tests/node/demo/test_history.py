"""The history as a whole: how much there is, and that it can be made again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import node.demo
from node.demo.history import FULL, SMALL, Scale, generate
from node.demo.records import DemoHistory

REPOSITORY = Path(node.demo.__file__).parents[2]

WRITE = """
import sys
from pathlib import Path
from node.demo.files import write
from node.demo.history import generate
write(generate(5), Path(sys.argv[1]))
"""


def test_the_demo_has_the_promised_number_of_records(history: DemoHistory) -> None:
    flows = sum(len(sheet.rows) for sheet in history.sheets)
    masters = len(history.members) + len(history.facilities) + len(history.products)
    assert history.record_count == flows + masters + len(history.plans) + len(history.grants)
    assert 5_400 <= history.record_count <= 6_500


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_every_seed_gives_enough_records(seed: int) -> None:
    assert 5_200 <= generate(seed).record_count <= 6_800


def digest_of_tree(directory: Path) -> tuple[int, str]:
    """Hash every path and every byte under a directory."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(directory).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return len(paths), digest.hexdigest()


@pytest.mark.slow
def test_two_processes_with_different_hash_seeds_write_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for hash_seed in ("1", "77"):
        directory = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-c", WRITE, str(directory)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "LC_ALL": "C", "TZ": "Asia/Tokyo"},
            check=True,
        )
        found.append(digest_of_tree(directory))
    assert found[0] == found[1]
    assert found[0][0] > 2_000


PINNED_FILES = 2541
PINNED_DIGEST = "b38dcdffe6afb686a7cbd18887c6bfaf4e246713bca18987fd17e054ddfc2098"


def test_the_bytes_of_the_default_demo_are_pinned(written: Path) -> None:
    # A change here is allowed, but never by accident: it changes every demo and benchmark.
    assert digest_of_tree(written) == (PINNED_FILES, PINNED_DIGEST)


def test_the_same_seed_gives_an_equal_history_and_another_seed_another(
    history: DemoHistory,
) -> None:
    assert generate(1) == history
    assert generate(2).sheets != history.sheets


@pytest.mark.parametrize("months", [1, 7, 13])
def test_fewer_months_are_the_beginning_of_the_whole(history: DemoHistory, months: int) -> None:
    shorter = generate(1, months)
    last = shorter.sheets[-1].month
    assert shorter.sheets == tuple(sheet for sheet in history.sheets if sheet.month <= last)
    assert len({sheet.month for sheet in shorter.sheets}) == months


def test_a_shorter_history_has_no_plan_or_grant_of_a_later_day() -> None:
    shorter = generate(1, 6, SMALL)
    assert {plan.year for plan in shorter.plans} == {2023}
    assert {grant.batch for grant in shorter.grants} == {1, 2}
    assert {grant.batch for grant in generate(1, 5, SMALL).grants} == {1}


def test_a_coarser_scale_makes_fewer_lots_of_the_same_quantity(history: DemoHistory) -> None:
    small = generate(scale=SMALL)
    assert small.record_count * 3 < history.record_count
    assert small.grants == history.grants


@pytest.mark.parametrize("months", [0, -1, 25])
def test_a_length_outside_the_published_years_is_refused(months: int) -> None:
    with pytest.raises(ValueError, match=f"{months} months: the demo has 1 to 24"):
        generate(months=months)


@pytest.mark.parametrize(("least", "most"), [(0, 1), (3, 2), (1, 29)])
def test_a_scale_that_makes_no_sense_is_refused(least: int, most: int) -> None:
    with pytest.raises(ValueError, match=f"lots a month from {least} to {most}"):
        Scale(least, most)


def test_the_finest_scale_still_fits_the_shortest_month() -> None:
    finest = generate(months=2, scale=Scale(28, 28))
    assert finest.record_count > generate(months=2, scale=FULL).record_count
