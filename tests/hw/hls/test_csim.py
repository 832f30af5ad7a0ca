"""The emitted C++, compiled with g++, against the golden model: every stored map, every sum."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.bench.residual import quantized, resnet8
from firebrick.commands.hls import main
from firebrick.host.compare import compare
from firebrick.host.errors import ProgramError
from firebrick.host.program import parse_program
from firebrick.host.results import scores
from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Group, Program, assemble
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.descriptor_rules import broken_rule
from firebrick.hw.hls.csim import FLAGS, CSim, CSimError, ap_types
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.models.bundled import bundled
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.importers.load import load_model
from firebrick.quantize.pictures.preprocess import list_images, load_images
from firebrick.quantize.qnetwork import QAdd, QNetwork
from firebrick.sim.faults import craft
from firebrick.sim.random_networks import (
    V1_1,
    build,
    ending_in_maps,
    map_heads,
    random_images,
    random_narrow,
    random_network,
    random_padded,
    random_recipe,
    random_strides,
)
from tests.hw.hls.compiled import outcome

ERROR = {name: code for code, name, _ in d.ERRORS}
SHAPES = (
    PYNQ_Z2,
    EngineShape(pixels=7, channels=8, act_words=8192),
    EngineShape(pixels=8, channels=64),
    EngineShape(pixels=28, channels=16, sums=256),
)


def check(
    net: QNetwork, shape: EngineShape, images: np.ndarray, flags=(), apart=False, chains=True
) -> CSim:
    """Sums of all images, or the maps that the network ends in, and every stored map of the last
    image are the golden model's."""
    program = compile_network(net, shape, stages_apart=apart, chains=chains)
    engine = CSim(shape, flags=flags)
    result = engine.run(program.blob, images, timeout=300)
    expected = golden.run(net, images, keep=list(result.maps))
    totals, _, _ = scores(result.sums, parse_program(program.blob))
    report = compare({"sums": totals}, {"sums": expected.sums})
    report += compare(result.maps, {name: expected.tensors[name][-1] for name in result.maps})
    report += compare(result.outputs, {name: expected.tensors[name] for name in net.maps})
    assert report.exact, str(report.first)
    assert report.tensors == len(result.maps) + len(net.maps) + 1
    assert result.registers["IMAGES_DONE"] == len(images)
    assert result.registers["GROUP"] == len(images) * len(program.groups)
    # Every image reads the stream, and the maps that are added.
    added = [g.fields for g in program.groups if g.fields.get("add_enable")]
    words = sum(f["rows"] * f["tiles"] * f["segment_words"] for f in added)
    beats = sum(len(g.encode()) for g in program.groups) // 8 + words * shape.word_bytes // 8
    assert result.registers["READ_BEATS_PROGRAM"] == d.HEADER_BEATS + len(images) * beats
    assert bool(words) == any(isinstance(node, QAdd) for node in net.nodes)
    return engine


@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(8))
def test_random_networks(seed: int, shape: EngineShape, apart: bool) -> None:
    net = random_network(seed)
    check(net, shape, random_images(net, 2, seed), apart=apart)


@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_random_networks_with_bypass(seed: int, shape: EngineShape, apart: bool) -> None:
    net = random_network(seed, bypass=True)
    check(net, shape, random_images(net, 2, seed), apart=apart)


@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_random_networks_with_strides(seed: int, shape: EngineShape, apart: bool) -> None:
    net = random_strides(seed)
    check(net, shape, random_images(net, 2, seed), apart=apart)


@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_random_networks_with_padded_poolings(seed: int, shape: EngineShape, apart: bool) -> None:
    net = random_padded(seed)
    check(net, shape, random_images(net, 2, seed), apart=apart)


