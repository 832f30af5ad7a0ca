"""Edits of the RTL that proofs by induction are about: small registers, states shown at ports."""

from __future__ import annotations

from firebrick.sim.formal.prover import Edit

# The masters' address and count registers are narrowed to what the small commands need.
SMALL = {"BurstBeats": 2, "MaxOutstanding": 2, "FifoDepth": 4, "AddrBits": 3, "BeatBits": 2}


def _narrow(file: str, address: str) -> tuple[Edit, ...]:
    return (
        Edit(file, "logic [28:0] addr_q;", "logic [3:0] addr_q;", "small addresses"),
        Edit(file, "logic [23:0] beats_q;", "logic [2:0] beats_q;", "small commands"),
        Edit(file, f"logic [28:0]          {address};", f"logic [3:0] {address};", "as addr_q"),
    )


def _shown(file: str, last_port: str, first: str, states: dict[str, str]) -> tuple[Edit, ...]:
    """Ports ``see_*_o`` for helping assertions, of 64 bits: values by port name."""
    ports = "".join(f",\n  output logic [63:0] see_{name}_o" for name in states)
    values = "".join(f"\n  assign see_{name}_o = 64'({value});" for name, value in states.items())
    return (
        Edit(file, f"{last_port}\n);", f"{last_port}{ports}\n);", "shows its state"),
        Edit(file, first, first + values, "shows its state"),
    )


_PLAN = "!plan_valid_q || (busy_q && plan_len_q == plan_len && plan_last_q == plan_last)"
WRITER_SHOWN = (
    *_shown(
        "fb_axi_writer.sv",
        "axi_bready_o",
        "  assign axi_bready_o = 1'b1;",
        {
            "busy": "busy_q",
            "send": "send_q",
            "answer": "bvalid_q",
            "owner": "owner_valid",
            "drain": "drain_q",
            "plan": _PLAN,
            "tag": "tag_q[0]",
            "beats": "beats_q",
            "outstanding": "outstanding_q",
            "lengths": "next_level",
            "owners": "owner_level",
            "left": "left_q",
            "ends": "send_last_q",
            "unclaimed": "unclaimed_q",
            "level": "fifo_level",
            "length": "u_lengths_words",
            "owned": "u_owners_words",
            "data": "{u_fifo_words[192], u_fifo_words[128], u_fifo_words[64], u_fifo_words[0]}",
            "young_lengths": "u_lengths_young",
            "young_owners": "u_owners_young",
        },
    ),
    *(
        Edit(
            "fb_axi_writer.sv",
            f".level_o    ({level})",
            f".level_o    ({level}), .words_o({queue}_words), .young_o({queue}_young)",
            "shows a queue's words",
        )
        for queue, level in (
            ("u_fifo", "fifo_level"),
            ("u_lengths", "next_level"),
            ("u_owners", "owner_level"),
        )
    ),
    Edit(
        "fb_axi_writer.sv",
        "  logic                 fifo_valid, fifo_pop;",
        "  logic                 fifo_valid, fifo_pop;\n"
        "  logic [64*FifoDepth-1:0] u_fifo_words;\n"
        "  logic [LenBits*MaxOutstanding-1:0] u_lengths_words;\n"
        "  logic [5*MaxOutstanding-1:0] u_owners_words;\n"
        "  logic [1:0] u_fifo_young, u_lengths_young, u_owners_young;",
        "shows the queues' words",
    ),
)

WRITER = (*_narrow("fb_axi_writer.sv", "awaddr_q"), *WRITER_SHOWN)

READER_SHOWN = (
    *_shown(
        "fb_axi_reader.sv",
        "axi_rready_o",
        "  assign quiet  = ~arvalid_q & ~rvalid_q & (outstanding_q == '0);",
        {
            "busy": "busy_q",
            "drain": "drain_q",
            "beat": "{rlast_q, rvalid_q}",
            "plan": _PLAN,
            "room": "room_q",
            "roomy": "roomy_q",
            "planned": "plan_valid_q",
            "popped": "pop_q",
            "level": "fifo_level",
            "left": "beats_q",
            "outstanding": "outstanding_q",
            "addr": "addr_q",
            # of each word in the queue whether it is marked, and a command's last
            "words": "{u_fifo_words[259], u_fifo_words[194], u_fifo_words[129], u_fifo_words[64], "
            "u_fifo_words[195], u_fifo_words[130], u_fifo_words[65], u_fifo_words[0]}",
            "ring": "{ends_q, ends_wr_q, ends_rd_q}",
            "hand": "rdata_q[0]",
        },
    ),
    Edit(
        "fb_axi_reader.sv",
        ".level_o    (fifo_level)",
        ".level_o    (fifo_level), .words_o(u_fifo_words)",
        "shows a queue's words",
    ),
    Edit(
        "fb_axi_reader.sv",
        "  logic                fifo_ready;",
        "  logic                fifo_ready;\n  logic [65*FifoDepth-1:0] u_fifo_words;",
        "shows a queue's words",
    ),
)

READER = (*_narrow("fb_axi_reader.sv", "araddr_q"), *READER_SHOWN)

SLAVE = _shown(
    "fb_axi3_slave.sv",
    "lite_rready_o",
    "  assign lite_rready_o = rd_state_q == RdAnswer ? rd_hit_q : '0;",
    {
        "wr_state": "wr_state_q",
        "wr_left": "wr_left_q",
        "wr_kept": "{wr_id_q, wr_len_q, wr_size_q, wr_burst_q}",
        "wr_addr": "wr_addr_q",
        "wr_hit": "wr_hit_q",
        "wr_beat": "{wr_beat_id_q, wr_beat_last_q}",
        "wr_wrong": "wr_wrong_q",
        "wr_resp": "wr_resp_q",
        "rd_state": "rd_state_q",
        "rd_left": "rd_left_q",
        "rd_kept": "{rd_id_q, rd_len_q, rd_size_q, rd_burst_q}",
        "rd_addr": "rd_addr_q",
        "rd_hit": "rd_hit_q",
    },
)
