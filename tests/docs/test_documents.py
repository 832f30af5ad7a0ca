"""Nothing in README and docs is dead or stale: commands, code, links and figures are held."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from firebrick.cli import COMMANDS
from firebrick.commands import boards as boards_command
from firebrick.hw import generate
from firebrick.hw.boards import load_board
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, pumped
from firebrick.quantize.architectures import ARCHITECTURES, build
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from tests.conftest import ROOT
from tests.docs.documents import FILES, anchors, blocks, commands, sections

# The test that runs a command, by its name; the documents' own arguments are parsed below.
RUN_BY = {
    "demo": "tests/commands/test_demo.py",
    "accuracy": "tests/commands/test_accuracy.py",
    "quantize": "tests/commands/test_quantize.py",
    "deploy": "tests/commands/test_deploy.py",
    "notebook": "tests/commands/test_notebook.py",
    "compress": "tests/quantize/exporters/test_net.py",
    "hls": "tests/hw/hls/test_csim.py",
    "vitis": "tests/hw/hls4ml_backend/test_vitis.py",
    "figures": "tests/commands/test_figures.py",
    "boards": "tests/hw/model/test_resources.py",
    "bitstream": "tests/hw/flow/test_bitstream.py",
    "synth": "tests/hw/flow/test_zynq_synthesis.py",
    "bench": "tests/bench/test_bench.py",
    "learn": "tests/commands/test_learn.py",
    "gates": "tests/sim/gates/test_chip.py",
    "timing": "tests/hw/flow/test_timing.py",
    "explore": "tests/commands/test_explore.py",
    "trained": "tests/commands/test_trained.py",
    "advise": "tests/commands/test_advise.py",
    "detect": "tests/commands/test_detect.py",
    "formal": "tests/sim/formal/test_proofs.py",
    "faults": "tests/sim/faults/test_campaign.py",
    "regress": "tests/sim/regress/test_trials.py",
    "coverage": "tests/sim/coverage/test_coverage.py",
    "mutants": "tests/sim/mutants/test_campaign.py",
}
# Its parts are tested, the whole of it takes many minutes.
IN_PARTS = {"bench"}
# What `.ci/run` runs itself, and what is all of these together.
BY_THE_GATE = {"setup", "test", "lint", "generate", "test-fast", "nightly"}
# What fetches hundreds of megabytes that the tests do without.
FETCHING = {"route", "train", "pynq", "frontends", "clang"}


def made(command: str) -> list[str]:
    """The `firebrick` command lines that a `make` command comes to; fails where make refuses."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *shlex.split(command)[1:]],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stderr}"
    lines = done.stdout.replace("\\\n", " ").splitlines()
    # What needs the tests' own networks is run as a module, from the checkout.
    lines = [line.replace("/bin/python -m firebrick ", "/bin/firebrick ") for line in lines]
    return [line.split("/bin/", 1)[1] for line in lines if "/bin/firebrick " in line]


def all_commands() -> list[tuple[Path, str, str | None]]:
    found = [(path, c, needs) for path in FILES for c, needs in commands(path)]
    return [(p, c, n) for p, c, n in found if "..." not in c]


def test_there_are_commands() -> None:
    assert len(all_commands()) > 40
    assert {needs for _, _, needs in all_commands()} >= {None, "board", "vivado"}


@pytest.mark.parametrize(
    "command", sorted({c for _, c, _ in all_commands() if c.startswith("make ")})
)
def test_make_commands_are_what_make_and_the_command_take(command: str) -> None:
    target = shlex.split(command)[1]
    if target in ("X", "help", "clean"):
        return
    calls = made(command)
    assert calls or target in BY_THE_GATE | FETCHING, command
    for call in calls:
        is_run(call)
        if len(shlex.split(command)) > 2:  # else it is named, as one names a thing
            parses(call)


@pytest.mark.parametrize(
    "command", sorted({c for _, c, _ in all_commands() if c[:10] == "firebrick "})
)
def test_firebrick_commands_are_what_they_take(command: str) -> None:
    _, name, *arguments = shlex.split(command)
    if name not in ("COMMAND", "X", "--version"):
        is_run(command)
        if arguments:
            parses(command)


def is_run(call: str) -> None:
    """A test is named that runs the command."""
    name = shlex.split(call)[1]
    assert name in COMMANDS, call
    assert runs(ROOT / RUN_BY[name], name) or name in IN_PARTS, f"{RUN_BY[name]} runs no {name}"


def parses(call: str) -> None:
    """The command's own parser takes the arguments."""
    _, name, *arguments = shlex.split(call)
    module = importlib.import_module(f"firebrick.{COMMANDS[name][0]}")
    if name == "notebook":
        module = importlib.import_module("firebrick.commands.deploy")
    parser = module._parser(name) if name in ("deploy", "notebook") else module._parser()
    parser.parse_args(arguments)


def runs(path: Path, name: str) -> bool:
    """Whether a test file, or a helper that it imports, calls the command."""
    text = path.read_text()
    for helper in re.findall(r"^from (tests\.[\w.]+) import", text, re.M):
        helper_file = ROOT / f"{helper.replace('.', '/')}.py"
        text += helper_file.read_text() if helper_file.is_file() else ""
    package, _, module = f"firebrick.{COMMANDS[name][0]}".rpartition(".")
    imported = (
        rf"from {re.escape(package)} import (?:\w+(?: as \w+)?, )*{module}\b"
        rf"|from {re.escape(package)}\.{module} import (?:\w+, )*main\b"
    )
    called = re.search(r"\bmain\(|command\(", text) and re.search(imported, text)
    return bool(called or re.search(rf"command\(\s*\"{name}\"", text))


