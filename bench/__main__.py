"""Every figure of the project side by side: ``python -m bench``, behind ``make bench``.

Cycles that an array which never waits would need (ideal), that the analytic model predicts, and
that the simulated engine takes; frames a second; the same network on this machine's CPU; what
other FPGA implementations publish; and how fast simulation and golden model are.  Networks have
random weights: cycles and times do not depend on them.
"""

from __future__ import annotations

import argparse
import json
import time
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.text import Text

from firebrick.bench import hls, hls4ml_peer, pumped, residual, squeezedet
from firebrick.bench.detection import decoding
from firebrick.bench.golden import frames_per_second
from firebrick.commands.frame import Parser, run_cli
from firebrick.host.driver import Firebrick
from firebrick.host.program import parse_program
from firebrick.host.results import Counters, Profile
from firebrick.host.trace import write_trace
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.model.cycles import predict
from firebrick.hw.model.prediction import Prediction
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize import golden
from firebrick.quantize.architectures import ARCHITECTURES, build
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.progress import busy
from firebrick.quantize.support.terminal import Table, new_console
from firebrick.sim.board import CLOCK_HZ, SimulatedBoard, simulated
from firebrick.sim.build import build_library
from firebrick.sim.overlay import write_overlay
from firebrick.sim.timeline import draw_timeline

PEERS = Path(__file__).with_name("peers.toml")
BATCH = 8
SEED = 1
CLOCKS_MHZ = (100, 150)
# Networks that are run on a pumped array too, the first one in a batch as well.
PUMPED = ("v1.0", "v1.1")
PEER_FIELDS = ("system", "chip", "clock_mhz", "network", "result", "cycles", "scope", "source")


@dataclass(frozen=True)
class Subject:
    """A network to be measured, with pictures uint8 [BATCH, C, H, W]."""

    title: str
    net: Network
    qnet: QNetwork
    images: np.ndarray
    program: Program


@dataclass(frozen=True)
class Simulated:
    """One start on the simulated board; the profile belongs to a start of one picture."""

    counters: Counters
    profile: Profile | None
    seconds: float


def subject(version: str) -> Subject:
    """A SqueezeNet of :data:`quantize.architectures.ARCHITECTURES` with random weights; those of
    v1.0, at 227x227, pad the classifier as the published network does."""
    config = ARCHITECTURES[version]()
    if version != "v1.1":
        config = replace(config, conv10_padding=1)
    rng = np.random.default_rng(SEED)
    net = build(config, rng)
    images = rng.integers(0, 256, (BATCH, *net.shapes[net.input]), np.uint8)
    qnet = quantize_network(net, for_network(preprocessing("torchvision"), net), images[:2])
    return Subject(f"SqueezeNet {version}", net, qnet, images, compile_network(qnet, PYNQ_Z2))


def simulate(job: Subject, count: int, folder: Path) -> Simulated:
    """``count`` pictures in one start, their answers held against the golden model."""
    overlay = write_overlay(folder / "overlay")
    board = SimulatedBoard(PYNQ_Z2, library=build_library(PYNQ_Z2))
    with (
        simulated(board),
        Firebrick(str(overlay), parse_program(job.program.blob), clock=board) as engine,
    ):
        begin = time.perf_counter()
        batch = engine.run_batch(job.images[:count])
        seconds = time.perf_counter() - begin
        profile = engine.profile() if count == 1 else None
    if not np.array_equal(batch.totals, golden.run(job.qnet, job.images[:count]).sums):
        raise FirebrickError(f"{job.title}: the engine's answers differ from the golden model's")
    return Simulated(batch.counters[0], profile, seconds)


def added_beats(program: Program) -> int:
    """64-bit beats of stored maps that are read to be added to a bypass."""
    added = [g.fields for g in program.groups if g.fields.get("add_enable")]
    words = sum(f["rows"] * f["tiles"] * f["segment_words"] for f in added)
    return words * program.shape.word_bytes // 8


def peers() -> list[dict[str, Any]]:
    """The entries of peers.toml; FirebrickError where one is incomplete."""
    entries = tomllib.loads(PEERS.read_text())["peer"]
    for entry in entries:
        missing = [name for name in PEER_FIELDS if name not in entry]
        if missing:
            raise FirebrickError(f"{PEERS.name}, {entry.get('system')}: no {', '.join(missing)}")
    return entries


