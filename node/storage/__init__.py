"""What a node keeps on disk, and what keeps two processes away from it.

* ``leveldb``: the ordered store of committed state and blocks; one synced batch a block.
* ``journal``: the append-only record of what this node said in consensus; on disk before it is
  sent. ``segment`` is its bytes, ``recovery`` reads it back, ``journal_errors`` what can be wrong.
* ``lock``: one process per node home.
* ``disk``: the system calls that make bytes and names durable.

The store is never ahead of the journal, and both belong to one consensus key: a home that was
copied or restored must not vote. Nothing here knows what the bytes mean.
"""