@pytest.mark.parametrize("apart", [False, True], ids=["fused", "apart"])
@pytest.mark.parametrize(
    ("shape", "seed"),
    [
        (EngineShape(8, 8, act_words=8192), 4),
        (EngineShape(16, 32), 6),
        *(
            pytest.param(shape, seed, marks=pytest.mark.nightly)
            for shape in (*SHAPES, *(EngineShape(p, c) for p, c in ((4, 8), (6, 16), (16, 32))))
            for seed in range(20, 32)
        ),
    ],
    ids=str,
)
def test_random_networks_with_two_rows_in_one(seed: int, shape: EngineShape, apart: bool) -> None:
    """Their forms are those of tests/sim/test_two_rows.py."""
    net = random_narrow(seed, shape.pixels, shape.channels)
    check(net, shape, random_images(net, 2, seed), apart=apart)


@pytest.mark.nightly
@pytest.mark.parametrize("shape", [PYNQ_Z2, EngineShape(16, 32)], ids=str)
def test_resnet8(shape: EngineShape) -> None:
    net, images = quantized(resnet8(np.random.default_rng(1)), 2)
    fields = [group.fields for group in compile_network(net, shape).groups]
    assert any(f.get("half_first") for f in fields)
    assert any(f.get("load_fold") for f in fields) == (shape.pixels == 16)
    check(net, shape, images[:2])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_chained_modules(seed: int, shape: EngineShape) -> None:
    """One module hands on to the next, or two in a row do; and the same network without chains."""
    net = (random_network(8), random_network(9), random_network(8, bypass=True), random_padded(6))[
        seed
    ]
    assert any(g.fields.get("p3_enable") for g in compile_network(net, shape).groups)
    images = random_images(net, 2, seed)
    for chains in (True, False):
        check(net, shape, images, chains=chains)


@pytest.mark.parametrize(
    ("seed", "apart"),
    [
        (1, False),
        (3, True),
        *(pytest.param(n, n % 2 > 0, marks=pytest.mark.nightly) for n in (4, 5, 8)),
    ],
)
def test_networks_that_end_in_maps(seed: int, apart: bool) -> None:
    some = (random_network(seed, bypass=True), random_strides(seed))
    for net in (*(ending_in_maps(net, seed % 3, seed) for net in some), map_heads(seed, (9, 3))):
        check(net, SHAPES[1], random_images(net, 2, seed), apart=apart)


@pytest.mark.parametrize("seed", [9, 100, 101, 102])
def test_exact_types_give_the_same(seed: int) -> None:
    """Registers of exactly the hardware's widths, which simulation otherwise leaves out."""
    net = random_strides(seed) if seed == 102 else random_network(seed, bypass=seed > 99)
    check(net, SHAPES[1], random_images(net, 1, seed), flags=("-DFIREBRICK_EXACT_TYPES",))


def test_digits() -> None:
    made = bundled("digits")
    images = made.pictures
    net = quantize_network(made.network, made.preprocessing, made.calibration)
    for apart in (False, True):
        check(net, PYNQ_Z2, images[:4], apart=apart)


def test_v1_1() -> None:
    """The other published architecture, with random weights; five modules hand on to the next."""
    net = build(V1_1, 5)
    groups = compile_network(net, PYNQ_Z2).groups
    assert sum(group.fields.get("p3_enable", 0) for group in groups) == 5
    check(net, PYNQ_Z2, random_images(net, 1, 5))


def test_trained_squeezenet(shared_data: Path) -> None:
    """SqueezeNet v1.0 on a photo."""
    net, prepared = load_model(shared_data / "squeezenet_v1.0_deep_compression.net")
    files = list_images(shared_data / "imagenet" / "images")
    qnet = quantize_network(net, prepared, load_images(files[::40], prepared))
    photo = load_images(files[3:4], prepared)
    check(qnet, PYNQ_Z2, photo)
    check(qnet, PYNQ_Z2, photo, apart=True)
    result = CSim(PYNQ_Z2).run(compile_network(qnet, PYNQ_Z2).blob, photo)
    assert result.registers["ACTIVE"] == 1_979_448 - short_blocks(qnet)


