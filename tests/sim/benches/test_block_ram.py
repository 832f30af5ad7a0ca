"""Our models of the block RAM primitives, by themselves."""

from __future__ import annotations

import pytest

from firebrick.sim.benches.runner import BenchError, run_bench

# Warnings of the netlist's conventions: pins and parameters that are there for the name's sake.
QUIET = ("-Wno-UNUSED", "-Wno-UNDRIVEN", "-Wno-WIDTHCONCAT")


def run(kind: str, mode: str, **widths: int) -> None:
    every = {f"{way}_WIDTH_{port}": 0 for way in ("READ", "WRITE") for port in "AB"}
    run_bench(
        kind,
        "bench_block_ram",
        sources=["sim/primitives/fb_block_ram.sv", f"sim/primitives/{kind}.sv"],
        parameters={
            "RAM_MODE": f'"{mode}"',
            "WRITE_MODE_A": '"READ_FIRST"',
            "WRITE_MODE_B": '"READ_FIRST"',
            **every,
            **widths,
        },
        verilator_args=QUIET,
    )


@pytest.mark.parametrize(
    ("kind", "widths"),
    [
        ("RAMB36E1", {"WRITE_WIDTH_A": 4, "READ_WIDTH_B": 4}),
        ("RAMB36E1", {"WRITE_WIDTH_A": 36, "READ_WIDTH_B": 9}),
        ("RAMB18E1", {"WRITE_WIDTH_A": 18, "READ_WIDTH_B": 18}),
        ("RAMB18E1", {"WRITE_WIDTH_A": 2, "READ_WIDTH_B": 18}),
    ],
    ids=str,
)
def test_two_ports(kind: str, widths: dict[str, int]) -> None:
    run(kind, "TDP", **widths)


@pytest.mark.parametrize(("kind", "width"), [("RAMB36E1", 72), ("RAMB18E1", 36)])
def test_joined_ports(kind: str, width: int) -> None:
    run(kind, "SDP", READ_WIDTH_A=width, WRITE_WIDTH_B=width)


def test_what_is_not_modelled_ends_the_simulation() -> None:
    with pytest.raises(BenchError, match="output registers are not modelled"):
        run("RAMB18E1", "TDP", WRITE_WIDTH_A=18, READ_WIDTH_B=18, DOB_REG=1)
