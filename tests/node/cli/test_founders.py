"""Founding a network as docs/operating.md tells it, and what is refused on the way."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
import typer
from typer.testing import CliRunner

from client.errors import UsageError
from client.keystore import load_signing_key
from client.session import Client
from ledger.genesis import open_genesis
from ledger.records.set_plan import SetPlan
from ledger.vocabulary import AuthorityOffice, Bucket, Role
from ledger.wire.scalars import Digest, Grams
from node.cli.founders import Listening, join, make_founder, make_genesis
from node.cli.mount import mount
from node.config import load_configuration
from node.demo.founding import free_ports
from node.home import Home, HomeError

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"
NAMES = ("ministry", "customs", "north-group", "south-group")
SECONDS = 60
NETWORK = "rare-earth-trial"


def founding_blocks() -> tuple[str, list[list[str]]]:
    """Return network.toml and the commands of the page's section on founding."""
    section = PAGE.read_text(encoding="utf-8").split("## Founding a network")[1].split("\n## ")[0]
    plan = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)[0]
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)).replace("\\\n", " ")
    return plan, [
        [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)][1:]
        for line in lines.splitlines()
        if line.startswith("monazite ")
    ]


def run(*arguments: str) -> str:
    """Run a command of the node's package, which must succeed."""
    app = typer.Typer()
    mount(app)
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result.output


@pytest.fixture
def founded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """Follow the page up to, and without, starting the nodes."""
    monkeypatch.chdir(tmp_path)
    plan, commands = founding_blocks()
    Path("network.toml").write_text(plan, encoding="utf-8")
    digests = set()
    for command in commands:
        if command[:2] == ["node", "run"]:
            continue
        output = run(*command)
        assert "Not named yet" not in output
        digests |= set(re.findall(r"\b[0-9a-f]{64}\b", output))
    assert len(digests) == 1
    return [Home(tmp_path / name) for name in NAMES]


def founder(path: Path, member: str = "ministry", network: str = NETWORK) -> Path:
    return make_founder(
        Home(path),
        network=network,
        member=member,
        name=f"{member} in words",
        registration=f"R-{member}",
        office=AuthorityOffice.MINISTRY if member == "ministry" else AuthorityOffice.NONE,
        activities=(),
        province="Beijing",
        passphrase=None,
    )


def plan_file(path: Path, **changes: object) -> Path:
    values = {"network": NETWORK, "ministry": "ministry", **changes}
    file = path / "network.toml"
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    return file


def one_network(path: Path) -> tuple[list[Home], Path]:
    """Make a network of two founders; nobody has joined."""
    parts = [founder(path / name, name) for name in ("ministry", "north-group")]
    make_genesis(plan_file(path), parts, path / "genesis.json")
    return [Home(part.parent) for part in parts], path / "genesis.json"


# ---- the page


def test_the_page_makes_four_homes_that_need_no_editing(founded: list[Home]) -> None:
    peer_ports = {}
    for home in founded:
        configuration = load_configuration(home.configuration)
        peer_ports[configuration.node.name] = configuration.peers.port
        assert home.store.is_dir()
        assert home.journal.is_dir()
    assert sorted(peer_ports) == sorted(NAMES)
    assert len(set(peer_ports.values())) == len(NAMES)
    for home in founded:
        configuration = load_configuration(home.configuration)
        named = {entry.name: entry.port for entry in configuration.peers.peer}
        own = configuration.node.name
        assert named == {name: port for name, port in peer_ports.items() if name != own}


