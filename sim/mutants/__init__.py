"""Mutants of the RTL: how much of what can be wrong in it would the tests see?

In come a number and a seed, out comes for each mutant what caught it, or that it passed. ``places``
finds where the SystemVerilog can be changed and how, ``schemata`` writes RTL that holds many
mutants at once, one of them chosen when a simulation starts, ``engine`` runs the whole engine on
small networks and ``benches`` the modules' own benches; ``equivalence`` proves that a mutant
changes nothing.  Imports ``hw``, ``quantize`` and the simulated board; the benches are those of
``tests``.
"""
