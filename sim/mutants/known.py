"""Mutants that tests were written for: each survived once."""

from __future__ import annotations

from firebrick.sim.mutants.places import RANGE, Mutant, by_text


def known() -> list[Mutant]:
    """All of them, in the text of today; FirebrickError where that holds one no more."""
    return [
        # A squeeze row counts as there before the last channel of its last block.
        by_text(
            "firebrick_engine.sv",
            "result_token.row_end && result_channel_last;",
            "result_token.row_end && result_channel_last",
            "result_token.row_end",
        ),
        # A reset does not wait for the master that fetches maps to add.
        by_text(
            "firebrick_engine.sv",
            "maps_read_idle && maps_write_idle && program_idle && addend_idle;",
            "program_idle && addend_idle",
            "program_idle",
        ),
        # A descriptor is overwritten before the fetcher of maps to add has taken it.
        by_text(
            "fb_program.sv",
            "!for_planner_q && !for_loader_q && !for_addend_q;",
            "!for_loader_q && !for_addend_q",
            "!for_loader_q",
        ),
        # One bit of a value is not looked at when it is decided whether it saturates.
        by_text(
            "fb_requant.sv",
            "wide_1_q[31:16] != {16{wide_1_q[31]}}",
            "wide_1_q[31:16] != {16{wide_1_q[31]}}",
            "wide_1_q[31:17] != {15{wide_1_q[31]}}",
            RANGE,
        ),
        # A kernel of one row, half of its channels, reads on in the other half.
        by_text(
            "fb_issuer.sv",
            "next.half_first || (next.half_last && (next.kh == 4'd1));",
            "next.half_first || (next.half_last && (next.kh == 4'd1))",
            "next.half_first",
        ),
        # Of a folded map twice as many rows as are needed must have been written.
        by_text(
            "fb_loader.sv",
            "stored ? {2'b0, asked_q[9:1]} : {1'b0, asked_q};",
            "stored ? {2'b0, asked_q[9:1]} : {1'b0, asked_q}",
            "{1'b0, asked_q}",
        ),
    ]
