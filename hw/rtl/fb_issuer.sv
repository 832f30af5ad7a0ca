// Turns a block into K steps: one activation fetch and one weight read a cycle.
//
// A K step is (kernel row, source channel, kernel column), the column innermost.  For every
// (row, channel) - an element - the one to three words under the window are read while its taps
// are issued.  Slots go to fb_window unstalled: once started, a block runs to its end.  A block
// shorter than C steps starts late, because the array needs C cycles to drain the one before.
//
// With Pump = 2 a slot is a pair of K steps: one tap of two neighbouring channels, whose words lie at
// an even address and the odd one above; the address given is the even one.  Words of a tile and of
// a row, and both phases' channels, are multiples of Pump.
//
// Where a stored row holds two rows of the map as halves of its channels, the first kernel row may
// begin with the upper half and the last one end with the lower half.
//
// Handshake: block_valid_i / block_ready_o, a register; two blocks wait here, and the next one is
// taken in the cycle after the last slot of the one before, without a gap.  Latency: the first slot
// leaves 3 cycles after the cycle in which an idle issuer accepted the block; one or more later
// where that is a short block and the array still drains.
`default_nettype none

module fb_issuer #(
  parameter int unsigned Channels = 32,
  // K steps of a slot: 1 or 2.
  parameter int unsigned Pump = 1,
  parameter int unsigned ActAddrBits = 12,
  parameter int unsigned WeightAddrBits = 13
) (
  input  wire                       clk_i,
  input  wire                       rst_ni,

  input  wire                       block_valid_i,
  output logic                      block_ready_o,
  input  wire fb_block_pkg::block_t               block_i,

  // slots, aligned with the read request
  output logic                      act_rd_en_o,
  output logic [ActAddrBits-1:0]    act_rd_addr_o,
  output logic                      slot_valid_o,
  output logic                      slot_read_o,
  output logic [1:0]                slot_zero_o,      // of the word's front half, of its back half
  output logic                      slot_fold_o,
  output logic                      slot_elem_last_o,
  output logic [2:0]                slot_sel_o,
  output logic                      slot_signed_o,
  output logic                      slot_first_o,
  output logic                      slot_last_o,
  output logic [WeightAddrBits-1:0] slot_weight_addr_o,

  // the token of a block, in the cycle in which the block starts
  output logic                      token_valid_o,
  output fb_block_pkg::token_t                    token_o,

  // one pulse when a block's last slot has been issued
  output logic                      done_o,
  output logic [3:0]                done_free_rows_o,
  output logic                      done_group_end_o,
  output logic                      done_program_end_o,
  output logic [15:0]               done_weights_used_o,
  output logic [11:0]               done_bias_pairs_o,

  // what this cycle was used for, for the counters
  output logic                      active_o,
  output logic                      pacing_o
);
  localparam int unsigned PaceBits = $clog2(Channels + 1);

  localparam int unsigned BlockBits = $bits(block_i);
  localparam int unsigned PumpBits = $clog2(Pump);

  // What is asked of a block's number of steps and of its channels, computed before it is stored.
  logic                 is_one, is_short, is_near;
  logic                 is_single0, is_single1, is_single_half, is_simple;
  logic [PaceBits-1:0]  pace_steps;
  fb_block_pkg::block_t next;
  logic                 next_valid;
  logic                 next_one;     // of one step
  logic                 next_short;   // of fewer than C steps
  logic                 next_near;    // of C - 1 steps
  logic [PaceBits-1:0]  next_pace;    // steps and one more, of a short block
  logic                 next_single0, next_single1;  // of one channel, or pair of them, in a phase
  logic                 next_single_half;            // in half a phase
  logic                 next_simple;  // without a second phase
  logic                 paced_q;      // the array has drained for long enough for a short block
  fb_block_pkg::block_t blk_q;
  logic   run_q;        // slots are being issued
  logic   start;
  logic   finish;
  logic   paced;

  logic [2:0]          tap_q;
  logic                phase_q;
  logic [12:0]         chan_left_q;
  logic                chan_last_q;   // chan_left_q is 1
  logic                single0_q, single1_q, single_half_q, simple_q;  // of blk_q
  logic [12:0]         half_q;        // channels of half a phase
  logic                halved_q;      // this kernel row has them only
  logic                halves_next_q; // the next one does
  logic [3:0]          row_left_q;
  logic                first_row_q;
  logic                first_q;
  logic [15:0]         steps_left_q;
  logic                step_last_q;   // steps_left_q is 1
  logic [PaceBits-1:0] pace_left_q;
  logic [12:0]         elem_q;        // word of the element's own tile
  logic [12:0]         row_q;         // base of the current kernel row
  logic [13:0]         row_step_q;    // row_q + row_words, one cycle after row_q
  logic [12:0]         elem_next_q;   // first element of the next kernel row, two cycles after
  logic [15:0]         weight_addr_q;

  logic [2:0] taps, tap_next;
  logic [1:0] words;
  logic       left;     // the first word read is the left neighbour's: of the first phase only
  logic       tap_last;
  logic       phase_last;
  logic [12:0] row_next;
  logic        next_upper, next_halved;

  assign taps = phase_q ? blk_q.taps1 : blk_q.taps0;
  assign words = phase_q ? blk_q.words1 : blk_q.words0;
  assign left = blk_q.left && !phase_q;
  // The next tap, written without a carry chain, which would cost three levels.
  assign tap_next = {tap_q[2] ^ (tap_q[1] && tap_q[0]), tap_q[1] ^ tap_q[0], !tap_q[0]};
  assign tap_last = tap_next == taps;
  assign phase_last = phase_q || simple_q;

  assign finish = run_q && step_last_q;
  // Last steps must be C cycles apart, so that the array has drained one block before it
  // captures the next: a short block starts late.
  assign paced = !next_short || (!run_q && paced_q);
  assign start = next_valid && paced && (step_last_q || !run_q);
  // In steps, since a kernel row lasts at least 3 cycles where another one follows.
  assign row_next = (row_step_q == blk_q.ring_end) ? blk_q.ring_base : row_step_q[12:0];

  assign is_one = block_i.steps == 16'd1;
  assign is_short = block_i.steps < 16'(Channels);
  assign is_near = block_i.steps == 16'(Channels - 1);
  assign pace_steps = PaceBits'(block_i.steps) + PaceBits'(1);
  assign is_single0 = (block_i.channels0 >> PumpBits) == 13'd1;
  assign is_single1 = (block_i.channels1 >> PumpBits) == 13'd1;
  assign is_single_half = (block_i.channels0 >> (PumpBits + 1)) == 13'd1;
  assign is_simple = block_i.channels1 == '0;
  assign next_upper = next.half_first;
  assign next_halved = next.half_first || (next.half_last && (next.kh == 4'd1));

  // No path leads from here to the planner, or back, but through these registers.
  fb_slice #(
    .Width(BlockBits + PaceBits + 7)
  ) u_next (
    .clk_i,
    .rst_ni,
    .in_valid_i (block_valid_i),
    .in_ready_o (block_ready_o),
    .in_data_i  ({is_one, is_short, is_near, is_single0, is_single1, is_single_half, is_simple,
                   pace_steps, block_i}),
    .out_valid_o(next_valid),
    .out_ready_i(start),
    .out_data_o ({next_one, next_short, next_near, next_single0, next_single1, next_single_half,
                   next_simple, next_pace, next})
  );

  always_ff @(posedge clk_i) begin
    // In a cycle's time: a block that is stored in this one is looked at then.
    if (finish) paced_q <= next_valid && !start && next_near;
    else if (next_valid && !start) paced_q <= pace_left_q <= next_pace;
    else paced_q <= pace_left_q <= PaceBits'(1'b1);

    step_last_q <= start ? next_one : (steps_left_q == 16'd2);
    row_step_q <= {1'b0, row_q} + {1'b0, blk_q.row_words};
    elem_next_q <= row_next + blk_q.tile_off;
    halves_next_q <= blk_q.half_last && (row_left_q == 4'd2);
    if (start) begin
      blk_q         <= next;
      tap_q         <= '0;
      phase_q       <= 1'b0;
      chan_left_q   <= next.channels0 >> (next_halved ? PumpBits + 1 : PumpBits);
      chan_last_q   <= next_halved ? next_single_half : next_single0;
      single0_q     <= next_single0;
      single1_q     <= next_single1;
      single_half_q <= next_single_half;
      half_q        <= next.channels0 >> 1;
      halved_q      <= next_halved;
      simple_q      <= next_simple;
      row_left_q    <= next.kh;
      first_row_q   <= 1'b1;
      first_q       <= 1'b1;
      steps_left_q  <= next.steps;
      elem_q        <= next.row_base + next.tile_off + (next_upper ? next.channels0 >> 1 : '0);
      row_q         <= next.row_base;
      weight_addr_q <= next.weight_addr;
    end else if (run_q) begin
      first_q       <= 1'b0;
      steps_left_q  <= steps_left_q - 16'd1;
      weight_addr_q <= weight_addr_q + 16'd1;
      tap_q         <= tap_last ? '0 : tap_next;
      if (tap_last) begin
        if (!chan_last_q) begin
          chan_left_q <= chan_left_q - 13'd1;
          chan_last_q <= chan_left_q == 13'd2;
          elem_q      <= elem_q + 13'(Pump);
        end else if (!phase_last) begin
          phase_q     <= 1'b1;
          chan_left_q <= (halved_q ? half_q : blk_q.channels1) >> PumpBits;
          chan_last_q <= halved_q ? single_half_q : single1_q;
          elem_q      <= elem_q + 13'(Pump) + (halved_q ? half_q : '0);
        end else begin
          phase_q     <= 1'b0;
          chan_left_q <= (halves_next_q ? half_q : blk_q.channels0) >> PumpBits;
          chan_last_q <= halves_next_q ? single_half_q : single0_q;
          halved_q    <= halves_next_q;
          row_left_q  <= row_left_q - 4'd1;
          first_row_q <= 1'b0;
          elem_q      <= elem_next_q;
          row_q       <= row_next;
        end
      end
    end

    if (finish) pace_left_q <= PaceBits'(Channels - 1);
    else if (pace_left_q != '0) pace_left_q <= pace_left_q - PaceBits'(1);

    if (!rst_ni) begin
      run_q        <= 1'b0;
      pace_left_q  <= '0;
    end else begin
      if (start) run_q <= 1'b1;
      else if (finish) run_q <= 1'b0;
    end
  end

  // Which word this tap reads, and which part of the history its pixels come from.
  logic        read;
  logic        word_left;
  logic        word_right;
  logic [2:0]  sel;
  logic        above, below;  // the kernel row lies outside of the map
  logic        beside;        // the word does

  assign read = {1'b0, words} > tap_q;
  assign word_left = left && (tap_q == 3'd0);
  assign word_right = left ? (tap_q == 3'd2) : (tap_q == 3'd1);
  // Of two rows in one the front one is above the map first, and the back one below it.
  assign above = blk_q.top_zero && first_row_q;
  assign below = blk_q.bottom_zero && (row_left_q == 4'd1);
  assign beside = (word_left && blk_q.left_zero) || (word_right && blk_q.right_zero);

  always_comb begin
    if (left) begin
      unique case (tap_q)
        3'd0:    sel = 3'd1;
        3'd1:    sel = 3'd0;
        default: sel = 3'd4;
      endcase
    end else begin
      unique case (tap_q)
        3'd0:    sel = 3'd0;
        3'd1:    sel = tap_last ? 3'd4 : 3'd2;
        3'd2:    sel = tap_last ? 3'd5 : 3'd3;
        default: sel = 3'd6;
      endcase
    end
  end

  logic [12:0] act_addr_q;

  always_ff @(posedge clk_i) begin
    act_addr_q         <= word_left ? elem_q - blk_q.tile_words :
                          word_right ? elem_q + blk_q.tile_words : elem_q;
    slot_zero_o        <= {beside || below || (above && !blk_q.fold),
                           beside || above || (below && !blk_q.fold)};
    slot_fold_o        <= blk_q.fold;
    slot_elem_last_o   <= tap_last;
    slot_sel_o         <= sel;
    slot_signed_o      <= blk_q.src_signed;
    slot_weight_addr_o <= WeightAddrBits'(weight_addr_q);
    slot_first_o       <= run_q && first_q;
    slot_last_o        <= run_q && step_last_q;
    slot_read_o        <= run_q && read;
    slot_valid_o       <= run_q && rst_ni;
  end

  assign act_rd_en_o = slot_read_o;
  assign act_rd_addr_o = ActAddrBits'(act_addr_q);

  assign token_valid_o = start;
  assign token_o = next.token;

  // Rows and weights are free as soon as the last slot was issued: what overwrites them takes
  // longer to arrive than the reads in flight.
  assign done_o = finish;
  assign done_free_rows_o = blk_q.free_rows;
  assign done_group_end_o = blk_q.group_end;
  assign done_program_end_o = blk_q.program_end;
  assign done_weights_used_o = blk_q.weights_used;
  assign done_bias_pairs_o = blk_q.bias_pairs;

  assign active_o = run_q;
  assign pacing_o = next_valid && !run_q && !paced;

  logic unused_bits;
  assign unused_bits = &{1'b0, act_addr_q, weight_addr_q, blk_q};
endmodule

`default_nettype wire
