"""Random networks on random engines of the simulator against the golden model: ``make regress``."""