def short_blocks(net: QNetwork) -> int:
    """Cycles that a program of `net` waits because a block has fewer K steps than channels."""
    program = compile_network(net, PYNQ_Z2)
    idle = 0
    for group in program.groups:
        f = group.fields
        for k in range(d.PASSES):
            if f.get(f"p{k}_enable"):
                rows = f["mid_total"] if k == 0 else f["rows"]
                blocks = rows * f["tiles"] * f[f"p{k}_blocks"]
                idle += blocks * max(0, PYNQ_Z2.channels - f[f"p{k}_steps"])
    return idle


# ------------------------------------------------------------------------------------------ errors


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_network(random_network(2), PYNQ_Z2)


def code_of(blob: bytes, **registers: int) -> tuple[int, int]:
    return outcome(CSim(PYNQ_Z2), blob, **registers)


def with_header(blob: bytes, **values: int) -> bytes:
    """The program with other values in its header, whose CRC is right again."""
    fields = d.unpack(d.HEADER_LAYOUT, blob[:64]) | values
    body = d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, fields)
    fields["header_crc"] = zlib.crc32(body[:56])
    return d.pack(d.HEADER_LAYOUT, d.HEADER_BEATS, fields) + blob[64:]


def flipped(blob: bytes, byte: int) -> bytes:
    return blob[:byte] + bytes([blob[byte] ^ 1]) + blob[byte + 1 :]


def test_good_program_has_no_error(program: Program) -> None:
    assert code_of(program.blob) == (ERROR["NONE"], 0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("MAGIC", {"magic": 1}),
        ("VERSION", {"version": d.FORMAT_VERSION + 1}),
        ("SHAPE", {"pixels": 13}),
        ("SHAPE", {"channels": 16}),
        ("SHAPE", {"acc_bits": 23}),
        ("SHAPE", {"word_bytes": 32}),
    ],
)
def test_foreign_header(program: Program, name: str, values: dict[str, int]) -> None:
    assert code_of(with_header(program.blob, **values)) == (ERROR[name], 0)


def test_damage_is_found(program: Program) -> None:
    assert code_of(flipped(program.blob, 20)) == (ERROR["HEADER_CRC"], 0)
    assert code_of(flipped(program.blob, 64)) == (ERROR["DESCRIPTOR_CRC"], 0)
    assert code_of(flipped(program.blob, 64 + 8 * d.DESCRIPTOR_BEATS)) == (ERROR["PAYLOAD_CRC"], 0)
    second = 64 + len(program.groups[0].encode())
    assert code_of(flipped(program.blob, second)) == (ERROR["DESCRIPTOR_CRC"], 1)


def crafted(program: Program, groups: list[Group]) -> bytes:
    """The program with other groups, every checksum right."""
    scratch = d.unpack(d.HEADER_LAYOUT, program.blob[:64])["scratch_bytes"]
    return assemble(program.name, program.shape, groups, program.host, scratch).blob


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CAPACITY", {"in_end": 8191}),
        ("CAPACITY", {"weight_words": 8191}),
        ("FIELDS", {"bias_pairs": 0}),
        ("GROUPS", {"weight_words": 8000}),
        ("GROUPS", {"group_last": 1}),
        ("FIELDS", {"rows": 0}),
        ("FIELDS", {"p1_blocks": 0}),
        ("FIELDS", {"segment_words": 0}),
        ("FIELDS", {"src_row_words": 0}),
        ("FIELDS", {"p1_weights": 1}),
        ("BOUNDS", {"src_offset": 1 << 20}),
        ("BOUNDS", {"dst_offset": (1 << 32) - 8}),
        ("BOUNDS", {"dst_row_words": (1 << 16) - 1}),
    ],
)
def test_what_does_not_fit_is_refused(program: Program, name: str, values: dict[str, int]) -> None:
    first = replace(program.groups[0], fields={**program.groups[0].fields, **values})
    blob = crafted(program, [first, *program.groups[1:]])
    assert code_of(blob) == (ERROR[name], 0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CAPACITY", {"tail_base": 8000}),
        ("CAPACITY", {"tail_row_words": 2049}),
        ("FIELDS", {"tail_row_words": 0}),
        ("FIELDS", {"tail_tile_words": 1}),
        ("FIELDS", {"mode": d.MODE_POOL, "pool_last_tile": 0}),
        ("FIELDS", {"add_enable": 1}),
        ("FIELDS", {"p3_steps": 0}),
        ("FIELDS", {"p3_last": 1}),
        ("FIELDS", {"p3_weights": 1 << 15}),
        ("FIELDS", {"p3_bias": 1 << 11}),
    ],
)
def test_tails_that_do_not_fit_are_refused(name: str, values: dict[str, int]) -> None:
    program = compile_network(random_network(8), PYNQ_Z2)
    at = next(n for n, group in enumerate(program.groups) if group.fields.get("p3_enable"))
    groups = list(program.groups)
    groups[at] = replace(groups[at], fields={**groups[at].fields, **values})
    assert code_of(crafted(program, groups)) == (ERROR[name], at)


