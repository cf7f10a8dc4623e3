"""One file a peer. Each is run by an interpreter that has only that peer, as ``python -m benchmarks.peers.NAME WHAT URL COUNT``.

A peer's file has a function for each of ``enqueue`` (one call or batch as its documentation recommends for many),
``singly`` (one after the other, on one connection) and ``work`` (carry out all that was enqueued, in one process, and
return how many seconds that took); one that it has no such thing for is left out. Each checks that every job was done.
"""
