"""`make bench`: filehub's speed beside simpler programs that do the same work.

Each benchmark runs filehub and its baselines in turns on the same machine, so that a result is a
ratio and does not depend on the machine. docs/performance.md explains each row.
"""
