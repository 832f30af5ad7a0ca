"""The driver: what runs on a PYNQ board, with Python 3.10, NumPy and pynq.

In come a bitstream, a program and pictures, out come answers, feature maps and counters.  Imports
nothing else of the project, so that it can be copied to a board as it is.
"""
