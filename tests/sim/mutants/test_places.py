"""Where the RTL is changed, how, and that the RTL with mutants in it is the RTL without them."""

from __future__ import annotations

from pathlib import Path

import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.sim.mutants import schemata
from firebrick.sim.mutants.places import RTL, Mutant, _moved, by_text, places

TEXT = """\
module m #(parameter int unsigned W = 4 + 1) (input wire clk_i, input wire rst_ni,
  input wire [7:0] a, input wire [7:0] b, output logic [7:0] y);
  // a + b in a comment
  localparam int unsigned Half = W / 2 - 1;
  typedef enum logic [1:0] {One, Two, Three} state_e;
  state_e state_q;
  logic unused_a;
  assign unused_a = a[0] & b[0];
  function automatic logic [7:0] fixed(input logic [7:0] x);
    fixed = x + 8'd3;
  endfunction
  localparam logic [7:0] Fixed = fixed(8'd5);
  if (W - 1 > 3) begin : gen_check
    $error("W + %0d", 3 - 2);
  end
`ifdef SIMULATION
  assign y = a - b;
`endif
  always_ff @(posedge clk_i) begin
    assert (a != b);
    if (!rst_ni) y <= 8'd0;
    else if (a == b) y <= W'(a[7:4]) + b;
    state_q <= Two;
  end
  PS7 u_ps7 (.IN(1'b0));
  fb_x #(.Width(3 * 2)) u_x (.in_i(a ^ b), .out_o(y[1 + 1]));
endmodule
"""


@pytest.fixture
def found(tmp_path: Path) -> list[Mutant]:
    (tmp_path / "m.sv").write_text(TEXT)
    return list(places(tmp_path))


def test_what_is_changed_and_how(found: list[Mutant]) -> None:
    texts = {(m.kind, m.original, m.mutated) for m in found}
    assert texts == {
        ("condition negated", "!rst_ni", "!(!rst_ni)"),
        ("unary operator", "!rst_ni", "(rst_ni)"),
        ("reset value", "8'd0", "8'd1"),
        ("assignment dropped", "y <= 8'd0;", ""),
        ("condition negated", "a == b", "!(a == b)"),
        ("enable dropped", "a == b", "1'b1"),
        ("operator", "a == b", "(a) != (b)"),
        ("assignment dropped", "y <= W'(a[7:4]) + b;", ""),
        ("operator", "W'(a[7:4]) + b", "(W'(a[7:4])) - (b)"),
        ("bit range", "a[7:4]", "a[8:5]"),
        ("bit range", "a[7:4]", "a[6:3]"),
        ("assignment dropped", "state_q <= Two;", ""),
        ("state", "Two", "Three"),
        ("operator", "a ^ b", "(a) | (b)"),
    }


def test_lines_and_places_are_those_of_the_text(found: list[Mutant]) -> None:
    for mutant in found:
        assert TEXT[mutant.start : mutant.end] == mutant.original
        assert mutant.original.splitlines()[0] in TEXT.splitlines()[mutant.line - 1]
    with pytest.raises(FirebrickError, match="the file has changed"):
        found[0].apply("x" + TEXT)


def test_bounds_move() -> None:
    assert (_moved("7", "+"), _moved("7", "-"), _moved("W-1", "+")) == ("8", "6", "(W-1) + 1")


def test_a_range_must_stay_inside_its_vector() -> None:
    """slang decides: of a word's upper half one neighbour is there, the other is not."""
    line = "assign beat_o = word_q[63:0];"
    assert schemata.compiles(by_text("fb_output.sv", line, "word_q[63:0]", "word_q[64:1]"))
    line = "assign is_sum = fifo_data[Width-1];"
    outside = by_text("fb_output.sv", line, "fifo_data[Width-1]", "fifo_data[Width]")
    assert not schemata.compiles(outside)
    nothing = by_text("fb_output.sv", line, "fifo_data[Width-1]", "nothing")
    assert not schemata.compiles(nothing)


def test_mutants_in_mutants(tmp_path: Path) -> None:
    """Only what is chosen is changed: an outer mutant has the inner text as it is."""
    line = "assign fifo_ready = !valid_q || (beat_ready_i && (left_q == '0));"
    inner = by_text("fb_output.sv", line, "left_q == '0", "left_q != '0")
    outer = by_text("fb_output.sv", line, "beat_ready_i && (left_q == '0)", "1'b1")
    dropped = Mutant(
        "fb_output.sv", (RTL / "fb_output.sv").read_text().index("word_q <= padded;"),
        "assignment dropped", "word_q <= padded;", "", "fb_output", 1, True,
    )  # fmt: skip
    schemata.write_schemata([outer, inner, dropped], tmp_path)
    text = (tmp_path / "fb_output.sv").read_text()
    one, two = ("mutant_pkg::selected == 1", "mutant_pkg::selected == 2")
    kept = f"beat_ready_i && ((({two}) ? (left_q != '0) : (left_q == '0))))"
    assert f"(({one}) ? (1'b1) : ({kept})" in text
    assert "begin if (mutant_pkg::selected != 3) word_q <= padded; end" in text
    assert (tmp_path / "fb_ram.sv").read_text() == (RTL / "fb_ram.sv").read_text()
    assert (tmp_path / "mutant_pkg.sv").is_file()


def test_places_by_hand_must_be_there() -> None:
    with pytest.raises(FirebrickError, match=r"fb_ram.sv: 'clk_i' with 'clk_i' is not there once"):
        by_text("fb_ram.sv", "clk_i", "clk_i", "1'b0")
