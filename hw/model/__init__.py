"""Predictions without running or synthesizing: cycles of a program, resources of an engine.

In come programs, engine shapes and memory timing, out come cycles, and LUTs, flip-flops, block RAMs
and DSPs.  Imports ``compiler.program``, ``boards.parts`` and what is shared in ``hw``.
"""
