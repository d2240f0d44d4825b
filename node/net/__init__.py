"""How nodes speak to each other: who is on the line, what a frame is, and who is connected.

* ``identity``: TLS 1.3 on both sides, bound to node keys; says whose key the other side holds.
* ``framing``: several messages in one frame, as bytes; no I/O.
* ``sendqueue``: what waits for one peer, by priority and within limits; no I/O.
* ``traffic``: counters, and the reasons for which a peer is refused.
* ``dialer``: one connection to one peer, made again whenever it is lost; the sending side.
* ``listener``: connections made by others; the receiving side.
* ``peers``: all of it together; the only part that the rest of the node uses.

Messages are bytes here. They arrive at most once, in order per connection and priority, and any of
them can be
lost: what must arrive is sent again by whoever needs it. Data certify themselves by signatures
of their own; the transport only says which node handed them over.
"""
