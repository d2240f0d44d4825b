"""A whole network in one thread, driven by a seed: real engines, simulated clocks, links and disks.

``world`` is the event loop, ``network`` the links, ``disk`` what survives a crash, ``toy_ledger`` a state
machine of a few lines, ``engine_node`` an engine with it, ``adversary`` nodes that break the rules,
``scenario`` what happens in a run, ``checkers`` what must hold. The same seed gives the same run.
"""
