"""Run the driver under real pynq on a simulated board: ``python -m tests.pynq.drive FOLDER``.

The folder holds ``firebrick.bit`` and ``firebrick.hwh``, ``network.fbp``, ``pictures.npy``, and
``engine.json`` with the engine's shape and the path of its simulation. Writes what every way of
running the pictures gave to ``results.npz``, and facts as JSON to standard output. Only NumPy and
pynq are needed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pynq

from firebrick.host import errors
from firebrick.host.driver import Firebrick
from firebrick.hw.shape import EngineShape
from firebrick.sim import pynq_device
from firebrick.sim.board import SimulatedBoard


class Job:
    """The files of the folder and the simulated board as pynq's device."""

    def __init__(self, folder: Path) -> None:
        engine = json.loads((folder / "engine.json").read_text())
        board = SimulatedBoard(EngineShape(**engine["shape"]), library=Path(engine["library"]))
        self.folder = folder
        self.board = board
        self.device = pynq_device.install(board)
        self.bit = str(folder / "firebrick.bit")
        self.program = str(folder / "network.fbp")
        self.pictures = np.load(folder / "pictures.npy")
        self.used = self.device.default_memory.allocator.used

    def open(self, **options: Any) -> Firebrick:
        return Firebrick(self.bit, self.program, **options)


def every_way(job: Job) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Totals of all pictures by every way of running them, feature maps of the last; facts."""
    pictures, totals = job.pictures, {}
    with job.open() as engine:
        facts = {
            "pynq": pynq.__version__,
            "numpy": np.__version__,
            "waits_by": engine.waits_by,
            "interrupt": type(engine._waiting.interrupt).__module__,
            "buffer": type(pynq.allocate((1,), np.uint8)).__module__,
            "fclk0_mhz": pynq.Clocks.fclk0_mhz,
            "narrow_ports": job.device.system.narrow_ports,
            "timestamp": bool(engine.overlay.is_loaded()),
            "registers": int(engine.overlay.firebrick.register_map.ID),
        }
        results = [engine.run(picture) for picture in pictures]
        totals["run"] = np.stack([result.totals for result in results])
        facts["interrupts"] = job.device.uio.count if job.device.uio else 0
        facts["profile"] = len(engine.profile().groups)
        arrays = {f"map/{name}": values for name, values in engine.maps().items()}
        batch = engine.run_batch(pictures)
        totals["run_batch"] = batch.totals
        facts["counters"] = asdict(batch.counters[0])
        totals["stream"] = np.stack([f.result.totals for f in engine.stream(pictures, batch=2)])

    with job.open() as engine:
        # On the loop that pynq listens on, as in a notebook.
        loop = asyncio.get_event_loop()
        before = job.device.uio.count if job.device.uio else 0
        result = loop.run_until_complete(engine.run_async(pictures[0]))
        totals["run_async"] = result.totals[None]
        totals["stream_async"] = loop.run_until_complete(streamed(engine, pictures))
        facts["asynchronous_interrupts"] = (job.device.uio.count - before) if job.device.uio else 0

    with job.open(use_interrupt=False) as engine:
        totals["polling"] = engine.run_batch(pictures).totals
        facts["asked_for_polling"] = engine.waits_by

    assert not job.used, "the driver left memory allocated"
    arrays.update({f"totals/{name}": values for name, values in totals.items()})
    return arrays, facts


async def streamed(engine: Firebrick, pictures: np.ndarray) -> np.ndarray:
    return np.stack([frame.result.totals async for frame in engine.stream_async(pictures)])


def other_loop(job: Job) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A script's ``asyncio.run``: a loop on which pynq does not listen. A driver that waits for
    an interrupt there waits an hour."""
    with job.open(timeout=3600) as engine:
        first = engine.run(job.pictures[0]).totals
        second = asyncio.run(engine.run_async(job.pictures[1])).totals
        third = asyncio.run(streamed(engine, job.pictures[2:3]))[0]
    return {"totals/other_loop": np.stack([first, second, third])}, {}


