from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from client.errors import KeyFileError
from client.keystore import (
    KDF_ITERATIONS,
    is_key_file_encrypted,
    load_seed,
    load_signing_key,
    new_seed,
    signing_key_of,
    write_key_file,
)
from ledger.wire.signing import SigningDomain, is_signature_valid, public_key_of

PASSPHRASE = b"four words are better"
SEED = bytes(range(32))
FAST = 1_000
"""Rounds for tests; the real number is tested once."""


def right(_subject: str) -> bytes:
    return PASSPHRASE


def wrong(_subject: str) -> bytes:
    return b"something else"


def nobody(subject: str) -> bytes:
    raise AssertionError(f"asked for a passphrase for {subject}")


def test_an_encrypted_key_comes_back_and_signs(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    public = write_key_file(path, SEED, PASSPHRASE)
    key = load_signing_key(path, right)
    signature = key.sign(SigningDomain.TRANSACTION, bytes(32))
    assert key.public == public == public_key_of(SEED)
    assert is_signature_valid(public, SigningDomain.TRANSACTION, bytes(32), signature)
    assert is_key_file_encrypted(path)


def test_the_passphrase_is_stretched_with_as_many_rounds_as_promised(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    write_key_file(path, SEED, PASSPHRASE)
    text = subprocess.run(
        ["openssl", "asn1parse", "-in", path], capture_output=True, text=True, check=True
    ).stdout
    assert f"INTEGER           :{KDF_ITERATIONS:06X}" in text
    assert "hmacWithSHA256" in text
    assert "aes-256-cbc" in text


def test_openssl_reads_an_encrypted_key(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    public = write_key_file(path, SEED, PASSPHRASE, iterations=FAST)
    shown = subprocess.run(
        [
            *("openssl", "pkey", "-in", str(path), "-passin", f"pass:{PASSPHRASE.decode()}"),
            *("-pubout", "-outform", "DER"),
        ],
        capture_output=True,
        check=True,
    ).stdout
    assert shown[-32:] == public


@given(seed=st.binary(min_size=32, max_size=32), passphrase=st.binary(min_size=8, max_size=64))
def test_any_seed_comes_back_under_any_passphrase(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, passphrase: bytes
) -> None:
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    write_key_file(path, seed, passphrase, iterations=1)
    assert load_seed(path, lambda _subject: passphrase) == seed


def test_a_key_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    write_key_file(path, SEED, None)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_without_encryption_is_loaded_without_a_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    write_key_file(path, SEED, None)
    assert load_seed(path, nobody) == SEED
    assert not is_key_file_encrypted(path)


def test_a_wrong_passphrase_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    write_key_file(path, SEED, PASSPHRASE, iterations=FAST)
    with pytest.raises(KeyFileError, match="the passphrase is wrong, or the file is damaged"):
        load_seed(path, wrong)


def test_many_wrong_passphrases_are_all_the_same_sentence(tmp_path: Path) -> None:
    # One in 256 wrong keys gives valid padding; what comes out then must not be taken for a key.
    path = tmp_path / "operator.pem"
    write_key_file(path, SEED, PASSPHRASE, iterations=1)
    guesses = iter(range(1_000))
    for _attempt in range(1_000):
        with pytest.raises(KeyFileError, match="the passphrase is wrong"):
            load_seed(path, lambda _subject: b"guess %d" % next(guesses))


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    path.write_text("precious")
    with pytest.raises(KeyFileError, match="exists already and is never overwritten"):
        write_key_file(path, SEED, None)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_file_that_others_can_read_or_change_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "operator.pem"
    write_key_file(path, SEED, None)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}.*chmod 600"):
        load_seed(path, nobody)


def test_a_short_passphrase_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    with pytest.raises(KeyFileError, match="3 characters, at least 8"):
        write_key_file(path, SEED, b"abc")
    assert not path.exists()


def test_a_missing_file_and_a_missing_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"nothing\.pem: cannot be read: No such file"):
        load_seed(tmp_path / "nothing.pem", nobody)
    with pytest.raises(KeyFileError, match="cannot be written: No such file or directory"):
        write_key_file(tmp_path / "no" / "key.pem", SEED, None)


def test_a_directory_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="is not a file"):
        load_seed(tmp_path, nobody)


def test_something_else_is_no_key_file(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"holds no private key.*monazite key new"):
        load_seed(path, nobody)


def test_a_large_file_is_no_key_file(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    path.write_bytes(b"x" * 20_000)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="20000 bytes"):
        load_seed(path, nobody)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"another kind.*Ed25519 only"):
        load_seed(path, nobody)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_damaged_file_is_a_sentence_wherever_it_is_damaged(
    tmp_path: Path, passphrase: bytes | None
) -> None:
    path = tmp_path / "operator.pem"
    write_key_file(path, SEED, passphrase, iterations=1)
    data = path.read_bytes()
    start = data.index(b"\n") + 1
    for position in range(start, len(data) - 36, 3):
        damaged = data[:position] + b"!" + data[position + 1 :]
        path.write_bytes(damaged)
        with pytest.raises(KeyFileError, match="damaged"):
            load_seed(path, right)


def test_keys_written_by_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "operator.pem"
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    path.write_bytes(
        private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE)
        )
    )
    path.chmod(0o600)
    assert load_seed(path, right) == SEED


def test_a_signing_key_does_not_show_its_secret() -> None:
    assert repr(signing_key_of(SEED)) == f"SigningKey({public_key_of(SEED).hex()})"


def test_new_seeds_differ() -> None:
    assert new_seed() != new_seed()
