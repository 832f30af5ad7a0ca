"""cocotb benches: one module `bench_<name>.py` for each RTL module, started by `runner`.

A bench is imported inside the simulator, by the embedded Python. The pytest wrappers in
`tests/sim/benches/` build the model and start it with `runner.run_bench`. In come a module and its
parameters, out comes that its promises held, or an error. Imports `hw`, `quantize` and `host`.
"""
