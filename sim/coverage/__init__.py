"""How much of the RTL a regression runs: lines and toggled bits, counted by Verilator.

In comes how many faults to try, out comes a report by module.  ``reader`` reads the counts,
``regression`` runs networks and faults on an engine that counts, ``report`` judges them.  Imports
``hw``, ``quantize``, ``host`` and ``sim``'s faults.
"""
