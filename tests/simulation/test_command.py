"""``scripts/simulate``: what it says, how it ends, and that what it prints repeats a seed."""

from __future__ import annotations

import pytest

from tests.simulation import __main__ as command


def test_clean_seeds_end_with_zero_and_nothing_on_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[int, int]] = []
    monkeypatch.setitem(command.KINDS, "replica", lambda seed, nodes: ran.append((seed, nodes)))
    assert command.main(["--seeds", "3", "--first-seed", "7", "--nodes", "5"]) == 0
    assert ran == [(7, 5), (8, 5), (9, 5)]
    said = capsys.readouterr()
    assert said.out == ""
    assert "3 seeds of kind replica with 5 nodes" in said.err
    assert said.err.rstrip().endswith("0 failed")


def test_a_failing_seed_is_named_with_its_command_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    def run(seed: int, nodes: int) -> None:
        ran.append(seed)
        assert seed != 1, "two blocks at one height"

    monkeypatch.setitem(command.KINDS, "engine", run)
    assert command.main(["--kind", "engine", "--seeds", "3"]) == 1
    assert ran == [0, 1, 2]
    said = capsys.readouterr()
    repeat = "scripts/simulate --kind engine --nodes 4 --seeds 1 --first-seed 1"
    assert said.out == repeat + "\n"
    assert repeat in said.err
    assert "two blocks at one height" in said.err


@pytest.mark.parametrize(
    "arguments",
    [["--seeds", "0"], ["--first-seed", "-1"], ["--nodes", "0"], ["--nodes", "3"], ["--kind", "x"]],
)
def test_what_cannot_be_run_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize("kind", sorted(command.KINDS))
def test_one_real_seed_of_each_kind(kind: str) -> None:
    assert command.main(["--kind", kind, "--seeds", "1", "--first-seed", "5"]) == 0
