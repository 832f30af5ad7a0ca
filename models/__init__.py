"""Networks that ship with the project, and how they were trained.

In comes nothing but data of packages, out come an ONNX file or a network, pictures and labels.
Imports ``quantize``.
"""
