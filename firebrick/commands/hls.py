"""Emit a board's HLS project, simulate a network, say what to run next."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from firebrick.commands.boards import networks
from firebrick.commands.chosen import is_bundled
from firebrick.commands.frame import Parser, add_skip_bad_option
from firebrick.commands.opening import open_network, quantize_opened
from firebrick.host.compare import compare
from firebrick.host.layout import pack, pack_input
from firebrick.host.program import parse_program
from firebrick.host.results import scores
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.hls.csim import CSim
from firebrick.hw.hls.cycles import estimate
from firebrick.hw.hls.emit import bench_beats, emit_project
from firebrick.hw.hls.resources import ASSUMPTIONS, Used, functions, total
from firebrick.hw.shape import PYNQ_Z2, EngineShape, parse_shape
from firebrick.models.bundled import NAMES
from firebrick.quantize import golden
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.files import write_bytes, write_text
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.paths import results
from firebrick.quantize.support.staging import staged
from firebrick.quantize.support.terminal import Table, new_console

# Name of the board, its FPGA and the period of its clock in ns.
BOARDS = {"pynq-z1": ("xc7z020clg400-1", 10.0), "pynq-z2": ("xc7z020clg400-1", 10.0)}
SEED = 1


def write_data(
    folder: Path, program: Program, images: np.ndarray, expected: golden.GoldenResult
) -> None:
    """What the project's test bench reads: the program, stored pictures, and what the engine should
    write, sums without the constant that the host adds, or maps."""
    parsed = parse_program(program.blob)
    shape = program.shape
    stored = [pack_input(i, parsed.input, shape.pixels, shape.word_bytes) for i in images]
    answers = np.zeros((len(images), parsed.output.bytes), np.uint8)
    sums = expected.sums - np.array(parsed.output.addend, np.int64)
    answers[:, : 8 * parsed.output.classes] = sums.astype("<i8").view(np.uint8)
    for spec in parsed.output.maps:
        for answer, values in zip(answers, expected.tensors[spec.name], strict=True):
            # A tile holds the channels of other outputs, too.
            behind = spec.words - spec.first - len(values)
            whole = np.pad(values.view(np.uint8), ((spec.first, behind), (0, 0), (0, 0)))
            answer[spec.offset : spec.offset + spec.bytes] |= pack(
                whole, shape.pixels, shape.word_bytes
            )
    with staged(folder) as scratch:
        write_bytes(scratch / "program.fbp", program.blob)
        write_bytes(scratch / "inputs.bin", np.concatenate(stored).tobytes())
        write_bytes(scratch / "expected.bin", answers.tobytes())


def main(arguments: list[str] | None = None) -> int:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    if options.count < 1:
        raise FirebrickError(f"--count must be at least 1, not {options.count}")
    part, clock = BOARDS[options.board]
    shape = parse_shape(options.shape)
    qnet, images = _network(options)
    images = images[: options.count]
    with sole_writer(options.out):
        return _emit_and_run(options, part, clock, shape, qnet, images)


def _emit_and_run(
    options: argparse.Namespace,
    part: str,
    clock: float,
    shape: EngineShape,
    qnet: QNetwork,
    images: np.ndarray,
) -> int:
    folder = Path(options.out)
    program = compile_network(qnet, shape)
    beats = bench_beats(parse_program(program.blob), len(program.blob), len(images))
    part, clock = options.part or part, options.clock or clock
    try:
        emit_project(shape, part, clock, folder, beats=beats)
    except ValueError as error:
        raise FirebrickError(str(error)) from error
    sources = [*folder.glob("src/*"), *folder.glob("tb/*")]
    lines = sum(len(file.read_text().splitlines()) for file in sources)
    print(f"wrote {folder}: {len(sources)} C++ files, {lines} lines, an engine of {shape}")

    begin = time.perf_counter()
    engine = CSim(shape)
    print(f"g++ compiled it in {time.perf_counter() - begin:.1f} s")
    result = engine.run(program.blob, images)
    expected = golden.run(qnet, images, keep=[*result.maps, *result.outputs])
    totals, _, _ = scores(result.sums, parse_program(program.blob))
    report = compare({"sums": totals}, {"sums": expected.sums})
    report += compare(result.maps, {n: expected.tensors[n][-1] for n in result.maps})
    report += compare(result.outputs, {n: expected.tensors[n] for n in result.outputs})
    write_data(folder / "data", program, images, expected)
    verdict = "bit-exact" if report.exact else "NOT bit-exact"
    print(
        f"C simulation of {qnet.name}: {verdict}, {report.tensors} tensors, {report.values:,} "
        f"values compared; {result.seconds / len(images):.3f} s a picture"
    )
    schedule = estimate([group.fields for group in program.groups], shape)
    print(
        f"{schedule.cycles:,} cycles a picture, were every loop's interval reached: an estimate by "
        "its pragmas, no measurement"
    )
    used = functions(shape)
    _show(used)
    facts = {
        "shape": str(shape),
        "network": qnet.name,
        "bit_exact": report.exact,
        "emitted_lines": lines,
        "csim_seconds": round(result.seconds / len(images), 4),
        "cycles": {"simulated": schedule.cycles, **_published(shape)},
        **_sums(used),
        "functions": {u.function: asdict(u) for u in used},
        "assumptions": list(ASSUMPTIONS),
    }
    write_text(Path(options.json), json.dumps(facts, indent=2) + "\n")
    print(
        f"""Next, with Vitis HLS on the PATH:
  cd {folder}
  vitis_hls -f build.tcl csim synth cosim export
