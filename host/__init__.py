"""The driver of the Firebrick engine: runs on a PYNQ board with Python 3.10, NumPy and pynq."""
