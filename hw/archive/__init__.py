"""The archive that a board gets: overlay, program, driver, notebook, golden model and answers.

In come a quantized network, a board and sample pictures, out comes one reproducible ``.tar.gz``.
Imports ``boards``, ``compiler``, ``flow`` and the golden model.
"""
