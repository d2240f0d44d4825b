"""The shared vocabulary: everything that is signed, hashed, sent or stored, and how it is checked.

=================  ==================================================================================
module             holds
=================  ==================================================================================
``scalars``        numbers and byte strings with a meaning; the consensus limits
``codec``          the one canonical encoding (MessagePack arrays)
``hashing``        domain-separated SHA-256, with the table of all domains
``signing``        Ed25519, one predicate for everybody
``possession``     proof that whoever registers a key holds it
``merkle``         RFC 9162 trees: transactions of a block, the log of headers
``state_proof``    proofs of presence and absence in the state tree
``transaction``    transactions, their records' salted tree, signatures
``block``          header, block, and the point that is voted on
``validators``     the voters of an epoch, quorum arithmetic
``certificate``    a quorum's signatures over one statement
``receipt``        proof that a transaction or one record is final
=================  ==================================================================================

Nothing here reads state, a clock or a file. Consensus imports this package and nothing else of the
ledger. The normative layouts are in ``docs/spec/wire.md``; golden vectors in ``tests/conformance``.
"""
