"""A campaign of faults on the simulated engine: ``python -m firebrick.sim.faults``.

Whatever happens to it - aborts, error responses, silent memories, damaged and crafted programs -
the engine must answer rightly or with an error, keep the buses' rules, write nowhere but into its
buffers, and run the next picture.
"""
