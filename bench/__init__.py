"""Benchmarks, each printing its figures: cycles, speed of the tools, peers.

In come networks of known shapes, out come tables and ``build/bench.json``.  May import everything.
"""
