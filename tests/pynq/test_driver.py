"""The unchanged driver under real pynq, with a simulated board as its device."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firebrick.host.compare import compare
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.shape import PYNQ_Z2
from firebrick.models import digits
from firebrick.quantize import golden
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.importers.load import load_model
from firebrick.quantize.qnetwork import QNetwork
from firebrick.sim.build import build_library
from firebrick.sim.overlay import write_overlay
from tests.pynq.environments import RELEASES, python_of, run

PICTURES = 3


@pytest.fixture(scope="module")
def network() -> QNetwork:
    net, preprocessing = load_model(digits.MODEL_PATH, preset="digits")
    train, _, _, _ = digits.load_digits_split()
    return quantize_network(net, preprocessing, train[:64])


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return digits.load_digits_split()[2][:PICTURES]


@pytest.fixture
def job(tmp_path: Path, network: QNetwork, pictures: np.ndarray) -> Path:
    """The files that :mod:`tests.pynq.drive` wants."""
    write_overlay(tmp_path)
    (tmp_path / "network.fbp").write_bytes(compile_network(network, PYNQ_Z2).blob)
    np.save(tmp_path / "pictures.npy", pictures)
    engine = {"shape": asdict(PYNQ_Z2), "library": str(build_library(PYNQ_Z2))}
    (tmp_path / "engine.json").write_text(json.dumps(engine))
    return tmp_path


@pytest.fixture(params=RELEASES)
def drive(request: pytest.FixtureRequest) -> Callable[[str, Path], tuple[dict, dict]]:
    """Runs one way of :mod:`tests.pynq.drive` under a release: its facts and arrays."""
    release = request.param
    python_of(release)

    def ways(way: str, job: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        facts = json.loads(run(release, "-m", "tests.pynq.drive", way, job))
        with np.load(job / "results.npz") as file:
            return {"release": release, **facts}, {name: file[name] for name in file.files}

    return ways


def same_totals(arrays: dict[str, np.ndarray], golden_sums: np.ndarray) -> None:
    """Every way's totals are the golden model's of the first pictures, bit for bit."""
    prefix = "totals/"
    totals = {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
    assert totals
    report = compare(totals, {name: golden_sums[: len(t)] for name, t in totals.items()})
    assert report.exact, str(report)


def test_every_way_of_running_is_exact(
    drive: Callable, job: Path, network: QNetwork, pictures: np.ndarray
) -> None:
    facts, arrays = drive("every_way", job)
    maps = {name[4:]: values for name, values in arrays.items() if name.startswith("map/")}
    expected = golden.run(network, pictures, keep=list(maps))
    same_totals(arrays, expected.sums)
    assert set(arrays) - {f"map/{name}" for name in maps} == {
        f"totals/{way}"
        for way in ("run", "run_batch", "stream", "run_async", "stream_async", "polling")
    }
    assert len(maps) > 2
    report = compare(maps, {name: values[-1] for name, values in expected.tensors.items()})
    assert report.exact, str(report)

    assert facts["pynq"] == facts["release"]
    assert facts["buffer"] == "pynq.buffer" and facts["timestamp"]
    assert facts["registers"] == 0x46425249, "pynq's register_map by name"
    # By pynq's Interrupt, its UIO controller and the interrupt controller in front of it.
    assert facts["waits_by"] == "interrupt" and facts["interrupt"] == "pynq.interrupt"
    assert facts["interrupts"] >= PICTURES
    assert facts["asynchronous_interrupts"] >= PICTURES
    assert facts["asked_for_polling"] == "polling (asked for)"
    # From the .hwh to pynq's Clocks, and the driver's correction of the ports' width.
    assert facts["fclk0_mhz"] == 100
    assert facts["narrow_ports"] == [1, 3]


def test_an_event_loop_that_interrupts_do_not_reach(
    drive: Callable, job: Path, network: QNetwork, pictures: np.ndarray
) -> None:
    _, arrays = drive("other_loop", job)
    same_totals(arrays, golden.run(network, pictures).sums)


def test_in_a_notebook(drive: Callable, job: Path, network: QNetwork, pictures: np.ndarray) -> None:
    facts, arrays = drive("notebook", job)
    same_totals(arrays, golden.run(network, pictures).sums)
    plain, awaited = facts["waits_by"]
    assert plain.startswith("polling (an event loop is running")
    assert awaited == "interrupt"
    assert facts["interrupts"] >= 2


def test_mistakes(drive: Callable, job: Path, network: QNetwork, pictures: np.ndarray) -> None:
    facts, arrays = drive("mistakes", job)
    sums = golden.run(network, pictures[:1]).sums
    same_totals(arrays, sums)
    for name, (kind, words) in {
        "no bit": ("MissingFileError", "firebrick.bit: no such file"),
        "no hwh": ("MissingFileError", "firebrick.hwh: no such file"),
        "no bitstream": ("MismatchError", "is it a bitstream of this board"),
        "another chip": ("MismatchError", "made for 7z010clg400, this board has xc7z020"),
        "not xml": ("MismatchError", "ParseError"),
        "another engine": ("MismatchError", "pixels = 13, the bitstream has 14"),
        "no memory": ("AllocationError", "contiguous memory"),
        # What would be wrong on a board is wrong here: host memory is not the DDR.
        "nothing flushed": ("RefusedProgramError", "MAGIC"),
    }.items():
        assert facts[name][0] == kind, f"{name}: {facts[name]}"
        assert words in facts[name][1], f"{name}: {facts[name]}"
    assert facts["right without invalidating"] != sums[0].tolist()


def inside(text: str, places: dict[str, str]) -> str:
    """A hand-off file with parts moved into hierarchies, as Vivado writes it: the place is the
    part's full name, and with underscores that of its instance."""
    for name, place in places.items():
        for old, new in (
            (f'FULLNAME="/{name}"', f'FULLNAME="/{place}/{name}"'),
            (f'INSTANCE="{name}"', f'INSTANCE="{place.replace("/", "_")}_{name}"'),
        ):
            assert old in text
            text = text.replace(old, new)
    return text


