"""The checker of AXI3's rules accepts what is right and finds every kind of violation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from firebrick.sim.benches.axi3_checker import Axi3Checker, Axi3Violation, Beat, Burst

Steps = list[dict[str, tuple[bool, bool, Beat]]]


def address(**changes: int) -> Beat:
    return {"id": 5, "addr": 0x100, "len": 1, "size": 2, "burst": 1, "qos": 0, **changes}


def data(**changes: int) -> Beat:
    return {"id": 5, "data": 7, "strb": 0xF, "last": 0, **changes}


def taken(beat: Beat) -> tuple[bool, bool, Beat]:
    return True, True, beat


def shown(beat: Beat) -> tuple[bool, bool, Beat]:
    return True, False, beat


NOTHING: tuple[bool, bool, Beat] = (False, True, {})


def good_write() -> Steps:
    """Two beats, the second kept waiting, and an answer that waits as well."""
    return [
        {"aw": shown(address())},
        {"aw": taken(address()), "w": NOTHING},
        {"w": taken(data()), "b": NOTHING},
        {"w": shown(data(last=1))},
        {"w": taken(data(last=1)), "b": NOTHING},
        {"b": shown({"id": 5, "resp": 2})},
        {"b": taken({"id": 5, "resp": 2})},
    ]


def good_read() -> Steps:
    """Two bursts of different IDs; the answers come the other way round."""
    first, second = {"id": 5, "data": 1, "resp": 0, "last": 0}, {"id": 6, "data": 2, "resp": 3}
    return [
        {"ar": taken(address())},
        {"ar": taken(address(id=6, len=0))},
        {"r": taken({**second, "last": 1})},
        {"r": shown(first)},
        {"r": taken(first)},
        {"r": taken({**first, "last": 1})},
    ]


def run(steps: Steps) -> Axi3Checker:
    checker = Axi3Checker("port", 4, {"awqos": 0, "arqos": 0})
    for step in steps:
        checker.clock(step)
    checker.finish()
    return checker


def test_what_is_right_passes() -> None:
    assert run(good_write()).seen == {"aw1": 1, "w": 2, "b2": 1}
    assert run(good_read()).seen == {"ar1": 2, "r3": 1, "r0": 2}
    early = [{"w": taken(data())}, {"w": taken(data(last=1))}, {"aw": taken(address())}]
    assert run(early + good_write()[5:]).seen["w"] == 2
    wraps = [{"ar": taken(address(addr=0x10C, len=3, burst=2, id=i))} for i in range(2)]
    checker = Axi3Checker("port", 4)
    for step in wraps:
        checker.clock(step)
    assert checker.seen == {"ar2": 2}


def change(make: Callable[[], Steps], index: int, channel: str, **changes: int) -> Steps:
    """``make()`` with other values in the beat of ``channel`` in step ``index``."""
    steps = make()
    valid, ready, beat = steps[index][channel]
    steps[index][channel] = (valid, ready, {**beat, **changes})
    return steps


WRITE, READ = good_write(), good_read()
VIOLATIONS: dict[str, Steps] = {
    "awlen is 16": [{"aw": taken(address(len=16))}],
    "awsize is 3": [{"aw": taken(address(size=3))}],
    "arburst is 3": [{"ar": taken(address(burst=3))}],
    "wrapping burst of 3 beats": [{"ar": taken(address(burst=2, len=2))}],
    "not aligned to 4": [{"ar": taken(address(burst=2, len=3, addr=0x102))}],
    "crosses 4 KB": [{"aw": taken(address(addr=0xFF8, len=2))}],
    "awqos is 0x1": [{"aw": taken(address(qos=1))}],
    "awvalid withdrawn": [WRITE[0], {"aw": NOTHING}],
    "awaddr changed": change(good_write, 1, "aw", addr=0x104),
    "wdata changed": change(good_write, 4, "w", data=8),
    "bresp changed": change(good_write, 6, "b", resp=0),
    "rdata changed": change(good_read, 4, "r", data=9),
    "2 beats of data without an address": [{"w": taken(data())}] * 2,
    "answer to ID 0x5, no write": [{"w": taken(data(last=1))}, WRITE[6]],
    "wid is 0x4": change(good_write, 2, "w", id=4),
    "wlast is 1 in beat 1 of 2": change(good_write, 2, "w", last=1),
    "wlast is 0 in beat 2 of 2": [WRITE[1], WRITE[2], WRITE[2]],
    "wstrb is 0xf, the beat's lanes are 0xc": [
        {"aw": taken(address(addr=0x102))},
        {"w": taken(data())},
    ],
    "answer to ID 0x5": WRITE[:3] + WRITE[5:],
    "answer to ID 0x6": change(good_write, 5, "b", id=6),
    "bresp is EXOKAY": change(good_write, 5, "b", resp=1),
    "data of ID 0x5": READ[3:],
    "data of ID 0x7": change(good_read, 2, "r", id=7),
    "rlast is 0 in beat 1 of 1": change(good_read, 2, "r", last=0),
    "rlast is 0 in beat 2 of 2": change(good_read, 5, "r", last=0),
    "rlast is 1 in beat 1 of 2": change(good_read, 3, "r", last=1),
    "1 bursts are not complete": WRITE[:5],
    "still waiting for ready: aw": WRITE[:1],
    "rresp is EXOKAY": change(good_read, 2, "r", resp=1),
}


@pytest.mark.parametrize("message", VIOLATIONS)
def test_violations_are_found(message: str) -> None:
    with pytest.raises(Axi3Violation, match=message):
        run(VIOLATIONS[message])


def test_an_answer_in_the_cycle_of_the_last_data_is_too_early() -> None:
    steps = good_write()[:4]
    steps.append({"w": taken(data(last=1)), "b": shown({"id": 5, "resp": 0})})
    with pytest.raises(Axi3Violation, match="no write of which is complete"):
        run(steps)


def test_addresses_of_beats() -> None:
    wrap = Burst(0, 0x2C, 3, 2, 2)
    assert [wrap.address(i) for i in range(4)] == [0x2C, 0x20, 0x24, 0x28]
    unaligned = Burst(0, 0x3, 2, 2, 1)
    assert [unaligned.address(i) for i in range(3)] == [0x3, 0x4, 0x8]
    assert [unaligned.strobes(i, 4) for i in range(3)] == [0x8, 0xF, 0xF]
    narrow = Burst(0, 0x6, 1, 1, 1)
    assert [narrow.strobes(i, 4) for i in range(2)] == [0xC, 0x3]
    assert Burst(0, 0x6, 3, 0, 0).address(2) == 0x6
