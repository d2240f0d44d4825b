r"""One running node: I/O and wiring around the pure packages.

::

    clients --HTTP--> api ----\                            /--> storage.leveldb   (blocks, state)
                               driver --events--> replica --
    peers <--TLS/WS--> net ---/   ^                  |     \--> storage.journal   (own votes)
                                  +----- effects ----+

``replica`` decides and never waits; ``driver`` waits and never decides. ``mempool``, ``admission``, ``work``
and ``chain`` are the replica's parts and as pure as it is. ``storage`` and ``net`` hold the only database
and the only sockets between nodes, ``api`` the HTTP server. ``service`` builds all of them by hand, in one
place.
``demo`` is a whole network on one machine.

Read ``replica``, then ``driver``, then ``service``.
"""
