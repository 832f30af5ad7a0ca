"""What is proven of the RTL, and the mutants that each proof must refuse."""

from __future__ import annotations

from firebrick.sim.formal.prover import Edit, Proof
from firebrick.sim.formal.states import READER, READER_SHOWN, SLAVE, SMALL, WRITER, WRITER_SHOWN

# Nothing that a queue does depends on its words, and no bit of a word meets another: one bit of
# width and a small depth stand for all. The form in block RAM begins at 128 words.
_FIFO = ("fb_fifo.sv",)
_BLOCK = Edit("fb_fifo.sv", "if (Depth >= 128)", "if (Depth >= 4)", "the block RAM's form, small")
_LOST = Edit(
    "fb_fifo.sv",
    "LevelBits'(Depth - 1));\n      end",
    "LevelBits'(Depth));\n      end",
    "takes a word too many",
)
_STUTTER = Edit(
    "fb_fifo.sv",
    "assign advance = ~data_valid_q | out_ready_i;",
    "assign advance = ~data_valid_q | ~read_valid_q;",
    "shows a word twice",
)

_BESIDE = Edit("fb_fifo.sv", "module fb_fifo #(", "module fb_fifo_rtl #(", "beside its contract")
_CONTRACT = ("fifo_contract_properties.sv", "fifo_contract.sv")


def _bursts(file: str, ready: str, valid: str) -> tuple[Edit, ...]:
    """Mutants of a master whose addresses are proven in the sizes of the chip."""
    return (
        Edit(
            file,
            "to_boundary = LenBits'(BurstBeats) - {1'b0, addr_q[OffsetBits-1:0]};",
            "to_boundary = LenBits'(BurstBeats);",
            "bursts across a boundary",
        ),
        Edit(
            file,
            "plan_last   = beats_q <= 24'(to_boundary);",
            "plan_last   = beats_q[15:0] <= 16'(to_boundary);",
            "a long command is taken for a short one",
        ),
        Edit(
            file,
            f"issue = plan_valid_q & ~drain_q & (~{valid} | {ready})",
            "issue = plan_valid_q & ~drain_q",
            "replaces an address that is shown",
        ),
    )


