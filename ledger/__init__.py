"""What a valid history is.

The ledger is a pure function: from a genesis document and a sequence of blocks it gives the state, its
root, and for every block either an overlay of changes or the reason why the block is not valid. It
reads through a ``Reader`` (``ledger.store``) and returns write sets; it opens no file, reads no clock
and knows nothing of networks, so a node, a simulator and an auditor run exactly the same code.

Read in this order: ``ledger.wire`` (the vocabulary), ``ledger.transition`` (``apply_block``, the one entry
point), ``ledger.records`` (one file per record type), ``ledger.state`` (rows, tables, overlays),
``ledger.tree`` (the state root), ``ledger.genesis``, ``ledger.commit``.

Words. A *transaction* is a signed wish of 1 to 1,000 *records*; a *record* takes effect or is *refused*
(``ledger.refusal``); an *alert* is a finding that does not refuse. A *lot* is a quantity of one product;
its *parcels* say where each gram came from. A *row* is one value of the state, an *overlay* what one
block changes. The glossary is ``docs/glossary.md``.
"""
