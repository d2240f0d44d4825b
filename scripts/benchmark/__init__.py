"""The benchmark: what four real nodes and a load client do on one machine.

    founding.py      who takes part, and the records that give every seller lots to sell
    transactions.py  signed transactions, made before the clock runs
    processes.py     the nodes' processes: memory, CPU time, bytes on disk
    load.py          the load client: closed loop and open loop
    measures.py      what is measured, one function each
    demo.py          how long the demo takes
    micro.py         single steps of the ledger, without nodes
    memory.py        a ledger in memory, for those steps
    profiled_node.py one node that looks where its time goes; profiling.py puts it in words
    machine.py       the condition of the machine, without which no figure means anything

Nothing here judges a figure: it prints what it saw. A figure belongs to the machine and the moment that stand
beside it in the same line.
"""
