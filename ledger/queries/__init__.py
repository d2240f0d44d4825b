"""Questions about the ledger, answered from a store: what people and programs ask, in one call each.

Queries read rows, index entries and blocks through ``ledger.store.Reader`` and change nothing. They are not
consensus: an index that a query reads is no part of the state root. Every answer is bounded, and says so
when it was cut.
"""
