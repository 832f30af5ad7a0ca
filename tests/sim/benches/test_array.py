"""The systolic array in simulation."""

import pytest

from firebrick.sim.benches.runner import run_bench
from tests.sim.cells import LAX, with_cells

NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    ("pixels", "channels", "dsps", "pump"),
    [
        (7, 8, 220, 1),
        (13, 8, 30, 1),
        (8, 16, 50, 2),
        pytest.param(8, 16, 220, 1, marks=NIGHTLY),
        pytest.param(14, 16, 0, 1, marks=NIGHTLY),
        pytest.param(28, 8, 100, 1, marks=NIGHTLY),
        pytest.param(7, 8, 220, 2, marks=NIGHTLY),
    ],
)
def test_array(pixels: int, channels: int, dsps: int, pump: int) -> None:
    parameters = {"P": pixels, "C": channels, "Dsps": dsps, "Pump": pump}
    run_bench("fb_array", "bench_array", parameters=parameters)


@pytest.mark.parametrize(
    ("pixels", "channels", "dsps"), [(8, 16, 50), pytest.param(7, 8, 220, marks=NIGHTLY)]
)
def test_array_at_two_clocks(pixels: int, channels: int, dsps: int) -> None:
    parameters = {"P": pixels, "C": channels, "Dsps": dsps, "Pump": 2, "FastClock": 1}
    sources = with_cells("fb_array")
    run_bench("fb_array", "bench_array", sources=sources, parameters=parameters, verilator_args=LAX)