def cycles_table(job: Subject, run: Simulated, model: Prediction) -> Table:
    """Ideal, predicted and simulated cycles of every layer and group.

    The model charges a group's cycles to its layers; the hardware counts whole groups.
    """
    assert run.profile is not None
    table = Table(box=SIMPLE_HEAD, title=f"{job.title}: cycles of one frame", pad_edge=False)
    table.add_column("group / layer", no_wrap=True)
    for name in ("ideal", "model", "simulated", "waits, mostly"):
        table.add_column(name, justify="right", no_wrap=True)
    for measured, predicted in zip(run.profile.groups, model.groups, strict=True):
        idle = sum(measured.stalls.values())
        cause = max(measured.stalls, key=lambda name: measured.stalls[name])
        table.add_row(
            Text(measured.name, "bold"),
            f"{measured.ideal_cycles:,}",
            f"{predicted.cycles:,}",
            f"{measured.cycles:,}",
            f"{idle:,} {cause}" if idle else "",
        )
        if len(measured.layers) > 1:
            for layer, part in zip(measured.layers, predicted.layers, strict=True):
                table.add_row(f"  {layer.name}", f"{layer.ideal_cycles:,}", f"{part.cycles:,}")
    table.add_section()
    table.add_row(
        Text("frame", "bold"),
        f"{job.program.ideal_cycles:,}",
        f"{model.cycles:,}",
        f"{run.counters.cycles:,}",
        f"{sum(run.counters.stalls.values()):,}",
    )
    return table


