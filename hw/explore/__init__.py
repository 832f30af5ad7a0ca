"""What choices of network and engine cost: sweeps of both, fronts, advice on one network.

In come hyper-parameters, boards and array shapes, out come parameters, MACs, predicted cycles and
resources, and what limits them.  Imports ``boards``, ``compiler``, ``model`` and the vocabulary of
``quantize``.
"""
