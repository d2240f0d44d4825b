from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.errors import ProfileError, UsageError
from client.profile import (
    Profile,
    checked_node,
    current_profile_name,
    load_profile,
    profile_directory,
    profile_names,
    read_genesis,
    save_profile,
    use_profile,
)
from client.trust import trust_root_of
from ledger.vocabulary import Role
from ledger.wire.hashing import plain_digest
from ledger.wire.scalars import ChainId, MemberId
from tests.support.founding import NETWORK, genesis_bytes


def make(name: str = "mine-a", **changes: object) -> Profile:
    settings: dict[str, object] = {
        "name": name,
        "directory": profile_directory(name),
        "nodes": ("https://node-a.example:8443", "http://127.0.0.1:1"),
        "chain_id": ChainId(plain_digest(genesis_bytes())),
        "genesis": genesis_bytes(),
        "network": NETWORK,
        "member": MemberId("mine-a"),
        "keys": {Role.OPERATOR: Path("/keys/operator.pem"), Role.ADMIN: Path("/keys/admin.pem")},
    }
    return Profile(**(settings | changes))  # type: ignore[arg-type]


def edit(change: Callable[[str], str]) -> Path:
    path = save_profile(make())
    path.write_text(change(path.read_text()))
    return path


def test_a_profile_comes_back_as_it_was_saved() -> None:
    profile = make(tls_ca_file=Path("/etc/ca.pem"))
    path = save_profile(profile)
    assert load_profile("mine-a") == profile
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_profile_that_only_reads_has_no_member() -> None:
    save_profile(make(member=None, keys={}))
    loaded = load_profile("mine-a")
    assert loaded.member is None
    assert loaded.keys == {}


@given(
    text=st.text(
        alphabet=st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40
    ).map(str.strip)
)
def test_any_path_survives_saving(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MONAZITE_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
        path = Path("/keys") / f'"{text}\\'
        save_profile(make(keys={Role.OPERATOR: path}))
        assert load_profile("mine-a").keys == {Role.OPERATOR: path}


def test_comments_survive_saving_again() -> None:
    edit(lambda text: f"# the node in the next room comes first\n{text}")
    path = save_profile(make(nodes=("https://other.example",)))
    assert "# the node in the next room" in path.read_text()
    assert load_profile("mine-a").nodes == ("https://other.example",)


def test_the_only_profile_is_the_current_one_and_more_need_a_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ProfileError, match=r"no profile yet.*monazite profile add"):
        current_profile_name()
    save_profile(make("one"))
    assert current_profile_name() == "one"
    save_profile(make("two"))
    with pytest.raises(ProfileError, match="none of the profiles one, two is chosen"):
        current_profile_name()
    use_profile("two")
    assert load_profile().name == "two"
    monkeypatch.setenv("MONAZITE_PROFILE", "one")
    assert load_profile().name == "one"
    assert profile_names() == ("one", "two")


def test_an_unknown_profile_is_answered_with_those_that_there_are() -> None:
    save_profile(make("one"))
    with pytest.raises(ProfileError, match=r"no such profile. There are: one"):
        load_profile("on")
    with pytest.raises(ProfileError, match="no such profile"):
        use_profile("on")


@pytest.mark.parametrize("name", ["", "..", "../evil", "a/b", ".hidden", "x" * 65, "a\nb"])
def test_a_name_that_could_leave_the_directory_is_refused(name: str) -> None:
    with pytest.raises(ProfileError, match="profile name"):
        profile_directory(name)


def test_a_genesis_that_was_swapped_is_noticed() -> None:
    save_profile(make())
    path = profile_directory("mine-a") / "genesis.json"
    path.write_bytes(genesis_bytes().replace(b"Beijing", b"Baotou1"))
    with pytest.raises(ProfileError, match=r"genesis.json: its SHA-256 is .* one of the two"):
        load_profile("mine-a")


def test_a_missing_genesis_is_named() -> None:
    save_profile(make())
    (profile_directory("mine-a") / "genesis.json").unlink()
    with pytest.raises(ProfileError, match="the pinned genesis cannot be read: No such file"):
        load_profile("mine-a")


def test_a_pinned_genesis_is_never_replaced() -> None:
    save_profile(make())
    other = b"another document"
    with pytest.raises(ProfileError, match="another genesis is pinned here already"):
        save_profile(make(genesis=other, chain_id=ChainId(plain_digest(other))))
    assert load_profile("mine-a").genesis == genesis_bytes()


def test_a_chain_id_that_is_not_the_genesis_digest_is_not_saved() -> None:
    with pytest.raises(ProfileError, match="SHA-256 is not the chain id"):
        save_profile(make(chain_id=ChainId(bytes(32))))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda _text: "not toml [", "is not TOML"),
        (lambda text: text.replace("chain_id", "chain"), "unknown field `chain`"),
        (lambda text: text.replace('chain_id = "', 'chain_id = "X'), "chain_id: "),
        (lambda text: text.replace("nodes = [", "nodes = [7, "), r"nodes\[0\]"),
        (lambda text: text.replace("https://node-a", "ftp://node-a"), r"nodes\[0\]: 'ftp://"),
        (lambda text: text.replace('"mine-a"', '"Mine A"'), "member: "),
        (lambda text: text.replace("operator =", "operatr ="), "keys.operatr: is not a role"),
        (lambda text: text.replace("operator =", "operator.x ="), r"keys\[...\]"),
        (lambda text: f'colour = "red"\n{text}', "colour"),
        (lambda text: f"passphrase = 'x'\n{text}", "passphrase"),
    ],
)
def test_a_bad_file_is_named_by_file_key_and_reason(
    change: Callable[[str], str], complaint: str
) -> None:
    path = edit(change)
    with pytest.raises(ProfileError, match=complaint) as raised:
        load_profile("mine-a")
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_utf8_or_much_too_large_is_named() -> None:
    path = save_profile(make())
    path.write_bytes(b"network = '\xff'")
    with pytest.raises(ProfileError, match="not UTF-8 at byte 11"):
        load_profile("mine-a")
    path.write_bytes(b"#" * 100_000)
    with pytest.raises(ProfileError, match="100000 bytes"):
        load_profile("mine-a")


def test_bad_settings_are_named(config_directory: Path) -> None:
    save_profile(make("one"))
    (config_directory / "settings.toml").write_text("profile = 3\n")
    with pytest.raises(ProfileError, match=r"settings.toml: profile: Expected `str`"):
        load_profile()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "node",
        "node:8443",
        "ftp://x",
        "http://",
        "http://u:p@x",
        "http://x?y=1",
        "http://x:99999",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ProfileError, match="is not an address"):
        checked_node(address, "here", "node")


def test_an_address_loses_its_trailing_slash() -> None:
    assert checked_node("https://node.example:8443/", "here", "node") == "https://node.example:8443"


def test_a_genesis_file_that_cannot_be_read_or_is_too_large_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_genesis(tmp_path / "nothing")
    large = tmp_path / "large"
    large.write_bytes(bytes(5 * 1024 * 1024))
    with pytest.raises(UsageError, match="bytes, at most"):
        read_genesis(large)


def test_what_is_no_genesis_is_named_by_its_field() -> None:
    with pytest.raises(UsageError, match="pinned genesis is not usable"):
        trust_root_of(b"{}\n")
    trust = trust_root_of(genesis_bytes())
    assert trust.network == NETWORK
    assert len(trust.validators) == 4
