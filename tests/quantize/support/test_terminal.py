"""What is printed is what is meant, on terminals of any width."""

import io

import pytest

from firebrick.quantize.support.terminal import Table, new_console


def printed(width, *things, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = new_console(file=file, width=width)
    for thing in things:
        console.print(thing)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("name", ["[/red]", "TV [hd]", "[bold", "a[0]", "[link=x]y[/link]"])
def test_brackets_in_names_are_names(name):
    table = Table("class", title=name)
    table.add_row(name)
    assert printed(80, f"sees {name}", table).count(name) == 3


@pytest.mark.parametrize("width", [20, 30, 80])
def test_no_number_is_cut(width):
    table = Table("layer", "cycles", "weights")
    table.add_column("share", no_wrap=True)
    table.add_row("fire9/expand3x3", "1,990,944", "1,248,424", "99.99 %")
    text = printed(width, table)
    assert "…" not in text and "..." not in text
    assert sum(c.isdigit() for c in text) == sum(
        c.isdigit() for c in "fire9/expand3x31,990,9441,248,42499.99"
    )
