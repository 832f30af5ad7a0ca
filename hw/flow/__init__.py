"""From SystemVerilog to netlists and bitstreams: yosys, Vivado, openXC7, ``.hwh`` and ``.bit``.

In come a board and the RTL, out come counts, checks of the netlist, and the overlay's files.
Imports ``boards`` and what is shared in ``hw``.
"""