def test_rules_are_those_of_the_engine(program: Program) -> None:
    """Crafted descriptors, checksums right: what fb_rules refuses, the kernel refuses as well, and
    nothing makes it crash or hang."""
    rng = np.random.default_rng(8)
    seen: Counter[str] = Counter()
    chained = compile_network(random_network(8), PYNQ_Z2)
    narrow = compile_network(random_narrow(16, PYNQ_Z2.pixels, PYNQ_Z2.channels), PYNQ_Z2)
    for number in range(60):
        blob, fields = craft.crafted((chained, program, narrow)[number % 3], rng)
        # The first group that breaks a rule, unless an earlier one ends the run.
        rules = [broken_rule(f, PYNQ_Z2) for f in fields]
        code, group = code_of(blob)
        name = next(n for n, c in ERROR.items() if c == code)
        seen[name] += 1
        broken = next((n for n, rule in enumerate(rules) if rule), None)
        if broken is None:
            continue
        assert group <= broken, (name, rules)
        if group == broken:
            # What is too large for a memory of the kernel alone is of capacity too.
            assert name in (rules[broken], "CAPACITY"), (name, rules)
        else:
            assert name in ("BOUNDS", "FIELDS"), (name, rules)
    assert seen["FIELDS"] > 10 and seen["NONE"] + seen["BOUNDS"] > 3, seen


def test_groups_out_of_place_are_refused(program: Program) -> None:
    """Another program's groups, groups that are swapped or left out, too many or too few."""
    sizes = [len(g.encode()) for g in program.groups]
    starts = [64 + sum(sizes[:n]) for n in range(len(sizes) + 1)]
    parts = [program.blob[a:b] for a, b in itertools.pairwise(starts)]
    twin = compile_network(build(random_recipe(np.random.default_rng(2)), 9), PYNQ_Z2).blob
    foreign = [twin[a:b] for a, b in itertools.pairwise(starts)]
    count = len(parts)
    crc, groups = ERROR["DESCRIPTOR_CRC"], ERROR["GROUPS"]

    def code(stream: list[bytes], **values: int) -> tuple[int, int]:
        size = sum(map(len, stream))
        return code_of(
            with_header(program.blob[:64], stream_bytes=size, **values) + b"".join(stream)
        )

    assert code(parts) == (0, 0)
    assert code(foreign) == (crc, 0)
    assert code([parts[0], foreign[1], *parts[2:]]) == (crc, 1)
    assert code([parts[1], parts[0], *parts[2:]]) == (crc, 0)
    assert code([parts[0], *parts[2:]], groups=count - 1) == (crc, 1)
    assert code(parts[:-1], groups=count - 1) == (groups, count - 2)
    assert code([*parts, parts[-1]], groups=count + 1) == (groups, count - 1)
    assert code(parts, groups=0) == (groups, 0)
    # Streams that end within a descriptor: the first one, and the second.
    assert code([parts[0][:64]]) == (groups, 0)
    assert code([parts[0], parts[1][:64]]) == (groups, 0)


