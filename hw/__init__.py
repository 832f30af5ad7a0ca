"""The accelerator: from a quantized network to a program, and from parameters to hardware.

In come quantized networks, boards and shapes of the array, out come programs, overlays, C++, and
what they cost.  On this level is what all rooms share: ``definition`` (registers, program header,
descriptor), from which ``generate`` writes SystemVerilog, C++ and Python, the engine's ``shape``,
its ``interface``, the memory's timing.  Imports ``quantize`` and ``host``.
"""