DESIGNS = {
    "design_engine": {"firebrick": "accel"},
    "design_controller": {"axi_intc_0": "irq"},
    "design_both": {"firebrick": "accel", "axi_intc_0": "accel"},
    "design_deep": {"firebrick": "top/accel", "axi_intc_0": "top/irq"},
}


def test_inside_hierarchies(
    drive: Callable, job: Path, network: QNetwork, pictures: np.ndarray
) -> None:
    """pynq 3.0.1 knows a controller in a hierarchy by two names, and raises KeyError."""
    hwh, bit = ((job / f"firebrick.{suffix}").read_bytes() for suffix in ("hwh", "bit"))
    for name, places in DESIGNS.items():
        (job / f"{name}.hwh").write_text(inside(hwh.decode(), places))
        (job / f"{name}.bit").write_bytes(bit)
    facts, arrays = drive("hierarchies", job)
    sums = golden.run(network, pictures[:1]).sums
    totals = arrays["totals/hierarchies"]
    np.testing.assert_array_equal(totals, np.repeat(sums, len(DESIGNS), axis=0))
    for name, places in DESIGNS.items():
        parts, waits_by, interrupts = facts[name]
        assert parts == sorted(
            "/".join(filter(None, (places.get(part), part))) for part in ("axi_intc_0", "firebrick")
        )
        assert waits_by == "interrupt" and interrupts >= 1, name


def test_an_interrupt_that_pynq_does_not_get_at(
    drive: Callable, job: Path, network: QNetwork, pictures: np.ndarray
) -> None:
    facts, arrays = drive("no_interrupt", job)
    sums = golden.run(network, pictures[:1]).sums
    np.testing.assert_array_equal(arrays["totals/no_interrupt"], np.repeat(sums, 2, axis=0))
    assert facts["waits_by"] == [
        "polling (pynq finds no UIO device of Linux for the interrupt)",
        "polling (pynq does not find the interrupt: KeyError: 'axi_intc_0')",
    ]
