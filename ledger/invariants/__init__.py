"""What must always hold, computed a second time by other code.

``Ledgerbook`` reads the records of a history as an accountant would: from what each record says it keeps its
own books of grams, owners, accounts, keys and numbers, and then compares them with the rows that the rules
have written. It shares with the rules the vocabulary, the wire types and the documented meaning of the
records, and none of the code that applies them: no ``ledger.quantity``, no rule, no state view. A mistake
in a rule therefore shows as a *finding*, unless the same mistake was made twice.

=================================================  ====================================================
what must hold (``docs/spec``)                       findings
=================================================  ====================================================
1  grams that entered = grams that are somewhere    ``mass-balance``, ``transit-loss``
2  quota: used = produced, granted ≤ plan           ``quota-account``, ``quota-overdrawn``, ``plan``,
                                                    ``facility-year``
3  one owner, one holder, nothing negative,         ``lot``, ``lot-unknown``, ``lot-parcels``,
   no part in two transfers                         ``double-transfer``, ``exhausted-lots``, ``not-entitled``
4  every parcel reaches back to an origin,          ``origin-unknown``, ``undebited-product``
   no undebited gram in what is separated
5  nobody writes without a valid key and role       ``key``, ``author``
6  the months of members are complete               ``member-month``
7  external numbers are unique                      ``number``, ``container-code``
=================================================  ====================================================

A record type that the book does not know is a finding as well (``record-unknown``): the book never passes
over something in silence. Between two checks it keeps what is live (lots, accounts, keys, codes, months)
and, until the next check, what was just used up; nothing grows with the age of the chain.
"""

from ledger.invariants.book import Ledgerbook
from ledger.invariants.finding import Finding

__all__ = ["Finding", "Ledgerbook"]
