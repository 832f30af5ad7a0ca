"""The ONNX importer: a walk over the graph that keeps the meaning of every tensor.

``graph`` reads and checks the file, ``values`` are the meanings, one module each follows a family
of operators, and ``model`` puts the network together.  In comes an ONNX file, out comes a float
network, or every reason why there is none.  Imports the vocabulary and ``support``.
"""
