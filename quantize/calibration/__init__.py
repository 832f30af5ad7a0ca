"""Post-training quantization: from a float network and calibration pictures to integers.

In comes what ``importers`` read, out comes a quantized network with a report of every step: ranges,
equalization, refit, rounding, or the numbers that a quantized file has already.  Imports the
vocabulary, ``support``, ``pictures``, ``golden`` and ``importers``.
"""
