"""Benchmarks, each printing its figures."""
