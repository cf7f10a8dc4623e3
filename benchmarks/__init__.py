"""The same work on Rota and on its peers, in one run, alternating. `make bench` runs all; `python -m benchmarks NAME` one."""
