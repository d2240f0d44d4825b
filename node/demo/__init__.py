"""A demo network with two years of quotas and ore flows, invented around published figures.

``figures`` reads what was published, ``enterprises`` invents who takes part, ``history`` invents
what they did, from a seed, and ``files`` writes it as the CSV files that a clerk of each
enterprise would have. The same seed gives the same bytes on every machine. What is published,
what is assumed and what is invented is told in ``docs/demo-data.md``.

Nothing here talks to a ledger: whoever loads the files turns rows into records and submits them.
"""
