"""Sources found, builds reused and failures reported by the bench runner."""

from __future__ import annotations

from pathlib import Path

import pytest

from firebrick.sim.benches import runner
from firebrick.sim.benches.runner import (
    BenchError,
    instantiated_modules,
    resolve_sources,
    run_bench,
)


def test_instances() -> None:
    text = """
      fb_fifo #(.Width(8)) u_fifo (.clk_i);
      for (genvar i = 0; i < 4; i++) begin fb_pe u_pe (.clk_i); end
      // fb_ghost #(.Width(8)) u_ghost (.clk_i);
      assign fb_signal = fb_function(a);
    """
    assert instantiated_modules(text) == {"fb_fifo", "fb_pe"}


def test_sources_in_order(tmp_path: Path) -> None:
    (tmp_path / "fb_top.sv").write_text(
        "import b_pkg::*; fb_leaf u_leaf (.clk_i); fb_mid u_mid ();"
    )
    (tmp_path / "fb_mid.sv").write_text("fb_leaf #(.A(1)) u_leaf (.clk_i);")
    (tmp_path / "fb_leaf.sv").write_text("/* fb_gone u_gone (); */ endmodule")
    (tmp_path / "b_pkg.sv").write_text("localparam int A = a_pkg::B;")
    (tmp_path / "a_pkg.sv").write_text("localparam int B = 1;")
    names = [path.stem for path in resolve_sources("fb_top", tmp_path)]
    assert names == ["a_pkg", "b_pkg", "fb_leaf", "fb_mid", "fb_top"]
    (tmp_path / "fb_leaf.sv").unlink()
    with pytest.raises(BenchError, match=r"fb_leaf\.sv: no such file, needed by fb_"):
        resolve_sources("fb_top", tmp_path)


def test_build_error_and_failing_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "BUILDS", tmp_path)
    source = tmp_path / "fb_crc32.sv"
    text = (runner.RTL / "fb_crc32.sv").read_text()
    source.write_text(text.replace("logic [63:0][31:0] mixed;", ""))
    with pytest.raises(BenchError, match=r"(?s)fb_crc32: build failed.*mixed"):
        run_bench("fb_crc32", "bench_crc32", sources=[source])
    source.write_text(text.replace("EDB88320", "EDB88321"))
    with pytest.raises(BenchError, match=r"(?s)2 of 2 tests failed.*AssertionError"):
        run_bench("fb_crc32", "bench_crc32", sources=[source])
    # The same folder again, with the source repaired: it must be built anew.
    source.write_text(text)
    run_bench("fb_crc32", "bench_crc32", sources=[source])
    binary = next(tmp_path.glob("fb_crc32-*")) / "fb_crc32"
    built = binary.stat().st_mtime_ns
    run_bench("fb_crc32", "bench_crc32", sources=[source], seed=2)
    assert binary.stat().st_mtime_ns == built
