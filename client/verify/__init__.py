"""``monazite verify``: the auditor, who believes nobody.

It takes the histories that several nodes keep, and one thing that it trusts: the genesis that the
auditor holds (architecture D14). From that genesis it re-executes the whole history once, by the very
rules that the nodes run (``ledger.transition.apply_block``), and compares every byte that every node keeps
with it. What it finds has a code, a place and a sentence; the verdict is the worst of the findings.

==================  ===============================================================================
module              holds
==================  ===============================================================================
``findings``        what can be found: codes, what each means, what to do
``verdict``         from findings to one word and an exit code
``source``          where a history is read from, and how a TARGET on the command line is recognised
``framing``         the stream of blocks and proofs of a node's answer, with its limits
``http_source``     a running node, over HTTP, that may answer anything
``anchor``          the trusted genesis, and what the nodes say about it
``window``          the rows that lie ready, and which blocks a certificate decides among them
``proofs``          certificates and block proofs against the validator set
``replay``          the re-execution
``books``           invariants, computed a second time by other code
``judge``           one node's row against the good copy
``compare``         two copies of one block: what differs, in words
``words``           values of the ledger as people write them
``audit``           the core: rows in, findings out; no I/O, no clock
``ends``            where each source ends, and who vouches for the end
``run``             fetching from all sources side by side and feeding the core
``report``          the result, as text for people and as JSON
==================  ===============================================================================

Which block is the history at a height is decided by certificates alone, never by the majority of copies or
by their order: see ``window``. Only blocks that a certificate covers are executed, so a liar can neither
make the auditor run what nobody decided, nor spoil the copy of an honest node.

What it cannot see is in ``docs/verify.md``.
"""
