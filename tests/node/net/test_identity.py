"""TLS identities, tested by handshakes in memory."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from node.net import identity
from node.net.identity import (
    NodeIdentity,
    PeerIdentityError,
    formal_authority,
    issue_leaf,
    peer_public_key,
)
from tests.node.net.nodes import CHAIN_ID, identity_of, seed_of


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Bring two ends together in memory; raises what either of them raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server),
    )
    for _ in range(4):
        for end in (ends[1], ends[0]):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends


def public_key_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def test_both_ends_learn_the_key_that_the_other_holds() -> None:
    north, south = identity_of("north"), identity_of("south")
    at_north, at_south = handshake(north.server_context, south.client_context)
    assert peer_public_key(at_north) == south.public_key == public_key_of(seed_of("south"))
    assert peer_public_key(at_south) == north.public_key == public_key_of(seed_of("north"))
    assert at_north.version() == "TLSv1.3"


def test_a_session_is_not_resumed() -> None:
    north, south = identity_of("north"), identity_of("south")
    assert north.server_context.num_tickets == 0
    first = handshake(north.server_context, south.client_context)[1]
    assert first.session is None or not first.session.has_ticket
    assert not handshake(north.server_context, south.client_context)[0].session_reused


def test_nodes_of_two_networks_do_not_accept_each_other() -> None:
    north = identity_of("north")
    foreign = identity_of("south", b"another chain")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(north.server_context, foreign.client_context)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(foreign.server_context, north.client_context)


def test_certificates_are_the_same_bytes_for_everybody() -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed_of("north")).public_key()
    assert formal_authority(CHAIN_ID) == formal_authority(CHAIN_ID)
    assert issue_leaf(CHAIN_ID, key) == issue_leaf(CHAIN_ID, key)
    assert formal_authority(CHAIN_ID) != formal_authority(b"another chain")
    # Pinned: a change here keeps nodes of two versions from speaking to each other.
    digest = formal_authority(b"chain").fingerprint(hashes.SHA256()).hex()
    assert digest == "9e48747f5094845a7259e95fff9ac7c6b68d2238388319b69c36621172136f02"


def test_a_leaf_says_that_it_is_no_authority() -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed_of("north")).public_key()
    leaf = issue_leaf(CHAIN_ID, key)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [key.public_bytes_raw().hex()]
    leaf.verify_directly_issued_by(formal_authority(CHAIN_ID))


def test_a_leaf_cannot_issue_for_others(tmp_path: Path) -> None:
    """South signs a certificate for another key with its own leaf and shows both."""
    south = Ed25519PrivateKey.from_private_bytes(seed_of("south"))
    other = Ed25519PrivateKey.from_private_bytes(seed_of("other"))
    leaf = issue_leaf(CHAIN_ID, south.public_key())
    forged = resign(issue_leaf(CHAIN_ID, other.public_key()), south, issuer=leaf.subject)
    context = client_with(tmp_path, other, forged, leaf)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(identity_of("north").server_context, context)


def test_a_self_signed_certificate_is_refused(tmp_path: Path) -> None:
    south = Ed25519PrivateKey.from_private_bytes(seed_of("south"))
    forged = resign(issue_leaf(CHAIN_ID, south.public_key()), south)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(identity_of("north").server_context, client_with(tmp_path, south, forged))


def test_another_kind_of_key_is_refused_after_the_handshake(tmp_path: Path) -> None:
    """Anybody can issue such a certificate, since the formal CA is public."""
    keys: list[AnyKey] = [
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 2048),
        ed448.Ed448PrivateKey.generate(),
    ]
    for number, key in enumerate(keys):
        folder = tmp_path / str(number)
        folder.mkdir()
        forged = leaf_of_another_kind(key)
        at_north, _ = handshake(
            identity_of("north").server_context, client_with(folder, key, forged)
        )
        with pytest.raises(PeerIdentityError, match="wanted Ed25519"):
            peer_public_key(at_north)


def test_a_connection_without_tls_1_3_or_without_a_certificate_has_no_key() -> None:
    with pytest.raises(PeerIdentityError, match="not encrypted"):
        peer_public_key(None)
    server, client = anonymous_contexts()
    at_server, _ = handshake(server, client)
    with pytest.raises(PeerIdentityError, match="showed no certificate"):
        peer_public_key(at_server)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    at_server, _ = handshake(server, client)
    with pytest.raises(PeerIdentityError, match=r"TLSv1\.2, wanted TLSv1\.3"):
        peer_public_key(at_server)


def test_a_client_below_tls_1_3_is_refused() -> None:
    _, client = anonymous_contexts()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="unsupported protocol"):
        handshake(identity_of("north").server_context, client)


def test_a_client_without_a_certificate_is_refused() -> None:
    _, client = anonymous_contexts()
    with pytest.raises(ssl.SSLError, match="did not return a certificate"):
        handshake(identity_of("north").server_context, client)


def test_the_private_key_is_on_disk_only_while_the_contexts_are_built(tmp_path: Path) -> None:
    NodeIdentity.build(CHAIN_ID, seed_of("north"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_private_key_is_written_for_its_owner_only(tmp_path: Path) -> None:
    identity._write_private(tmp_path / "key", b"secret")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        identity._write_private(tmp_path / "key", b"other")


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"node key of {size} bytes"):
        NodeIdentity.build(CHAIN_ID, bytes(size))


# ---- certificates that no node makes

AnyKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed448.Ed448PrivateKey


def resign(
    leaf: x509.Certificate, key: Ed25519PrivateKey, issuer: x509.Name | None = None
) -> x509.Certificate:
    public_key = leaf.public_key()
    assert isinstance(public_key, Ed25519PublicKey)
    builder = x509.CertificateBuilder(
        issuer_name=issuer or leaf.issuer,
        subject_name=leaf.subject,
        public_key=public_key,
        serial_number=leaf.serial_number,
        not_valid_before=leaf.not_valid_before_utc,
        not_valid_after=leaf.not_valid_after_utc,
        extensions=[
            extension
            for extension in leaf.extensions
            if not isinstance(extension.value, x509.AuthorityKeyIdentifier)
        ],
    )
    return builder.sign(key, algorithm=None)


def leaf_of_another_kind(key: AnyKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other")])
    builder = identity._builder(
        name,
        identity._authority_name(CHAIN_ID),
        key.public_key(),  # type: ignore[arg-type]
        serial=7,
    )
    return builder.sign(identity._authority_key(CHAIN_ID), algorithm=None)


def client_with(folder: Path, key: AnyKey, *certificates: x509.Certificate) -> ssl.SSLContext:
    file = folder / "client.pem"
    file.write_bytes(
        b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    _, context = anonymous_contexts()
    context.load_cert_chain(file)
    return context


def anonymous_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server that asks for no certificate, and a client that shows and checks none."""
    server = identity_of("north").server_context
    server.verify_mode = ssl.CERT_NONE
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return server, client
