"""Networks written as files that others read: QDQ ONNX, and Deep Compression's ``.net``.

In comes a quantized network or a float one, out comes a file that holds the very same numbers.
Imports the vocabulary, ``support``, ``golden`` and ``importers`` (the formats that it writes).
"""
