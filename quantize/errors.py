"""The exception for everything that a user can put right."""

from __future__ import annotations


class FirebrickError(Exception):
    """A wrong input, described in one line: the file or layer, the limit, and what to do.

    Commands print the message alone and exit with code 2 (see :mod:`commands.frame`).  Modules
    derive their own exceptions from it where a caller wants to tell the cases apart.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))
