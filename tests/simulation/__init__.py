"""A whole network in one thread, driven by a seed: simulated clocks, links and disks, real decisions.

``world`` is the event loop, ``network`` the links, ``disk`` what survives a crash, ``checkers`` what must
hold. The same seed gives the same run. Two kinds of node take part:

* engines over a ledger of a few lines: ``toy_ledger``, ``engine_node``, ``adversary`` (nodes that break the
  rules), ``scenario`` (what happens in a run), ``bench`` (directed tests);
* whole nodes, everything that ``node.replica`` decides: ``replica_node`` and ``replica_disk``,
  ``replica_world`` (turns, transactions on the links), ``replica_founding`` (the market that they begin
  with), ``replica_clients`` and ``replica_market`` (who submits what), ``replica_scenario``,
  ``replica_bench``.

``scripts/simulate`` runs many seeds of either kind.
"""
