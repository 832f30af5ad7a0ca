"""The driver: what runs on a PYNQ board, with Python 3.10, NumPy and pynq.

In come a bitstream, a program and pictures, out come answers, feature maps and counters.  Imports
nothing else of the project, so that it can be copied to a board as it is.
"""

import sys

OLDEST = (3, 10)

# Older Pythons, as of PYNQ image 2.7 and before, stumble over the syntax of what follows: this
# file, and those that lead here, keep to that of Python 3.6.
if sys.version_info < OLDEST:
    _words = (
        "Firebrick's driver needs Python {}.{} or newer, {} is {}.{}: on the board take PYNQ image "
        "3.0 or 3.1"
    ).format(*OLDEST, sys.executable, *sys.version_info[:2])
    if getattr(sys, "argv", [])[:1] == ["-m"]:  # as Python has it while it looks for the module
        sys.stderr.write("error: " + _words + "\n")
        sys.exit(2)
    raise ImportError(_words)
