"""Networks and numbers: the float network, the quantized network, and the golden model.

In comes a trained network's file and pictures, out comes a quantized network that the golden model
defines in every bit.  On this level is the vocabulary that all rooms share: networks, quantized
networks, their rules and file, fixed point, geometry, errors.  Imports nothing of hardware.
"""
