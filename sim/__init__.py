"""The simulated board, and the benches of the RTL modules.

In come engine shapes and the RTL, out comes a board that the driver of ``host`` runs on: the
Verilated engine behind a model of memory and of pynq.  Imports ``hw``, ``quantize`` and ``host``.
"""
