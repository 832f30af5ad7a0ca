"""A campaign of faults on the simulated engine: ``make faults``.

Whatever happens to it - aborts, error responses, silent memories, damaged and crafted programs -
the engine must answer rightly or with an error, keep the buses' rules, write nowhere but into its
buffers, and run the next picture.  In come trials by their seeds, out comes what the engine did in
each.  Imports ``hw``, ``quantize``, ``host``, the simulated board and ``sim.benches``'s
descriptors.
"""
