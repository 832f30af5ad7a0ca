"""The Vivado flow: ``build.tcl``, and what writes its settings and runs it."""
