"""The configuration file: what it may say, and what an operator is told when it says something else."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from consensus.config import ConsensusConfig
from node.config import ConfigurationError, NodeConfiguration, Section, load_configuration

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
NAME = '[node]\nname = "north"\n'


def load(path: Path, text: str | bytes) -> NodeConfiguration:
    file = path / "node.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_configuration(file)


def settings_of(kind: type[msgspec.Struct], prefix: str) -> dict[str, Any]:
    """Return every setting of a section by its full name, with its default or None."""
    found: dict[str, Any] = {}
    for entry in msgspec.structs.fields(kind):
        name = f"{prefix}{entry.name}"
        inner = entry.type
        if isinstance(inner, type) and issubclass(inner, Section):
            found |= settings_of(inner, f"{name}.")
        elif name == "consensus":
            defaults = ConsensusConfig()
            found |= {
                f"consensus.{field.name}": getattr(defaults, field.name)
                for field in fields(ConsensusConfig)
            }
        else:
            found[name] = None if entry.required else entry.default
            for argument in getattr(inner, "__args__", ()):
                if isinstance(argument, type) and issubclass(argument, Section):
                    found |= settings_of(argument, f"{name}.")
    return found


def written_default(value: object) -> str:
    if value is None:
        return "*required*"
    if value == ():
        return "`[]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def test_page_and_code_name_the_same_settings_with_the_same_defaults() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.+?) \| (.+) \|$", page, re.M)
    written = {name: default for name, default, _meaning in rows}
    settings = settings_of(NodeConfiguration, "")
    assert written == {name: written_default(value) for name, value in settings.items()}
    assert all(meaning.strip() for _name, _default, meaning in rows)


def test_the_example_of_the_page_can_be_loaded(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert example is not None
    configuration = load(tmp_path, example.group(1))
    assert [peer.name for peer in configuration.peers.peer] == ["south"]


def test_a_name_is_enough(tmp_path: Path) -> None:
    configuration = load(tmp_path, NAME)
    assert configuration.node.name == "north"
    assert configuration.consensus_config() == ConsensusConfig()


def test_everything_that_is_set_arrives(tmp_path: Path) -> None:
    document = {
        "node": {"name": "north", "log_level": "debug"},
        "api": {"port": 1, "connections_max": 7},
        "peers": {"peer": [{"name": "south", "host": "h", "port": 9, "node_key": "ab"}]},
        "mempool": {"author_transactions_max": 5},
        "consensus": {"lead_timeout_ms": 700},
    }
    configuration = load(tmp_path, tomlkit.dumps(document))
    assert configuration.api.port == 1
    assert configuration.api.connections_max == 7
    assert configuration.mempool.limits().author_transactions_max == 5
    assert configuration.consensus_config().lead_timeout_ms == 700
    assert configuration.peers.peer[0].node_key == "ab"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["node"]),
        ("[node]\n", ["name"]),
        ("[node]\nname = 5\n", ["str", "$.node.name"]),
        (NAME + "colour = 'red'\n", ["colour"]),
        (NAME + "[apis]\nport = 1\n", ["apis"]),
        (NAME + "log_level = 'loud'\n", ["loud"]),
        (NAME + "[api]\nport = 70000\n", ["65535", "$.api.port"]),
        (NAME + "[api]\nport = -1\n", ["$.api.port"]),
        (NAME + "[api]\nport = true\n", ["$.api.port"]),
        (NAME + "[api]\nconnections_max = 0\n", ["$.api.connections_max"]),
        (NAME + "[api]\ntls_key = 'k'\n", ["tls_certificate", "tls_key"]),
        (NAME + "[mempool]\nbytes_max = 1.5\n", ["$.mempool.bytes_max"]),
        (NAME + "[storage]\njournal_bytes_max = 1\n", ["$.storage.journal_bytes_max"]),
        (NAME + "[[peers.peer]]\nname = 'x'\n", ["host"]),
        (NAME + "[consensus]\nleed_timeout_ms = 5\n", ["consensus.leed_timeout_ms", "no setting"]),
        (NAME + "[consensus]\nlead_timeout_ms = 0\n", ["lead_timeout_ms", "86400000"]),
        (NAME + "[consensus]\nlead_timeout_ms = 9000\n", ["must not exceed advance_timeout_ms"]),
        (NAME + "[consensus]\nlead_timeout_ms = 'soon'\n", ["$.consensus"]),
        ("consensus = 5\n" + NAME, ["$.consensus"]),
        ("consensus = 'fast'\n" + NAME, ["$.consensus"]),
        ("peers = []\n" + NAME, ["$.peers"]),
        ("name = [", ["is no TOML"]),
        (NAME + "[node]\nname = 'again'\n", ["is no TOML"]),
        (b"\xff\xfe", ["is no TOML"]),
    ],
)
def test_what_is_wrong_is_told_with_file_and_setting(
    tmp_path: Path, text: str | bytes, words: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    sentence = str(caught.value)
    assert sentence.startswith(f"{tmp_path / 'node.toml'}: ")
    for word in words:
        assert word in sentence


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_configuration(tmp_path / "node.toml")


def test_a_directory_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "node.toml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_configuration(tmp_path / "node.toml")


toml_values = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**62), 2**62), st.text("abc", max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["name", "port", "peer", "bytes_max"]), inner, max_size=2),
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["node", "api", "peers", "mempool", "storage", "consensus", "x"]),
        toml_values,
    )
)
def test_whatever_the_file_says_it_is_loaded_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "node.toml"
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    try:
        loaded = load_configuration(path)
    except ConfigurationError:
        return
    assert loaded.node.name