def test_the_page_starts_every_node() -> None:
    _plan, commands = founding_blocks()
    assert [c[2] for c in commands if c[:2] == ["node", "run"]] == list(NAMES)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_founded_network_makes_a_transaction_final(founded: list[Home]) -> None:
    # The ports of the page may be taken on this machine.
    ports = free_ports(NAMES, 18_500)
    with ExitStack() as stack:
        for home in founded:
            text = home.configuration.read_text(encoding="utf-8")
            for number, name in enumerate(NAMES):
                text = re.sub(rf"\b850{number}\b", str(ports[name].api), text)
                text = re.sub(rf"\b860{number}\b", str(ports[name].health), text)
                text = re.sub(rf"\b870{number}\b", str(ports[name].peers), text)
            home.configuration.write_text(text, encoding="utf-8")
            log = stack.enter_context((home.path / "log").open("wb"))
            process = stack.enter_context(
                subprocess.Popen(  # noqa: ASYNC220 - starting one takes no time
                    [sys.executable, "-m", "node", "run", str(home.path)],
                    stdin=subprocess.DEVNULL,
                    stderr=log,
                    cwd=PAGE.parents[1],
                )
            )
            stack.callback(process.send_signal, signal.SIGTERM)
        async with asyncio.timeout(SECONDS), aiohttp.ClientSession() as session:
            for name in NAMES:
                # Another process has no event to wait for: ask its health page until it is ready.
                while not await is_ready(session, ports[name].health):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        ministry = founded[0]
        key = ministry.path / "keys" / "operator.pem"
        async with Client(
            [f"http://127.0.0.1:{ports[name].api}" for name in NAMES],
            genesis=ministry.genesis.read_bytes(),
            member="ministry",
            keys={Role.OPERATOR: load_signing_key(key, lambda _subject: b"")},
            outbox=ministry.path / "outbox",
        ) as client:
            receipt = await client.submit(
                SetPlan(
                    year=2030,
                    bucket=Bucket.ROCK_MINING,
                    total=Grams(1_000),
                    document=Digest(bytes(32)),
                )
            )
        assert receipt.height == 1


async def is_ready(session: aiohttp.ClientSession, port: int) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


# ---- node init


def test_init_writes_where_the_node_listens(tmp_path: Path) -> None:
    run(
        *("node", "init", str(tmp_path / "home"), "--network", NETWORK, "--member", "ministry"),
        *("--name", "Ministry", "--registration", "R", "--office", "ministry"),
        *("--host", "10.0.0.5", "--api-port", "1", "--health-port", "2", "--peer-port", "3"),
        "--insecure-no-passphrase",
    )
    configuration = load_configuration(tmp_path / "home" / "node.toml")
    assert (configuration.api.host, configuration.api.port) == ("10.0.0.5", 1)
    assert (configuration.health.host, configuration.health.port) == ("127.0.0.1", 2)
    assert (configuration.peers.host, configuration.peers.port) == ("10.0.0.5", 3)


def test_init_takes_its_passphrase_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("correct horse battery staple\n")
    run(
        *("node", "init", str(tmp_path / "home"), "--network", NETWORK, "--member", "ministry"),
        *("--name", "Ministry", "--registration", "R", "--office", "ministry"),
        *("--passphrase-file", str(tmp_path / "passphrase")),
    )
    key = tmp_path / "home" / "keys" / "operator.pem"
    assert b"ENCRYPTED" in key.read_bytes()
    load_signing_key(key, lambda _subject: b"correct horse battery staple")


def test_an_unknown_office_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    app = typer.Typer()
    mount(app)
    result = CliRunner().invoke(
        app,
        [
            *("node", "init", str(tmp_path / "home"), "--network", NETWORK, "--member", "m"),
            *("--name", "M", "--registration", "R", "--office", "palace"),
            "--insecure-no-passphrase",
        ],
    )
    assert result.exit_code == 2
    assert "palace" in result.output
    assert "inspectorate" in result.output
    assert not (tmp_path / "home").exists()


def test_an_existing_home_is_not_made_again(tmp_path: Path) -> None:
    founder(tmp_path / "home")
    before = (tmp_path / "home" / "keys" / "consensus.pem").read_bytes()
    with pytest.raises(UsageError, match="home already"):
        founder(tmp_path / "home")
    assert (tmp_path / "home" / "keys" / "consensus.pem").read_bytes() == before


def test_the_defaults_are_those_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(Listening().document("x"))
    without = tmp_path / "short.toml"
    without.write_text('[node]\nname = "x"\n')
    assert load_configuration(path) == load_configuration(without)


# ---- network init


def test_a_part_of_another_network_is_refused(tmp_path: Path) -> None:
    part = founder(tmp_path / "a", network="elsewhere")
    with pytest.raises(UsageError, match="elsewhere"):
        make_genesis(plan_file(tmp_path), [part], tmp_path / "genesis.json")
    assert not (tmp_path / "genesis.json").exists()


