"""``python -m firebrick``: the same as the command ``firebrick``."""

from firebrick.cli import main

main()
