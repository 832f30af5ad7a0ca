"""Firebrick: Fire-module networks on a small FPGA board, bit for bit.

In a checkout the sub-packages are the repository's folders of the same names, by links.
"""

from firebrick.host.version import VERSION as __version__

__all__ = ["__version__"]
