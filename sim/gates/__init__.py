"""The netlist of ``make synth`` in place of the RTL, behind the simulated board and the driver.

In come an engine's shape and networks, out comes whether every value is the golden model's.
``render`` turns the netlist into SystemVerilog that Verilator takes, ``chip`` synthesizes, builds
and drives it, ``networks`` runs networks on it against the golden model, ``cases`` makes some.
Imports ``hw``, ``quantize`` and ``host``.
"""
