"""Proofs about the RTL: what holds for every input and every length of time, not for a test's.

``properties/`` holds what is promised, in SystemVerilog around a module's ports; ``proofs`` lists
what is proven with which parameters and which mutants of the RTL must fail; ``prover`` runs yosys
and the PDR engine of the ABC inside it.  Imports ``hw`` and ``quantize``.
"""
