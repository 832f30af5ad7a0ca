"""cocotb benches: one module `bench_<name>.py` for each RTL module, started by `runner`.

A bench is imported inside the simulator, by the embedded Python. The pytest wrappers in
`tests/sim/` build the model and start it with `runner.run_bench`.
"""
