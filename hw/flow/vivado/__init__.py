"""The Vivado flow: ``build.tcl``, and what writes its settings and runs it.

In comes a board and the RTL, out come a bitstream, its reports and the verdict on the clock, or an
error in words.  Imports the rest of ``flow``, and ``boards``.
"""
