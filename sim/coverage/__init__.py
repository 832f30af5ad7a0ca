"""How much of the RTL a regression runs: lines and toggled bits, counted by Verilator.

``reader`` reads the counts, ``regression`` runs networks and faults on an engine that counts, the
command makes a report of both.  Imports ``hw``, ``quantize``, ``host`` and ``sim``'s faults.
"""
