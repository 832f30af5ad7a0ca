"""Proofs about the RTL: what holds for every input and every length of time, not for a test's.

In comes a proof or a mutant of what it is about, out comes a verdict.  ``properties/`` holds what
is promised, in SystemVerilog around a module's ports; ``proofs`` lists what is proven with which
parameters and which mutants of the RTL must fail, ``states`` what of the RTL the proofs look at;
``prover`` runs yosys and the PDR engine of the ABC inside it, ``witness`` asks yosys-smtbmc and an
SMT solver the same.  Imports ``hw`` and ``quantize``.
"""
