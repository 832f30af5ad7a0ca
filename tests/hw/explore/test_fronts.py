"""Pareto fronts against their definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firebrick.hw.explore.fronts import front

PAIR = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3))


@given(st.lists(PAIR, max_size=25))
def test_nobody_on_it_is_beaten_and_everybody_else_is(items: list[tuple[int, int, int]]) -> None:
    def beats(a: tuple, b: tuple) -> bool:
        return a != b and all(x >= y for x, y in zip(a, b, strict=True))

    kept = front(items, lambda item: item)
    assert set(kept) == {a for a in items if not any(beats(b, a) for b in items)}
    assert len(kept) == len(set(kept)) and kept == sorted(kept, reverse=True)


def test_of_equals_the_first_stays() -> None:
    assert front(["ab", "cd", "x"], lambda text: (len(text),)) == ["ab"]
