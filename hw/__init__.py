"""The accelerator: parameters, program compiler, SystemVerilog, generated definitions."""