def notebook(job: Job) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """In a cell an event loop is running from the start: plain runs poll, awaited ones need not."""

    async def cells() -> tuple[list[np.ndarray], list[str]]:
        totals, ways = [], []
        with job.open() as engine:
            totals.append(engine.run(job.pictures[0]).totals)
            ways.append(engine.waits_by)
            totals.append((await engine.run_async(job.pictures[1])).totals)
            ways.append(engine.waits_by)
            totals.append((await streamed(engine, job.pictures[2:3]))[0])
        return totals, ways

    totals, ways = asyncio.get_event_loop().run_until_complete(cells())
    interrupts = job.device.uio.count if job.device.uio else 0
    return {"totals/notebook": np.stack(totals)}, {"waits_by": ways, "interrupts": interrupts}


def refusal(act: Callable[[], Any]) -> list[str]:
    """Class and message of the driver's error; whatever else is raised is raised."""
    try:
        act()
    except errors.DriverError as error:
        return [type(error).__name__, str(error)]
    return ["", ""]


def mistakes(job: Job) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What goes wrong, and that the next run is right each time."""
    bit, hwh = Path(job.bit), Path(job.bit).with_suffix(".hwh")
    kept = {path: path.read_bytes() for path in (bit, hwh)}
    facts: dict[str, Any] = {}

    def attempt(name: str, change: Callable[[], Any], act: Callable[[], Any] = job.open) -> None:
        change()
        try:
            facts[name] = refusal(act)
        finally:
            for path, data in kept.items():
                path.write_bytes(data)

    attempt("no bit", bit.unlink)
    attempt("no hwh", hwh.unlink)
    attempt("no bitstream", lambda: bit.write_bytes(b"not a bitstream"))
    other = kept[bit].replace(b"7z020clg400", b"7z010clg400")
    attempt("another chip", lambda: bit.write_bytes(other))
    attempt("not xml", lambda: hwh.write_bytes(b"not a hand-off file"))
    attempt("another engine", lambda: hwh.write_bytes(kept[hwh].replace(b'"14"', b'"13"')))

    everything = pynq.allocate((len(job.board.memory) - (64 << 10),), np.uint8)
    attempt("no memory", lambda: None)
    everything.freebuffer()

    device = job.device
    flush, invalidate = device.flush, device.invalidate
    device.flush = lambda *_: None
    attempt("nothing flushed", lambda: None, lambda: job.open().run(job.pictures[0]))
    device.flush = flush
    device.invalidate = lambda *_: None
    with job.open() as engine:
        facts["right without invalidating"] = engine.run(job.pictures[0]).totals.tolist()
    device.invalidate = invalidate

    with job.open() as engine:
        totals = engine.run(job.pictures[0]).totals
    return {"totals/after all mistakes": totals[None]}, facts


def hierarchies(job: Job) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Engine or interrupt controller, or both, somewhere inside a block design of one's own."""
    totals, facts = [], {}
    for path in sorted(job.folder.glob("design_*.bit")):
        before = job.device.uio.count if job.device.uio else 0
        with Firebrick(str(path), job.program) as engine:
            totals.append(engine.run(job.pictures[0]).totals)
            interrupts = (job.device.uio.count if job.device.uio else 0) - before
            parts = [name for name in engine.overlay.ip_dict if "processing" not in name]
            facts[path.stem] = [sorted(parts), engine.waits_by, interrupts]
    return {"totals/hierarchies": np.stack(totals)}, facts


def no_interrupt(job: Job) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """pynq does not get at the interrupt: Linux has no device for it, or pynq no controller."""
    totals, ways = [], []

    def controller(name: str) -> None:
        raise KeyError(name)

    pynq.interrupt.get_uio_irq = lambda _: None
    for _ in range(2):
        with job.open() as engine:
            totals.append(engine.run(job.pictures[0]).totals)
            ways.append(engine.waits_by)
        pynq.interrupt._InterruptController.get_controller = staticmethod(controller)
    return {"totals/no_interrupt": np.stack(totals)}, {"waits_by": ways}


WAYS = {
    "no_interrupt": no_interrupt,
    "hierarchies": hierarchies,
    "every_way": every_way,
    "other_loop": other_loop,
    "notebook": notebook,
    "mistakes": mistakes,
}


def main() -> None:
    way, folder = sys.argv[1], Path(sys.argv[2])
    arrays, facts = WAYS[way](Job(folder))
    np.savez(folder / "results.npz", **arrays)
    json.dump(facts, sys.stdout)


if __name__ == "__main__":
    main()
