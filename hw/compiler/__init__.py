"""The compiler: a quantized network becomes a program for an engine of a given shape.

In comes a :class:`quantize.qnetwork.QNetwork`, out comes a binary program with the host's section.
Imports ``definition``, ``shape`` and the vocabulary of ``quantize``.
"""
