"""What is proven of the RTL, and the mutants that each proof must refuse."""

from __future__ import annotations

from firebrick.sim.formal.prover import Edit, Proof

# Nothing that a queue does depends on its words, and no bit of a word meets another: one bit of
# width and a small depth stand for all. The form in block RAM begins at 128 words.
_FIFO = ("fb_fifo.sv",)
_BLOCK = Edit("fb_fifo.sv", "if (Depth >= 128)", "if (Depth >= 4)", "the block RAM's form, small")
_LOST = Edit(
    "fb_fifo.sv",
    "LevelBits'(Depth - 1);\n      end",
    "LevelBits'(Depth);\n      end",
    "takes a word too many",
)
_STUTTER = Edit(
    "fb_fifo.sv",
    "assign advance = ~data_valid_q | out_ready_i;",
    "assign advance = ~data_valid_q | ~read_valid_q;",
    "shows a word twice",
)

PROOFS: tuple[Proof, ...] = (
    Proof(
        "fifo, distributed RAM",
        "fb_fifo",
        _FIFO,
        ("fifo_properties.sv",),
        {"Width": 1, "Depth": 8, "Latency": 2},
        (_LOST,),
        quick=True,
    ),
    Proof(
        "fifo, block RAM",
        "fb_fifo",
        _FIFO,
        ("fifo_properties.sv",),
        {"Width": 1, "Depth": 8, "Latency": 3},
        (_STUTTER,),
        edits=(_BLOCK,),
    ),
    Proof(
        "register slice",
        "fb_slice",
        ("fb_slice.sv",),
        ("slice_properties.sv",),
        {"Width": 2},
        (
            Edit(
                "fb_slice.sv",
                "in_ready_o ? in_data_i : spare_q",
                "in_data_i",
                "forgets the word it kept",
            ),
        ),
        quick=True,
    ),
    Proof(
        "register port, AXI4-Lite",
        "fb_axil",
        ("fb_axil.sv",),
        ("axil_properties.sv",),
        mutants=(
            Edit(
                "fb_axil.sv",
                "if (axil_rvalid_o && axil_rready_i) begin",
                "if (axil_rvalid_o) begin",
                "does not wait for RREADY",
            ),
            Edit(
                "fb_axil.sv",
                "~awready_q & ~wready_q & ~wr_started_q",
                "~awready_q & ~wr_started_q",
                "answers a write without its data",
            ),
        ),
        quick=True,
    ),
    Proof(
        "two masters on a read port",
        "fb_read_join",
        ("fb_read_join.sv",),
        ("read_join_properties.sv",),
        {"Bursts": 4},
        (
            Edit(
                "fb_read_join.sv",
                "choice = hold_q ? chosen_q :",
                "choice = 1'b0 ? chosen_q :",
                "changes an address that is shown",
            ),
        ),
    ),
    Proof(
        "interrupt controller",
        "fb_intc",
        ("firebrick_pkg.sv", "fb_axil.sv", "fb_intc.sv"),
        ("intc_properties.sv",),
        {"Inputs": 2},
        (
            Edit(
                "fb_intc.sv",
                "if (hardware_q && irq_i[i])",
                "if (hardware_q && irq_i[i] && !wr_en)",
                "misses an input while a register is written",
            ),
            Edit(
                "fb_intc.sv",
                "enable_q && (pending != '0)",
                "enable_q && (isr_q != '0)",
                "interrupts though it is not enabled",
            ),
            Edit(
                "fb_intc.sv",
                "hardware_q <= hardware_q | wr_data[1];",
                "hardware_q <= wr_data[1];",
                "HIE can be cleared",
            ),
        ),
        quick=True,
    ),
)
