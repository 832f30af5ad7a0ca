"""The cycle model compiled, for sweeps: :func:`predict_outline`.

``cycles.cpp`` is :mod:`hw.model.cycles` and :mod:`hw.model.streams` statement for statement, some
hundred times as quick; what it says is the same in every bit.  Compiled once, kept in the build
folder.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from firebrick.hw import definition as d
from firebrick.hw.compiler.outline import Outline
from firebrick.hw.cxx import compile_once, cxx
from firebrick.hw.memory_timing import MemoryTiming, Timing
from firebrick.hw.model import latencies
from firebrick.hw.model.prediction import (
    CAUSES,
    GroupPrediction,
    LayerPrediction,
    Prediction,
    summed,
)
from firebrick.quantize.support.paths import build_folder

SOURCE = Path(__file__).with_name("cycles.cpp")
INCLUDED = Path(__file__).with_name("streams.h")
# A fused multiply-add would round once where the model rounds twice.
FLAGS = ("-std=c++17", "-O2", "-Wall", "-ffp-contract=off")

_LATENCIES = {name: value for name, value in vars(latencies).items() if name.isupper()}
_DEFINED = {
    "DESCRIPTOR_BEATS": d.DESCRIPTOR_BEATS,
    "MODE_SUM": d.MODE_SUM,
    "MODE_DIRECT": d.MODE_DIRECT,
    "TAIL": d.TAIL,
    "FOLD_STORED": d.FOLD_STORED,
}
_SHAPE = (
    "pixels",
    "channels",
    "weight_bytes",
    "word_bytes",
    "bias_pairs",
    "weight_words",
    "fifo_words",
)
_TIMING = (
    *("read_latency", "write_latency", "bytes_per_cycle"),
    *("refresh_interval", "refresh_cycles", "max_outstanding"),
)
# Fields of a descriptor that the model reads, and of its passes.
_FIELDS = (
    *("rows", "tiles", "weight_words", "bias_pairs", "mid_total", "lead", "mode", "pool_last_emit"),
    *("pool_kernel3", "out_tiles", "src_rows", "in_rows", "load_row_words", "load_skip"),
    *("segment_words", "pool_padded", "load_fold", "load_reach", "load_phases"),
    *("wait_enable", "wait_back", "add_enable", "add_wait_enable", "add_wait_back"),
)
_PASS = ("enable", "steps", "blocks", "last", "kh", "pad", "stride", "mid", "weights")
# A result: cycles and active cycles of a group, stalls by cause, both of each pass's layer.
_RESULT = 2 + len(CAUSES) + 2 * d.PASSES


def prepare() -> None:
    """Compile the model where it is not yet; FirebrickError where it cannot be."""
    _library()


def field_table(outline: Outline) -> np.ndarray:
    """What the model reads of the groups' descriptors, int64 [groups, fields]: the same for every
    memory."""
    return np.array([_row(g.fields) for g in outline.groups], np.int64)


def _row(fields: dict[str, int]) -> list[int]:
    passes = [d.pass_value(fields, k, name) for k in range(d.PASSES) for name in _PASS]
    return [fields.get(key, 0) for key in _FIELDS] + passes


def predict_outline(
    outline: Outline,
    memory: Timing | None = None,
    images: int = 1,
    table: np.ndarray | None = None,
) -> Prediction:
    """:func:`hw.model.cycles.predict` of what was outlined; raises what that raises, and
    FirebrickError where there is no C++ compiler.

    ``table`` is :func:`field_table` of the outline, for those who have it.
    """
    if images < 1:
        raise ValueError(f"{images} images: a start runs one or more")
    timing = memory or MemoryTiming()
    constants = [
        *_LATENCIES.values(),
        *_DEFINED.values(),
        *(getattr(outline.shape, name) for name in _SHAPE),
        *(getattr(timing, name) for name in _TIMING),
    ]
    count = len(outline.groups)
    fields = field_table(outline) if table is None else table
    results = np.zeros((count, _RESULT))
    ends = np.zeros(4)
    failed = _library().firebrick_predict(
        np.array(constants, np.int64).ctypes.data_as(ctypes.c_void_p),
        fields.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_int64(count),
        ctypes.c_int64(images),
        results.ctypes.data_as(ctypes.c_void_p),
        ends.ctypes.data_as(ctypes.c_void_p),
    )
    if failed:
        raise RuntimeError(
            f"the model waits for ever at cycle {ends[0]:.0f}: program stream at group "
            f"{ends[1]:.0f}, rows of group {ends[2]:.0f}, {ends[3]:.0f} groups written"
        )
    groups = [
        _group(g.name, [layer["name"] for layer in g.layers], row)
        for g, row in zip(outline.groups, results.tolist(), strict=True)
    ]
    return summed(groups, float(ends[0]), float(ends[1]))


def _group(name: str, layers: list[str], row: list[float]) -> GroupPrediction:
    cycles, active, *rest = row
    stalls = dict(zip(CAUSES, rest, strict=False))
    pairs = rest[len(CAUSES) :]
    found = [LayerPrediction(n, pairs[2 * i], pairs[2 * i + 1]) for i, n in enumerate(layers)]
    return GroupPrediction(name, found, int(cycles), int(active), stalls)


@cache
def _library() -> ctypes.CDLL:
    """The compiled model; FirebrickError with the compiler's words where it does not compile."""
    names = {
        "CONSTANTS": [*_LATENCIES, *_DEFINED, *_SHAPE, *_TIMING],
        "FIELDS": _FIELDS,
        "PASS_FIELDS": _PASS,
        "PASSES": [str(d.PASSES)],
    }
    flags = [*FLAGS, *(f"-D{name}={','.join(values)}" for name, values in names.items())]
    text = SOURCE.read_bytes() + INCLUDED.read_bytes()
    digest = hashlib.sha256(repr((flags, cxx())).encode() + text).hexdigest()
    library = build_folder() / "model" / f"cycles-{digest[:16]}.so"
    compile_once(library, lambda _: [*flags, str(SOURCE)], SOURCE.name)
    return ctypes.CDLL(str(library))
