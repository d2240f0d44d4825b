"""How the validators of one epoch agree on the next block: Simplex, without clock, socket or file.

The protocol in prose
=====================

Time is cut into *views*. Each view has one leader, by turns. It ends with one of two certificates, each a
quorum of ``q = n - f`` signatures, ``f = (n - 1) // 3``: a *notarization* of the leader's block, or a
*nullification*. Both can be shown to anybody, so nobody ever depends on the next leader's good will.

Upon entering a view
    the leader takes the tip: the block notarized in the highest view below, if every view between is
    nullified. If there is something to put into a block, it proposes one on the tip, with the tip's
    certificate and the nullifications as justification. The others start two time-outs, but only while
    there is work: an idle network is silent.
Upon a proposal
    each validator checks that its parent is decided and that the views between are nullified, executes the
    block, compares all roots, and signs NOTARIZE: once per view.
Upon no proposal, no certificate in time, a proposal that can never be right, the leader's own NULLIFY, or
NULLIFY of more than ``f``
    each validator signs NULLIFY, and repeats it until the view ends.
Upon a notarization
    each validator goes on to the next view, and signs FINALIZE unless it signed NULLIFY in that view or
    NOTARIZE for another block. The next leader proposes at once: a block costs two message delays.
Upon a nullification
    each validator goes on to the next view. The view may still turn out notarized; the next leader may
    build on that.
Upon a quorum of FINALIZE
    the block and all below it are final, three message delays after the proposal, and are stored in
    height order. Time-outs, which grew while nothing became final, fall back.

Why it is safe
==============

1. A correct validator signs at most one NOTARIZE per view, so at most one block per view is notarized.
2. It never signs both NULLIFY and FINALIZE in one view, so no view is both nullified and final.
3. It signs FINALIZE for a block only with its notarization in hand, and never against its own NOTARIZE.
4. It signs NOTARIZE only with proof that the parent is decided in an earlier view and that every view
   between is nullified.
5. So every block notarized after a final one descends from it: to skip the final view would need its
   nullification (2), and another block in that view cannot be notarized (1).
6. All this survives crashes, because each own statement is on the disk before it is sent.

Amendments to the textbook
==========================

A1  the quorum is ``n - f``, never ``2f + 1``                                 ledger.wire.validators
A2  three kinds of vote with a signing domain each                            ledger.wire.certificate
A3  a notarization moves a validator on even if it voted to nullify           round.deciding
A4  certificates are kept, sent again, and can be asked for                   catchup.exchange, catchup.repair
A5  a proposal carries its justification; the rest is asked of its leader     round.voting, catchup.repair
A6  the own NULLIFY is looked at on every path to a FINALIZE                  own
A7  no block when idle; an empty one buries a tip that stays notarized        round.leading, round.views
A8  time-outs fall back only on a finalization                                round.views, config
A9  the leader's NULLIFY, or those of more than ``f``, are joined at once     round.views
A10 the end of an epoch: not part of this engine yet, which serves one epoch; it builds nothing on a block
    that ends one
A11 whoever sees a statement of its own key that it never made stops signing  round.signing
A12 a block is executed before NOTARIZE; its header has the state root after  round.voting

Further, from the ledger's needs: bounds on a block's time (``round.voting``), a leader's work budget
(``round.leading``), evidence (``evidence``), catch-up in ranges (``catchup.ranges``).

How it is built
===============

``engine.Engine`` takes events and returns effects; ``state.State`` is what it knows; the modules of ``round``
and ``catchup`` decide. Start reading at ``engine._settle``: after every event it lets everything happen that
has become possible, in a fixed order, until nothing does. The order of the returned effects, durable before
sent, is a contract: see ``effects``. Nothing here reads a clock, draws a random number, or depends on the
order of a set: the same events always give the same effects, byte for byte.
"""
