"""Names of sample pictures tell the pictures apart, on every file system."""

from __future__ import annotations

import pytest

from firebrick.hw.archive.names import sample_names


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.png", "b.jpg"], ["a", "b"]),
        (["a.png", "a.jpg", "b.png"], ["a_png", "a_jpg", "b"]),
        (["A.png", "a.jpg"], ["A_png", "a_jpg"]),
        (["a b.png", "a_b.png"], ["a_b_png_1", "a_b_png_2"]),
        (["x_1.png", "x .gif", "x_.gif"], ["x_1", "x__gif_1", "x__gif_2"]),
        # A name made by the suffix is another picture's own already, and so are numbers.
        (["a.png", "a.jpg", "a_png.gif"], ["a_png_1", "a_jpg", "a_png_2"]),
        (["a b.x", "a_b.x", "a_b_x_1.y"], ["a_b_x_2", "a_b_x_3", "a_b_x_1"]),
        (["../over.png", "C:\\here.png"], ["over", "C__here"]),
        (["astronaut", "coffee"], ["astronaut", "coffee"]),
    ],
)
def test_each_name_once(files: list[str], names: list[str]) -> None:
    assert sample_names(files) == names
    assert len({name.casefold() for name in names}) == len(files)
