"""What is done to the engine, one function a kind of fault, and how its answer is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from firebrick.hw.descriptor_rules import broken_rule
from firebrick.sim.board import Channel, MemoryTiming, ProtocolError
from firebrick.sim.faults import craft
from firebrick.sim.faults.machine import (
    BUSY,
    DONE,
    LIMIT,
    RESETTING,
    SPACES,
    START,
    Case,
    Machine,
    Outcome,
)

HANG, WRONG, VIOLATION, UNRECOVERED = "hang", "silent_wrong", "violation", "unrecovered"
LARGEST_RUN = 12_000
"""Cycles within which faults happen: about the length of a run."""
CRAFTED_LIMIT = 15_000
QUIET_CYCLES = 600
OUTSIDE = ("PROGRAM_READ", "MAP_READ", "MAP_WRITE")
"""How a run ends that reaches outside of its spaces, where they have a fence."""
OWED_CYCLES = 4000
"""Cycles in which a memory has answered all that it was asked to read, whatever its pace."""
LATENCIES = (40, 40, 120, 400)
IMAGES = 2
ADDRESSED = ("ADDR", "END")


@dataclass(frozen=True)
class Verdict:
    """How a trial ended, and what is wrong with that: empty where nothing is."""

    kind: str
    seed: int
    outcome: str
    failure: str = ""


Kind = Callable[["Trial"], tuple[str, str]]


@dataclass
class Trial:
    """One trial: its engine, its source of random numbers and its case, placed in the memory."""

    machine: Machine
    rng: np.random.Generator
    case: Case
    twin: Case | None  # same architecture, other weights
    images: int

    def some(self, limit: int = LARGEST_RUN) -> int:
        """A number of cycles: short ones as likely as long ones, or any."""
        if self.rng.random() < 0.5:
            return int(self.rng.integers(1, limit))
        return int(np.exp(self.rng.uniform(0, np.log(limit))))

    def judged(self, outcome: Outcome, errors: bool = True) -> tuple[str, str]:
        """A run may end right, or with an error where ``errors`` may come."""
        if outcome.what == "done":
            return "done", "" if self.machine.right(self.images) else WRONG
        if outcome.is_error:
            return outcome.what, "" if errors else WRONG
        return outcome.what, HANG

    def quiet(self) -> None:
        """No traffic behind a reset that has ended; ProtocolError where there is."""
        board = self.machine.bench
        before = board.statistics()
        board.run(QUIET_CYCLES)
        after = board.statistics()
        counted = ("read_beats", "write_beats", "read_bursts", "write_bursts")
        for name, value in vars(after).items():
            if name.endswith(counted) and value != getattr(before, name):
                raise ProtocolError(f"cycle {board.cycles}: {name} grow after a reset has ended")


def abort(t: Trial) -> tuple[str, str]:
    """A soft reset at any moment, again where one is under way, and starts in between."""
    m = t.machine
    m.start(t.images)
    m.bench.run(t.some())
    m.write("CONTROL", 2)
    for _ in range(int(t.rng.integers(3))):
        m.bench.run(t.some(60))
        m.write("CONTROL", int(t.rng.choice([1, 2, 3])))
    if not m.soft_reset():
        return "reset does not end", HANG
    t.quiet()
    return "reset", ""


def double_start(t: Trial) -> tuple[str, str]:
    m = t.machine
    m.start(t.images)
    for _ in range(int(t.rng.integers(1, 4))):
        m.bench.run(t.some())
        if m.read("STATUS") & (BUSY | RESETTING):
            m.write("CONTROL", START)
    if not m.read("STATUS") & (BUSY | RESETTING) and not m.read("STATUS") & DONE:
        return "idle", HANG
    outcome = m.wait()
    if outcome.what == f"status {BUSY:#x}":
        # The run ended between the look and the start: that interrupt was its, another run goes on.
        outcome = m.wait()
    return t.judged(outcome, errors=False)


def error_response(t: Trial) -> tuple[str, str]:
    m = t.machine
    for _ in range(int(t.rng.integers(1, 4))):
        space = str(t.rng.choice(SPACES))
        at = int(t.rng.integers(m.spaces[space][1]))
        reads = bool(t.rng.integers(2))
        m.bench.add_fault(m.address(space) + at, 1, reads=reads, writes=not reads)
    m.start(t.images)
    return t.judged(m.wait())


def silent_memory(t: Trial) -> tuple[str, str]:
    m = t.machine
    m.start(t.images)
    m.bench.run(t.some())
    m.bench.hang(int(t.rng.integers(1, int(Channel.ALL) + 1)))
    if t.rng.random() < 0.3:
        m.bench.run(t.some(2000))
        m.bench.hang(0)
    return t.judged(m.wait())


def flip_before(t: Trial) -> tuple[str, str]:
    m = t.machine
    data = t.case.parsed.loadable
    bits = [int(b) for b in t.rng.integers(0, 8 * len(data), int(t.rng.integers(1, 4)))]
    m.store("program", craft.flipped(data, bits))
    _guarded(m)
    m.start(t.images)
    return t.judged(m.wait())


def flip_during(t: Trial) -> tuple[str, str]:
    m = t.machine
    m.start(t.images)
    for _ in range(int(t.rng.integers(1, 4))):
        m.bench.run(t.some())
        view = m.view("program")
        bit = int(t.rng.integers(8 * view.size))
        view[bit // 8] ^= 1 << bit % 8
    _guarded(m)
    return t.judged(m.wait())


def _guarded(m: Machine) -> None:
    """The program in memory was changed by the trial, not by the engine."""
    at, size = m.spaces["program"]
    m.guard[at : at + size] = m.bench.memory[at : at + size]


def crafted_descriptor(t: Trial) -> tuple[str, str]:
    m = t.machine
    data, fields = craft.crafted(t.case.program, t.rng)
    m.store("program", data)
    _guarded(m)
    m.fence()
    m.start(t.images)
    outcome = m.wait(CRAFTED_LIMIT)
    if outcome.what in OUTSIDE:
        return outcome.what, VIOLATION
    rules = [broken_rule(f, m.shape) for f in fields]
    broken = next((r for r in rules if r), None)
    if outcome.what == "done":
        return "done", WRONG if broken else ""
    if outcome.what == "long":
        return "long", WRONG if broken else ""
    if outcome.is_error:
        return outcome.what, ""
    return outcome.what, HANG


def misplaced_groups(t: Trial) -> tuple[str, str]:
    m = t.machine
    data, way = craft.misplaced(t.case.program, t.twin.program if t.twin else None, t.rng)
    m.store("program", data)
    _guarded(m)
    m.fence()
    m.start(t.images)
    outcome = m.wait()
    if outcome.what in OUTSIDE:
        return outcome.what, VIOLATION
    if outcome.what == "done":
        return "done", WRONG
    return (outcome.what, "") if outcome.is_error else (f"{way}: {outcome.what}", HANG)


def registers_while_busy(t: Trial) -> tuple[str, str]:
    m = t.machine
    m.start(t.images)
    names = [f"{s.upper()}_{part}" for s in SPACES for part in ADDRESSED]
    names += ["IMAGES", "INPUT_STRIDE", "OUTPUT_STRIDE", "ID", "SHAPE", "STATUS", "CYCLES_LO"]
    for _ in range(int(t.rng.integers(1, 12))):
        m.bench.run(t.some(2000))
        if not m.read("STATUS") & BUSY:
            break
        m.write(str(t.rng.choice(names)), int(t.rng.integers(1 << 32)))
    return t.judged(m.wait(), errors=False)


def lost_interrupt(t: Trial) -> tuple[str, str]:
    """Interrupts off, or acknowledged unseen: STATUS tells the end, and a kept one comes late."""
    m = t.machine
    m.start(t.images)
    m.write("IRQ_ENABLE", 0)
    unseen = t.rng.random() < 0.5
    for _ in range(LIMIT // 200):
        m.bench.run(200)
        if m.bench.irq:
            return "interrupt", WRONG
        if not m.read("STATUS") & (BUSY | RESETTING):
            break
    else:
        return "no end", HANG
    if unseen:
        m.write("IRQ_STATUS", 3)
    m.write("IRQ_ENABLE", 3)
    m.bench.run(4)
    if m.bench.irq == unseen:
        return "interrupt", WRONG
    return t.judged(Outcome(m.ended(), 0), errors=False)


def hard_reset(t: Trial) -> tuple[str, str]:
    """The engine alone is reset, in the middle of reads and writes."""
    m = t.machine
    m.start(t.images)
    m.bench.run(t.some())
    m.bench.reset(in_flight=bool(t.rng.integers(2)))
    m.bench.run(OWED_CYCLES)
    return "reset", "" if m.read("STATUS") == 0 else HANG


KINDS: dict[str, Kind] = {
    "abort": abort,
    "double start": double_start,
    "error response": error_response,
    "silent memory": silent_memory,
    "flipped bits before": flip_before,
    "flipped bits during": flip_during,
    "crafted descriptor": crafted_descriptor,
    "misplaced groups": misplaced_groups,
    "registers while busy": registers_while_busy,
    "lost interrupt": lost_interrupt,
    "hard reset": hard_reset,
}


def run_trial(
    machine: Machine, kind: str, seed: int, cases: list[tuple[Case, Case | None]]
) -> Verdict:
    """The trial of this seed, on an engine of its own."""
    rng = np.random.default_rng(seed)
    case, twin = cases[int(rng.integers(len(cases)))]
    # A slow memory has more under way when something happens.
    latency = int(rng.choice(LATENCIES))
    machine.fresh(seed if rng.random() < 0.5 else None, MemoryTiming(read_latency=latency))
    images = int(rng.integers(1, IMAGES + 1))
    trial = Trial(machine, rng, case, twin, images)
    try:
        machine.place(case, images, rng)
        outcome, failure = KINDS[kind](trial)
        if not failure and machine.strayed():
            outcome, failure = "write outside", VIOLATION
    except ProtocolError as error:
        return Verdict(kind, seed, str(error), VIOLATION)
    # A run that has ended needs no reset before the next one; one that has not, does.
    ended = outcome not in ("long", "hang")
    if not failure and not machine.recovers(rng, reset=not ended or rng.random() < 0.5):
        failure = UNRECOVERED
    return Verdict(kind, seed, outcome, failure)