def test_a_part_that_is_none_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "founder.json").write_text("{}")
    with pytest.raises(UsageError, match=re.escape("founder.json")):
        make_genesis(plan_file(tmp_path), [tmp_path / "founder.json"], tmp_path / "genesis.json")
    with pytest.raises(UsageError, match="cannot be read"):
        make_genesis(plan_file(tmp_path), [tmp_path / "absent.json"], tmp_path / "genesis.json")


@pytest.mark.parametrize(
    "changes", [{"utc_offset_minutes": 900}, {"unknown": 1}, {"network": ""}, {"ministry": 3}]
)
def test_a_plan_that_is_wrong_is_refused_by_its_path(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    part = founder(tmp_path / "a")
    with pytest.raises(UsageError, match=re.escape("network.toml")):
        make_genesis(plan_file(tmp_path, **changes), [part], tmp_path / "genesis.json")


def test_a_genesis_is_never_overwritten(tmp_path: Path) -> None:
    homes, genesis = one_network(tmp_path)
    before = genesis.read_bytes()
    with pytest.raises(UsageError, match="never overwritten"):
        make_genesis(plan_file(tmp_path), [homes[0].path / "founder.json"], genesis)
    assert genesis.read_bytes() == before


# ---- node join


def test_joining_writes_the_peers_and_keeps_the_rest(tmp_path: Path) -> None:
    homes, genesis = one_network(tmp_path)
    before = tomllib.loads(homes[0].configuration.read_text())
    joined = join(homes[0], genesis, ["north-group=[::1]:8701"])
    assert joined.chain_id == open_genesis(genesis.read_bytes()).chain_id.hex()
    assert joined.peers_missing == ()
    after = tomllib.loads(homes[0].configuration.read_text())
    assert after["peers"].pop("peer") == [{"name": "north-group", "host": "::1", "port": 8701}]
    assert after == before


def test_joining_without_peers_names_those_that_are_missing(tmp_path: Path) -> None:
    homes, genesis = one_network(tmp_path)
    assert join(homes[0], genesis).peers_missing == ("north-group",)


@pytest.mark.parametrize(
    "peer",
    [
        *("north-group", "north-group=host", "north-group=:1", "north-group=host:0", "=host:1"),
        *("north-group=host:65536", "north-group=host:x", "ministry=host:1", "nobody=host:1"),
    ],
)
def test_a_wrong_address_is_refused_and_nothing_is_made(tmp_path: Path, peer: str) -> None:
    homes, genesis = one_network(tmp_path)
    before = homes[0].configuration.read_bytes()
    with pytest.raises(UsageError, match=re.escape(f"--peer {peer}:")):
        join(homes[0], genesis, [peer])
    assert homes[0].configuration.read_bytes() == before
    assert not homes[0].store.exists()
    assert not homes[0].genesis.exists()


def test_a_node_joins_once(tmp_path: Path) -> None:
    homes, genesis = one_network(tmp_path)
    join(homes[0], genesis)
    with pytest.raises(HomeError, match="joins once"):
        join(homes[0], genesis)


def test_a_node_that_is_no_validator_does_not_join(tmp_path: Path) -> None:
    _homes, genesis = one_network(tmp_path)
    founder(tmp_path / "late", "late-group")
    with pytest.raises(UsageError, match="late-group is no validator"):
        join(Home(tmp_path / "late"), genesis)
    assert not (tmp_path / "late" / "store").exists()


def test_a_genesis_with_other_keys_of_the_same_name_is_refused(tmp_path: Path) -> None:
    _homes, genesis = one_network(tmp_path)
    founder(tmp_path / "again", "ministry")
    with pytest.raises(UsageError, match="other keys for ministry"):
        join(Home(tmp_path / "again"), genesis)


def test_a_genesis_that_is_none_is_refused_by_its_path(tmp_path: Path) -> None:
    homes, genesis = one_network(tmp_path)
    genesis.write_bytes(b"{}")
    with pytest.raises(UsageError, match=re.escape("genesis.json")):
        join(homes[0], genesis)
    with pytest.raises(UsageError, match="cannot be read"):
        join(homes[0], tmp_path / "absent")


def test_a_directory_that_is_no_home_does_not_join(tmp_path: Path) -> None:
    _homes, genesis = one_network(tmp_path)
    with pytest.raises(UsageError, match="no node's home"):
        join(Home(tmp_path / "nowhere"), genesis)
