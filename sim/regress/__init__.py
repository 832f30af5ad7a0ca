"""Random networks on random engines of the simulator against the golden model: ``make regress``.

In come seeds, out comes for each whether every answer and map was exact.  Imports ``hw``,
``quantize``, ``host`` and the simulated board.
"""