def test_python_blocks_compile_and_name_what_exists() -> None:
    """Those for hls4ml users are run in tests/hw/hls4ml_backend; others need a board."""
    seen = 0
    for path in FILES:
        for block in blocks(path):
            if block.language != "python":
                continue
            seen += 1
            tree = ast.parse(block.text)
            runs_elsewhere = "hls4ml.converters" in block.text or path.name == "fine-tuning.md"
            assert runs_elsewhere or block.needs == "board", str(block)
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("firebrick"):
                    module = importlib.import_module(node.module or "")
                    for alias in node.names:
                        if not hasattr(module, alias.name):
                            importlib.import_module(f"{node.module}.{alias.name}")
    assert seen >= 3


def test_links_lead_somewhere() -> None:
    seen = 0
    for path in FILES:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            if "://" in target:
                continue
            seen += 1
            name, _, anchor = target.partition("#")
            other = (path.parent / name).resolve() if name else path
            assert other.exists(), f"{path.name}: {target}"
            assert not anchor or anchor in anchors(other), f"{path.name}: {target}"
    assert seen > 20


def test_files_that_are_named_exist() -> None:
    for path in FILES:
        for name in re.findall(
            r"`((?:quantize|hw|sim|host|tests|bench|models|firebrick)/[\w/.\-]*)`", path.read_text()
        ):
            if "NAME" not in name:
                assert (ROOT / name).exists(), f"{path.name}: {name}"


def test_tests_that_are_named_exist() -> None:
    """As `test_x.py`, `folder/test_x.py`, `test_x.py::test_name` or `test_name`."""
    functions: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text())
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        functions[f"/{path.relative_to(ROOT).as_posix()}"] = names
    seen = 0
    for path in FILES:
        for file, function in re.findall(
            r"`(?:((?:[\w/]+/)?test_\w+\.py)(?:::)?)?(test_\w+)?`", path.read_text()
        ):
            if not file and not function:
                continue
            seen += 1
            where = [names for name, names in functions.items() if name.endswith(f"/{file}")]
            where = where if file else list(functions.values())
            assert where and (not function or any(function in names for names in where)), (
                f"{path.name}: {file} {function}"
            )
    assert seen > 60


FIGURE = re.compile(
    r"\d{1,3},\d{3}|\b\d+(?:\.\d+)? ?(?:%|dB|LUTs?|flip-flops|frames|MHz)|\b\d+ / \d+\b"
)
HELD = re.compile(r"20\d\d-\d\d-\d\d,[^`|]*`make [a-z-]+|a test predicts them anew|Generated by")
# What is a limit or a definition rather than something that was measured.
DEFINED = re.compile(r"18 MB|0 mismatches")


def test_figures_carry_their_day_and_command_or_are_checked() -> None:
    for path in FILES:
        generated = "Generated by" in path.read_text()
        for section in sections(path):
            found = FIGURE.findall(DEFINED.sub("", section))
            if found and not generated and not HELD.search(section):
                raise AssertionError(f"{path.name}, {section.splitlines()[0]!r}: {found} of when?")


def test_the_readmes_cycles_are_those_of_today() -> None:
    rows = re.findall(
        r"^\| (v1\.\d[^|]*?) \| ([\d,]+) \| ([\d,]+) \| (\d+) \|$",
        (ROOT / "README.md").read_text(),
        re.M,
    )
    names = ("v1.0", "v1.1", "simple-bypass", "complex-bypass", "v1.0", "v1.1")
    assert len(rows) == len(names)
    assert [label for label, *_ in rows if "pump 2" in label] == [label for label, *_ in rows[4:]]
    for (label, ideal, simulated, rate), name in zip(rows, names, strict=True):
        config = ARCHITECTURES[name]()
        net = build(config, np.random.default_rng(0))
        prepared = for_network(preprocessing("torchvision"), net)
        image = np.random.default_rng(1).integers(0, 256, (1, *net.shapes[net.input]), np.uint8)
        shape = pumped(PYNQ_Z2, 2 if "pump 2" in label else 1)
        program = compile_network(quantize_network(net, prepared, image), shape)
        layers = [layer for group in program.host["groups"] for layer in group["layers"]]
        assert int(ideal.replace(",", "")) == sum(la["ideal_cycles"] for la in layers), label
        cycles = predict(program).cycles
        assert int(simulated.replace(",", "")) == pytest.approx(cycles, rel=0.005), label
        assert int(rate) == pytest.approx(1e8 / cycles, abs=1), label


def test_the_boards_speeds_are_those_of_today() -> None:
    text = (ROOT / "docs" / "your-board.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| (xc7z\w+) \| (\d+x\d+) \| (\d+) / (\d+) \|$", text, re.M)
    assert len(rows) == 3
    nets = boards_command.networks()
    boards = {"xc7z020": "pynq-z2", "xc7z010": "zybo", "xc7z007s": "cora-z7-07s"}
    for _, chip, shape, *rates in rows:
        board = load_board(boards[chip])
        assert str(board.shape) == shape
        for net, rate in zip(nets.values(), rates, strict=True):
            cycles = predict(compile_network(net, board.shape), board.timing).cycles
            assert int(rate) == pytest.approx(1e8 / cycles, abs=0.51), chip


def test_the_page_of_registers_is_current() -> None:
    assert "docs/registers.md" in generate.FILES and generate.stale_files() == []


def test_pictures_of_documents_are_small_and_shown() -> None:
    shown = {t for path in FILES for t in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", path.read_text())}
    for name in (p for p in (ROOT / "docs").iterdir() if p.suffix in (".png", ".svg")):
        assert name.stat().st_size < 600_000
        assert any(target.endswith(name.name) for target in shown), name.name
