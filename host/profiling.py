"""Cycles and stalls by group, from the records that the engine keeps of a start."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import definition
from .errors import StateError
from .program import Program
from .results import Counters, GroupProfile, Profile

PREFIX = "STALL_"


def read_profile(ip: Any, program: Program, counters: Counters) -> Profile:
    """The profile of the last start, which ran one picture and ended with ``counters``.

    ``ip`` is pynq's object of the engine.  Raises :class:`StateError` where the program has more
    groups than the engine keeps records of.
    """
    groups = program.groups
    if len(groups) > definition.PROFILE_GROUPS:
        raise StateError(
            f"{len(groups)} groups, the engine keeps records of {definition.PROFILE_GROUPS}"
        )
    words, base = definition.PROFILE_WORDS, definition.PROFILE_BASE
    read = [int(ip.read(base + 4 * i)) for i in range(len(groups) * words)]
    records = np.array(read, np.int64).reshape(len(groups), words)
    # Records count since start, modulo 2^32.
    spent = np.diff(records, axis=0, prepend=0) % (1 << 32)
    names = definition.PROFILE_FIELDS
    profiles = []
    for group, row in zip(groups, spent.tolist(), strict=True):
        value = dict(zip(names, row, strict=True))
        stalls = {
            name[len(PREFIX) :].lower(): value[name] for name in names if name.startswith(PREFIX)
        }
        profiles.append(
            GroupProfile(
                group.name,
                group.layers,
                value["CYCLES_LO"],
                value["ACTIVE"],
                stalls,
                value["WRITE_BEATS"],
            )
        )
    tail = counters.cycles - sum(p.cycles for p in profiles)
    return Profile(tuple(profiles), tail, counters.cycles)