# ``depth``: past every cover, and as far as yosys-smtbmc gets in a minute or so: each further cycle
# takes it up to twice as long as the one before.
PROOFS: tuple[Proof, ...] = (
    Proof(
        "fifo, distributed RAM",
        "fb_fifo",
        _FIFO,
        ("fifo_properties.sv",),
        {"Width": 1, "Depth": 8, "Latency": 2},
        (_LOST,),
        depth=12,
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
        depth=13,
    ),
    Proof(
        "fifo, distributed RAM, and its contract",
        "fb_fifo",
        _FIFO,
        _CONTRACT,
        {"Width": 1, "Depth": 4, "Latency": 2},
        (_LOST,),
        edits=(_BESIDE,),
        depth=13,
    ),
    Proof(
        "fifo, block RAM, and its contract",
        "fb_fifo",
        _FIFO,
        _CONTRACT,
        {"Width": 1, "Depth": 4, "Latency": 3},
        (_STUTTER,),
        edits=(_BESIDE, _BLOCK),
        depth=14,
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
        depth=40,
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
            Edit(
                "fb_axil.sv",
                "if (arready_q) rd_addr_o <= axil_araddr_i;",
                "rd_addr_o <= axil_araddr_i;",
                "reads where the next request points",
            ),
            Edit(
                "fb_axil.sv",
                "    if (rd_wait_q[2]) begin\n      axil_rdata_o",
                "    if (rd_wait_q[1]) begin\n      axil_rdata_o",
                "takes what is read a cycle too early",
            ),
        ),
        depth=30,
        quick=True,
    ),
    Proof(
        "results on their way out",
        "fb_output",
        ("fb_output.sv",),
        ("output_properties.sv", "fifo_contract.sv"),
        {"FifoWords": 4},
        (
            Edit(
                "fb_output.sv",
                "left_q <= is_sum ? '0 : LaneBits'(WordBeats - 1);",
                "left_q <= LaneBits'(WordBeats - 1);",
                "a sum has two beats",
            ),
            Edit(
                "fb_output.sv",
                "assign fifo_ready = !valid_q || (beat_ready_i && (left_q == '0));",
                "assign fifo_ready = !valid_q || beat_ready_i;",
                "drops half a word",
            ),
            Edit(
                "fb_output.sv",
                "else if (beat_ready_i && (left_q == '0)) valid_q",
                "else if (left_q == '0) valid_q",
                "does not wait for the writer",
            ),
            Edit(
                "fb_output.sv",
                "                                   : 24'(segment_words) << $clog2(WordBeats);",
                "                                   : 24'(segment_words);",
                "half of a segment",
            ),
        ),
        depth=10,
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
            Edit(
                "fb_read_join.sv",
                "expected = axi_rvalid_i && (owed_q != '0);",
                "expected = axi_rvalid_i;",
                "hands on a beat of before a reset",
            ),
            Edit(
                "fb_read_join.sv",
                "if (take) owners_q[tail_q] <= choice;",
                "if (take) owners_q[tail_q] <= a_arvalid_i && choice;",
                "gives a lone master's data to the other",
            ),
        ),
        depth=11,
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
        depth=17,
        quick=True,
    ),
    Proof(
        "AXI write master",
        "fb_axi_writer",
        ("fb_axi_writer.sv",),
        ("writer_properties.sv", "fifo_contract.sv"),
        SMALL,
        (
            Edit(
                "fb_axi_writer.sv",
                "to_boundary = LenBits'(BurstBeats) - {1'b0, addr_q[OffsetBits-1:0]};",
                "to_boundary = LenBits'(BurstBeats);",
                "bursts across a boundary",
            ),
            Edit(
                "fb_axi_writer.sv",
                "if (issue != bvalid_q) outstanding_q <= outstanding_q + (bvalid_q ?",
                "if (issue || bvalid_q) outstanding_q <= outstanding_q + (!issue ?",
                "forgets an answer that comes while a burst begins",
            ),
            Edit(
                "fb_axi_writer.sv",
                "bvalid_q & owner_valid & owner_last & ~drain_q",
                "bvalid_q & owner_valid & ~drain_q",
                "a command is done with its first burst",
            ),
            Edit(
                "fb_axi_writer.sv",
                "      wstrb_q <= ~drain_q;",
                "      wstrb_q <= 1'b1;",
                "writes what an abort has dropped",
            ),
            Edit(
                "fb_axi_writer.sv",
                "      wlast_q <= send_last_q;",
                "      wlast_q <= send_last_q | drain_q;",
                "an abort ends a burst that the memory knows to be longer",
            ),
        ),
        edits=WRITER,
        steps=5,
        reach=16,
        limit=400,
        depth=16,
    ),
    Proof(
        "run control",
        "fb_control",
        ("firebrick_pkg.sv", "fb_ram.sv", "fb_control.sv"),
        ("control_properties.sv",),
        mutants=(
            Edit(
                "fb_control.sv",
                "    start_q <= 1'b0;\n    misaligned_q <= start_q &&",
                "    start_q <= (state_q == Running) && wr_en_i && wr_data_i[0] &&\n"
                "               (wr_addr_i == firebrick_pkg::RegControl);\n"
                "    misaligned_q <= start_q &&",
                "starts while a run is under way",
            ),
            Edit(
                "fb_control.sv",
                "Stopping: if (masters_idle_i) state_q <= Clearing;",
                "Stopping: state_q <= Clearing;",
                "does not wait for the masters",
            ),
            Edit(
                "fb_control.sv",
                "    if (soft_reset) begin\n      done_q <= 1'b0;\n      ended_q <= 1'b0;\n",
                "    if (soft_reset) begin\n      done_q <= 1'b0;\n",
                "a soft reset leaves a run that has ended",
            ),
            Edit(
                "fb_control.sv",
                "assign irq_o = |(irq_status_q & irq_enable_q);",
                "assign irq_o = |irq_status_q;",
                "interrupts though it is not enabled",
            ),
        ),
        edits=(
            Edit(
                "firebrick_pkg.sv",
                "ProfileGroups = 128;",
                "ProfileGroups = 2;",
                "a small profile, of which nothing is said",
            ),
        ),
        limit=300,
        depth=24,
    ),
    # A descriptor that rests has its verdict in the third cycle: no state is older.
    Proof(
        "rules of descriptors",
        "fb_rules",
        ("firebrick_pkg.sv", "fb_rules.sv"),
        ("rules_properties.sv",),
        mutants=(
            Edit(
                "fb_rules.sv",
                "(17'(g.dst_last_tile) + 17'(g.dst_tile_words) > 17'(g.dst_row_words))",
                "(16'(g.dst_last_tile) + 16'(g.dst_tile_words) > 16'(g.dst_row_words))",
                "a sum overflows",
            ),
            Edit(
                "fb_rules.sv",
                "(g.src_row_words == '0) || ",
                "",
                "rows without words pass",
            ),
            Edit(
                "fb_rules.sv",
                "(32'(g.tail_row_words) << 1) > ActWords",
                "32'(g.tail_row_words) > ActWords",
                "one row in front of a tail instead of two",
            ),
            Edit(
                "fb_rules.sv",
                "(g.mode != firebrick_pkg::ModeDirect) || g.add_enable ||",
                "(g.mode != firebrick_pkg::ModeDirect) ||",
                "a tail that adds passes",
            ),
            Edit(
                "fb_rules.sv",
                "(folds != (g.load_reach != '0)) ||",
                "(folds && (g.load_reach == '0)) ||",
                "a reach without a fold passes",
            ),
            Edit(
                "fb_rules.sv",
                "g.load_skip || g.src_rows[0] ||",
                "g.load_skip ||",
                "a row without the one beside it passes",
            ),
            Edit(
                "fb_rules.sv",
                "(halves && !mid && (32'(phase1) % (2 * Pump) != 0))",
                "(halves && (32'(phase1) % (2 * Pump) != 0))",
                "the squeeze map's channels are to have halves",
            ),
        ),
        steps=4,
        reach=8,
        limit=200,
        depth=40,
    ),
    Proof(
        "rules of descriptors, two K steps a cycle",
        "fb_rules",
        ("firebrick_pkg.sv", "fb_rules.sv"),
        ("rules_properties.sv",),
        {"Pump": 2},
        (
            Edit(
                "fb_rules.sv",
                "(32'(phase1) % Pump != 0) || ",
                "",
                "half a set of channels passes",
            ),
            Edit(
                "fb_rules.sv",
                "(32'(phase1) % (2 * Pump) != 0)",
                "(32'(phase1) % 2 != 0)",
                "halves of a set of channels",
            ),
        ),
        steps=4,
        reach=8,
        limit=200,
        depth=40,
    ),
    Proof(
        "register port of the processor, AXI3",
        "fb_axi3_slave",
        ("firebrick_pkg.sv", "fb_axi3_slave.sv"),
        ("axi3_slave_properties.sv",),
        mutants=(
            Edit(
                "fb_axi3_slave.sv",
                "wr_state_q <= (wr_left_q == '0) ? WrResponse : WrData;",
                "wr_state_q <= (wr_left_q == '0 || wr_beat_last_q) ? WrResponse : WrData;",
                "believes WLAST",
            ),
            Edit(
                "fb_axi3_slave.sv",
                "wr_resp_q <= wr_resp_q | lite_bresp_i[w];",
                "wr_resp_q <= lite_bresp_i[w];",
                "the last answer instead of the worst",
            ),
            Edit(
                "fb_axi3_slave.sv",
                "(following[5:0] & block)}",
                "following[5:0]}",
                "a burst that wraps leaves its block",
            ),
            Edit(
                "fb_axi3_slave.sv",
                "lite_arvalid_q <= lite_arvalid_q & ~lite_arready_i;",
                "lite_arvalid_q <= '0;",
                "does not wait for a window",
            ),
        ),
        edits=SLAVE,
        steps=6,
        reach=24,
        limit=400,
        depth=19,
    ),
    Proof(
        "AXI read master",
        "fb_axi_reader",
        ("fb_axi_reader.sv",),
        ("reader_properties.sv", "fifo_contract.sv"),
        SMALL,
        (
            Edit(
                "fb_axi_reader.sv",
                "to_boundary = LenBits'(BurstBeats) - {1'b0, addr_q[OffsetBits-1:0]};",
                "to_boundary = LenBits'(BurstBeats);",
                "bursts across a boundary",
            ),
            Edit(
                "fb_axi_reader.sv",
                "if (issue != burst_done) outstanding_q <= outstanding_q + (burst_done ?",
                "if (issue || burst_done) outstanding_q <= outstanding_q + (!issue ?",
                "forgets an answer that comes while a burst begins",
            ),
            Edit(
                "fb_axi_reader.sv",
                "quiet & ~busy_q;",
                "~arvalid_q & ~busy_q;",
                "idle while bursts are outstanding",
            ),
            Edit(
                "fb_axi_reader.sv",
                "issue = plan_valid_q & ~drain_q & (~arvalid_q | axi_arready_i)",
                "issue = plan_valid_q & ~drain_q",
                "replaces an address that is shown",
            ),
            Edit(
                "fb_axi_reader.sv",
                "addr_q  <= addr_q + 29'(plan_len_q);",
                "addr_q  <= addr_q + 29'(BurstBeats);",
                "the second burst begins too late",
            ),
            Edit(
                "fb_axi_reader.sv",
                "rlast_q & ends_q[ends_rd_q]",
                "rlast_q",
                "a command ends with its first burst",
            ),
        ),
        edits=READER,
        steps=5,
        reach=16,
        limit=400,
        depth=12,
    ),
    Proof(
        "AXI read master, addresses in the chip's sizes",
        "fb_axi_reader",
        ("fb_axi_reader.sv",),
        ("burst_properties.sv", "fifo_contract.sv"),
        {"Writes": 0, "MaxOutstanding": 8, "FifoDepth": 32},
        _bursts("fb_axi_reader.sv", "axi_arready_i", "arvalid_q"),
        edits=READER_SHOWN,
        steps=3,
        reach=16,
        depth=40,
        quick=True,
    ),
    Proof(
        "AXI write master, addresses in the chip's sizes",
        "fb_axi_writer",
        ("fb_axi_writer.sv",),
        ("burst_properties.sv", "fifo_contract.sv"),
        {"Writes": 1, "MaxOutstanding": 8, "FifoDepth": 32},
        _bursts("fb_axi_writer.sv", "axi_awready_i", "awvalid_q"),
        edits=WRITER_SHOWN,
        steps=3,
        reach=32,
        depth=40,
        quick=True,
    ),
)
