"""Trained networks read from files: ONNX, and Deep Compression's ``.net``.

In comes a file, out comes a float :class:`quantize.network.Network`, what the file says of its
preprocessing, and of its quantizers; what has no equal is refused by node and operator.  Imports
the vocabulary, ``support`` and ``pictures``.
"""
