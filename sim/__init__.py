"""The simulated board and the benches of the RTL modules."""