def speed_table(rows: list[tuple[str, int, int]], dsps: int | None) -> Table:
    """Frames a second and use of the array, of (what, cycles a frame, MACs a frame)."""
    title = f"Engine of {PYNQ_Z2}, {PYNQ_Z2.macs} MACs a cycle: frames a second and use"
    table = Table(box=SIMPLE_HEAD, title=title, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    heads = [f"at {mhz} MHz" for mhz in CLOCKS_MHZ]
    for name in ("cycles", *heads, "MACs/cycle", "used", "by DSP"):
        table.add_column(name, justify="right", no_wrap=True)
    for what, cycles, work in rows:
        table.add_row(
            what,
            f"{cycles:,}",
            *(f"{mhz * 1e6 / cycles:.1f}" for mhz in CLOCKS_MHZ),
            f"{work / cycles:.1f}",
            f"{work / cycles / PYNQ_Z2.macs:.1%}",
            f"{work / cycles / dsps:.2f}" if dsps else "?",
        )
    return table


def print_peers(console: Console) -> None:
    """What others reach, each with its clock and source."""
    console.print("\nPublished figures of others, as their sources state them")
    for p in peers():
        clock = f", {p['clock_mhz']} MHz" if p["clock_mhz"] != "none" else ""
        cycles = f" ({p['cycles']})" if p["cycles"] != "none" else ""
        console.print(
            f"  {p['system']} on {p['chip']}{clock}: {p['network']}: {p['result']}{cycles}, "
            f"{p['scope']}. {p['source']}.",
        )


def _dsps(folder: Path) -> int | None:
    """DSPs of the synthesized engine, if it has been synthesized."""
    path = folder / "synth.json"
    facts = json.loads(path.read_text()) if path.is_file() else {}
    return facts["dsp48e1"] if facts.get("shape") == str(PYNQ_Z2) else None


def _pumped(
    console: Console, job: Subject, key: str, folder: Path, cycles: dict[str, int]
) -> dict[str, Any]:
    """Figures of the published networks on a pumped array; ``cycles`` gets those of a frame."""
    version = job.title.removeprefix("SqueezeNet ")
    if version not in PUMPED:
        return {}
    images = job.images if version == PUMPED[0] else job.images[:1]
    with busy(f"{job.title} on an array with pump 2"):
        found = pumped.runs(job.qnet, images, golden.run(job.qnet, images).sums, folder)
    console.print(pumped.table(job.title, pumped.macs(job.program), found))
    cycles |= pumped.cycles(key, found)
    if version != PUMPED[0]:
        return {}
    last = found[-1]
    single = next(run for run in found if run.pump > 1)
    return {
        "bytes_per_frame": {key: single.bytes},
        "sim_cycles_per_second_pump2": round(last.counters.cycles / last.seconds),
    }


def _hls(console: Console) -> dict[str, Any]:
    """Figures of the emitted C++, and of hls4ml's own Vitis backend on the same networks."""
    with busy("HLS: emit, compile, C simulation of a v1.0 frame"):
        figures = hls.figures("v1.0")
    console.print(
        f"HLS C++ of SqueezeNet v1.0: C simulation {figures['hls_csim_seconds']:.2f} s a frame, "
        f"compiled in {figures['hls_compile_seconds']:.1f} s, {figures['hls_lines']:.0f} lines",
    )
    runs = []
    for network in hls4ml_peer.NETWORKS:
        for backend in hls4ml_peer.BACKENDS:
            with busy(f"hls4ml, {backend} backend: {network}"):
                runs.append(hls4ml_peer.measure(network, backend))
    hls4ml_peer.show(runs, console)
    return {**figures, **hls4ml_peer.figures(runs)}


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = _parser().parse_args(arguments)
    from firebrick.bench import cpu  # onnxruntime is slow to import

    console = new_console()
    folder = Path(options.out).parent
    cycles: dict[str, int] = {}
    facts: dict[str, Any] = {"shape": str(PYNQ_Z2), "cycles": cycles}
    with busy("build the simulated board"):
        build_library(PYNQ_Z2)
    rows: list[tuple[str, int, int]] = []
    for version in ARCHITECTURES:
        key = f"squeezenet_{version.replace('.', '_').replace('-', '_')}"
        with busy(f"SqueezeNet {version}: quantize, compile, predict, simulate"):
            job = subject(version)
            run = simulate(job, 1, folder)
            begin = time.perf_counter()
            model = predict(job.program)
            facts[f"model_milliseconds_{version}"] = round(1000 * (time.perf_counter() - begin), 1)
        console.print(cycles_table(job, run, model))
        waits = ", ".join(f"{name} {n:,}" for name, n in run.counters.stalls.items())
        share = run.counters.active / run.counters.cycles
        console.print(f"array busy in {share:.1%} of cycles; idle: {waits}")
        added = added_beats(job.program)
        if added:
            console.print(f"maps that a bypass adds: {added:,} beats read")
        assert run.profile is not None
        write_trace(run.profile, folder / f"{key}.trace.json", CLOCK_HZ)
        draw_timeline(run.profile, folder / f"{key}.png", job.title, PYNQ_Z2.macs, CLOCK_HZ)
        cycles[key] = run.counters.cycles
        facts[key] = {
            "ideal": job.program.ideal_cycles,
            "model": model.cycles,
            "stalls": run.counters.stalls,
            "active": run.counters.active,
            "added_beats": added,
        }
        rows.append((job.title, run.counters.cycles, pumped.macs(job.program)))
        facts |= _pumped(console, job, key, folder, cycles)
        if version == "v1.0":
            facts["sim_cycles_per_second"] = round(run.counters.cycles / run.seconds)
            with busy(f"{BATCH} frames in one start"):
                batch = simulate(job, BATCH, folder)
            cycles[f"{key}_batch{BATCH}"] = -(-batch.counters.cycles // BATCH)
            rows.append(
                (f"  batch of {BATCH}", cycles[f"{key}_batch{BATCH}"], pumped.macs(job.program))
            )
            with busy("onnxruntime on the CPU"):
                facts["onnxruntime_fps"] = cpu.measure(job.net, job.qnet, job.images[0])
    with busy("golden model"):
        facts["golden_fps"] = round(frames_per_second("v1.0", 16), 2)
    for residue in (residual.RESNET8, residual.RESNET18):
        with busy(f"{residue.title}: each array"):
            work, found = residual.runs(residue, folder)
        console.print(pumped.table(residue.title, work, found))
        console.print(residual.fabric(residue))
        cycles |= residual.cycles(residue, found)
    with busy("SqueezeDet at 1248x384 by the cycle model"):
        wide = squeezedet.outlines()
        predicted = squeezedet.cycles(wide)
    for line in squeezedet.lines(wide, predicted):
        console.print(line)
    cycles |= predicted
    facts["detection"] = decoding()
    dsps = _dsps(folder)
    console.print(speed_table(rows, dsps))
    if dsps is None:
        console.print("MACs a DSP: not known before `make synth`")
    fps = facts["onnxruntime_fps"]
    console.print(
        f"SqueezeNet v1.0 by onnxruntime on {cpu.name()}: float32 {fps['float32']:.1f}, QDQ "
        f"{fps['qdq']:.1f} frames/s\nsimulation {facts['sim_cycles_per_second']:,} cycles/s, "
        f"golden model {facts['golden_fps']} frames/s (v1.0)\n"
        f"boxes of {facts['detection']['anchors']:,} anchors on the host "
        f"{facts['detection']['decode_ms']} ms",
    )
    print_peers(console)
    facts |= _hls(console)
    facts["cpu"] = cpu.name()
    facts["peers"] = peers()
    path = Path(options.out)
    known = json.loads(path.read_text()) if path.is_file() else {}
    text = json.dumps({**known, **facts}, indent=2) + "\n"
    write_text(path, text)
    console.print(
        f"wrote {path}; timelines and traces for ui.perfetto.dev: "
        f"{folder}/squeezenet_*.png, *.trace.json",
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick bench", description=__doc__)
    parser.add_argument("--out", default=results("bench.json"), help="JSON (%(default)s)")
    return parser


if __name__ == "__main__":
    run_cli(main)
