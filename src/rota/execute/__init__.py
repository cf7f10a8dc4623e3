"""How a run is carried out: coroutine, worker process, thread, command, HTTP call. One interface."""