@pytest.mark.parametrize(
    "registers",
    [{"INPUT_ADDR": (1 << 20) + 64}, {"OUTPUT_STRIDE": 8}, {"IMAGES": 0}, {"IMAGES": 1 << 16}],
)
def test_bad_setup_is_refused(program: Program, registers: dict[str, int]) -> None:
    assert code_of(program.blob, **registers) == (ERROR["ALIGNMENT"], 0)


@pytest.mark.parametrize(
    ("registers", "group"),
    [
        ({"PROGRAM_END": 64}, 0),
        ({"INPUT_END": (1 << 20) + 128}, 0),
        ({"SCRATCH_END": (3 << 20) + 128}, 0),
        ({"OUTPUT_END": (2 << 20) + 8}, -1),
    ],
)
def test_buffers_that_are_too_small(
    program: Program, registers: dict[str, int], group: int
) -> None:
    expected = group % len(program.groups)
    assert code_of(program.blob, **registers) == (ERROR["BOUNDS"], expected)


def test_run_names_the_error(program: Program) -> None:
    other = EngineShape(pixels=7, channels=8, act_words=8192)
    net = random_network(2)
    with pytest.raises(CSimError, match="SHAPE"):
        CSim(other).run(program.blob, random_images(net, 1, 0))
    with pytest.raises(ProgramError, match="damaged"):
        CSim(PYNQ_Z2).run(flipped(program.blob, 400), random_images(net, 1, 0))


def test_headers_are_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIREBRICK_AP_TYPES", str(tmp_path))
    with pytest.raises(CSimError, match=r"ap_int\.h"):
        ap_types()


# ----------------------------------------------------------------------------------------- command


def test_command_writes_a_project_whose_bench_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make hls`; then its test bench, as csim_design builds and runs it."""
    project = tmp_path / "project"
    figures = tmp_path / "hls.json"
    arguments = ["--model", "digits", "--out", str(project), "--json", str(figures)]
    assert main([*arguments, "--count", "2"]) == 0
    told = capsys.readouterr().out
    facts = json.loads(figures.read_text())
    assert facts["bit_exact"] and facts["csim_seconds"] > 0
    assert f"{facts['emitted_lines']} lines" in told
    assert f"{facts['cycles']['simulated']:,} cycles" in told
    # As fast as the SystemVerilog engine, within a tenth.
    for name, active, most in (
        ("squeezenet_v1_0", 1_900_000, 2_150_000),
        ("squeezenet_v1_1", 800_000, 960_000),
    ):
        assert active < facts["cycles"][name] <= most
    assert all(assumption in told for assumption in facts["assumptions"])
    # Co-simulation moves no more memory than the bench has.
    kernel = (project / "src" / "firebrick_kernel.cpp").read_text()
    depths = set(map(int, re.findall(r"m_axi port=\w+ .*\bdepth=(\d+)", kernel)))
    sizes = [(project / "data" / name).stat().st_size for name in ("program.fbp", "inputs.bin")]
    assert len(depths) == 1 and sum(sizes) / 8 < depths.pop() < (1 << 21) / 8
    assert "bit-exact" in told and "NOT" not in told and "build.tcl" in told
    bench = tmp_path / "bench"
    sources = [str(project / "src/firebrick_kernel.cpp"), str(project / "tb/testbench.cpp")]
    command = ["g++", *FLAGS, "-Werror", f"-I{project}/src", "-isystem", str(ap_types())]
    subprocess.run([*command, *sources, "-o", str(bench)], check=True)
    data = [str(project / "data" / n) for n in ("program.fbp", "inputs.bin", "expected.bin")]
    done = subprocess.run([str(bench), *data], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "PASSED: 0 of 2" in done.stdout

    expected = Path(data[2])
    expected.write_bytes(flipped(expected.read_bytes(), 0))
    done = subprocess.run([str(bench), *data], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "FAILED: 1 of 2" in done.stdout


def test_small_engine_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(CompileError):
        compile_network(build(V1_1, 5), EngineShape(pixels=7, channels=8, weight_words=64))