or, where there is no vitis_hls any more:
  FIREBRICK_STEPS="csim synth cosim export" vitis-run --mode hls --tcl build.tcl
then, in this repository, the whole-engine bench on what it made:
  HW=hls HLS={folder} python -m pytest tests/sim/benches/test_engine.py"""
    )
    return 0 if report.exact else 1


def _published(shape: EngineShape) -> dict[str, int | None]:
    """Cycles of the published networks with random weights; none where the shape does not hold
    one."""
    found: dict[str, int | None] = {}
    for name, net in networks().items():
        key = f"squeezenet_{name.replace('.', '_')}"
        try:
            groups = compile_network(net, shape).groups
        except FirebrickError:
            found[key] = None
        else:
            found[key] = estimate([group.fields for group in groups], shape).cycles
    return found


def _sums(used: Sequence[Used]) -> dict[str, float]:
    whole = total(used)
    return {
        "dsp": whole.dsp,
        "lut_estimate": whole.lut,
        "ff_estimate": whole.ff,
        "ramb36_estimate": whole.ramb36,
    }


def _show(used: Sequence[Used]) -> None:
    """The resources of each function, and what their estimate assumes."""
    table = Table("function", title="resources, counted, not measured")
    for name in ("DSP", "LUT", "FF", "RAMB36"):
        table.add_column(name, justify="right")
    for row in (*used, total(used)):
        table.add_row(row.function, f"{row.dsp}", f"{row.lut:,}", f"{row.ff:,}", f"{row.ramb36:g}")
    new_console().print(table)
    for assumption in ASSUMPTIONS:
        print(f"- {assumption}")


def _network(options: argparse.Namespace) -> tuple[QNetwork, np.ndarray]:
    if not is_bundled(options.model) and Path(options.model).suffix != ".npz":
        raise FirebrickError(
            f"{options.model}: not a quantized network (.npz); make one with make quantize"
        )
    console = new_console()
    opened = open_network(options, console, maps=True)
    qnet = quantize_opened(opened, options, console, measure=0).qnet
    if options.images is not None:
        files = opened.pictures.files(options.images)[: options.count]
        return qnet, opened.pictures.load(files)
    if opened.bundled is not None:
        return qnet, opened.bundled.pictures
    shape = (options.count, *qnet.tensors[qnet.input].shape)
    return qnet, np.random.default_rng(SEED).integers(0, 256, shape, np.uint8)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="firebrick hls", description=__doc__)
    parser.add_argument("--board", choices=BOARDS, default="pynq-z2", help="%(default)s")
    parser.add_argument(
        "--shape", default=str(PYNQ_Z2), help="array, pixels x channels (%(default)s)"
    )
    parser.add_argument("--part", help="another FPGA than the board's")
    parser.add_argument("--clock", type=float, help="another clock period, ns")
    parser.add_argument("--model", help=f"quantized network, .npz, or {' or '.join(NAMES)}")
    parser.add_argument("--images", help="folder of pictures (random pixels for a given model)")
    add_skip_bad_option(parser)
    parser.add_argument("--count", type=int, default=2, help="pictures to simulate (%(default)s)")
    parser.add_argument("--out", default=results("hls/project"), help="%(default)s")
    parser.add_argument("--json", default=results("hls.json"), help="figures (%(default)s)")
    return parser
