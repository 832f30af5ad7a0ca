"""The engine as C++ for Vitis HLS: templates, the project made of them, C simulation.

In comes an engine's shape, out comes a folder that g++ and Vitis HLS compile.  Imports what is
shared in ``hw``, ``hw.model`` for the size of memories, and ``host`` for programs.
"""
