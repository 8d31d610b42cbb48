"""`make demo`: the whole system under a busy hour in five minutes, with a provider that is simulated.

It has a database of its own (`var/demo/`), whatever the environment names, and says on every page that it
is a simulation. `docs/simulator.md` tells what happens in it.
"""
