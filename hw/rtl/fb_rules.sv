// What a group's descriptor must fulfil before anybody acts on it, so that no descriptor, whoever
// wrote it, makes the engine hang, or its masters ask for what a bus does not take.
//
// A rule is either of capacity - the group needs more than this engine has - or of sense: counts
// that are zero, channels that an array does not have, a ring that does not hold a row.  Where
// addresses may lie is checked where they are used, and what the blocks of a group use of weights,
// biases and channels by the planner, block by block.  hw/descriptor_rules.py has the same rules.
//
// Latency: group_i must rest for two cycles; the verdict is there in the third.
`default_nettype none

module fb_rules #(
  parameter int unsigned Pixels = 14,
  parameter int unsigned Channels = 32,
  parameter int unsigned Pump = 1,
  parameter int unsigned ActWords = 4096,
  parameter int unsigned WeightWords = 8192,
  parameter int unsigned BiasPairs = 1024,
  parameter int unsigned PoolChannels = 512,
  parameter int unsigned PoolLineWords = 1024,
  parameter int unsigned Sums = 1024
) (
  input  wire                          clk_i,
  input  wire firebrick_pkg::group_t   group_i,
  output logic                         too_large_o,
  output logic                         senseless_o
);
  firebrick_pkg::group_t g;
  assign g = group_i;

  logic is_pool, is_sum;
  assign is_pool = g.mode == firebrick_pkg::ModePool;
  assign is_sum = g.mode == firebrick_pkg::ModeSum;

  // ---------------------------------------------------------------------------------- capacity
  logic memories_q, pooling_q, sums_q;

  always_ff @(posedge clk_i) begin
    memories_q <= (32'(g.in_end) > ActWords) || (32'(g.mid_end) > ActWords) ||
                  (g.p3_enable && (32'(g.tail_base) + (32'(g.tail_row_words) << 1) > ActWords)) ||
                  (32'(g.weight_words) > WeightWords - 2) || (32'(g.bias_pairs) > BiasPairs - 2);
    pooling_q <= is_pool && ((32'(g.segment_words) > PoolChannels) ||
                             (32'(g.pool_last_tile) + 32'(g.segment_words) > PoolLineWords));
    sums_q <= is_sum && (32'(g.segment_words) > Sums);
    too_large_o <= memories_q || pooling_q || sums_q;
  end

  // ------------------------------------------------------------------------------------- sense
  logic       counts_q, spaces_q, rings_q, stored_q;
  logic       tail_q, folds_q, stored_folds_q;
  logic [3:0] pass_q;
  logic       folds, stored_folds;
  assign folds = g.load_fold != firebrick_pkg::FoldNone;
  assign stored_folds = g.load_fold == firebrick_pkg::FoldStored;

  // A pass that runs has steps, blocks and taps, drains channels that the array has, and reads a
  // map that is there, whose channels come in sets of Pump.  Its width differs from pass to pass, hence the arguments one by one.
  function automatic logic senseless_pass(
    input logic enable, input logic mid, input logic mid_allowed, input logic [15:0] steps,
    input logic [7:0] blocks, input logic [7:0] last, input logic [12:0] channels,
    input logic [12:0] phase1, input logic [3:0] kh, input logic [2:0] taps0, input logic halves
  );
    senseless_pass = enable && ((steps == '0) || (blocks == '0) || (last == '0) ||
                                (32'(last) > Channels) || (phase1 == '0) || (phase1 > channels) ||
                                (32'(phase1) % Pump != 0) || (32'(channels) % Pump != 0) ||
                                (kh == '0) || (taps0 == '0) || (mid && !mid_allowed) ||
                                (halves && !mid && (32'(phase1) % (2 * Pump) != 0)));
  endfunction

  always_ff @(posedge clk_i) begin
    counts_q <= (g.rows == '0) || (g.tiles == '0) || (g.out_tiles == '0) || (g.src_rows == '0) ||
                (g.src_row_words == '0) || (g.segment_words == '0) || (g.in_rows == '0) ||
                (g.load_row_words == '0) || (g.load_phases == 2'd3) ||
                ((g.load_phases != '0) && (g.load_tile_words == '0)) ||
                (g.last_pixels == '0) || (32'(g.last_pixels) > Pixels) ||
                !(g.p1_enable || g.p2_enable);
    spaces_q <= (g.mode == 2'd3) || (g.src_space == 2'd3) ||
                !((g.dst_space == firebrick_pkg::ScratchSpace) ||
                  (g.dst_space == firebrick_pkg::OutputSpace)) ||
                (|g.src_offset[2:0]) || (|g.dst_offset[2:0]) || (g.add_enable && (|g.add_offset[2:0])) ||
                (is_sum && g.add_enable);
    rings_q <= (15'(g.in_base) + 15'(g.src_row_words) > 15'(g.in_end)) ||
               (g.p0_enable && ((15'(g.mid_base) + 15'(g.mid_row_words) > 15'(g.mid_end)) ||
                                (g.mid_row_words == '0) || (g.mid_total == '0)));
    stored_q <= !is_sum && ((g.dst_tile_words < g.segment_words) ||
                            (17'(g.dst_last_tile) + 17'(g.dst_tile_words) > 17'(g.dst_row_words)));
    // What a tail hands on is a map as it is; it has no operand to add.
    tail_q <= g.p3_enable && ((g.mode != firebrick_pkg::ModeDirect) || g.add_enable ||
                              (g.tail_row_words == '0));
    // Two rows in one: of one tile, in halves of a word, and of a lone convolution.
    folds_q <= (g.load_fold == 2'd3) || (g.load_reach == 2'd3) || (folds != (g.load_reach != '0)) ||
               ((folds || g.odd_rows) && (Pixels % 2 == 1)) ||
               (folds && ((g.src_tiles != 8'd1) || (g.tiles != 8'd1) || g.p0_enable || g.p3_enable));
    stored_folds_q <= stored_folds && ((g.load_phases != '0) || g.load_skip || g.src_rows[0] ||
                                       (g.load_reach != 2'd1));
    pass_q <= {
      senseless_pass(g.p3_enable, 1'b1, 1'b1, g.p3_steps, g.p3_blocks, g.p3_last,
                     g.p3_channels, g.p3_channels, 4'd1, 3'd1, 1'b0),
      senseless_pass(g.p2_enable, g.p2_mid, g.p0_enable, g.p2_steps, g.p2_blocks, g.p2_last,
                     g.p2_channels, g.p2_phase1, g.p2_kh, g.p2_taps0,
                     g.half_first || g.half_last),
      senseless_pass(g.p1_enable, g.p1_mid, g.p0_enable, g.p1_steps, g.p1_blocks, g.p1_last,
                     g.p1_channels, g.p1_phase1, g.p1_kh, g.p1_taps0,
                     g.half_first || g.half_last),
      senseless_pass(g.p0_enable, g.p0_mid, 1'b0, g.p0_steps, g.p0_blocks, g.p0_last,
                     g.p0_channels, g.p0_phase1, g.p0_kh, g.p0_taps0,
                     g.half_first || g.half_last)
    };
    senseless_o <= counts_q || spaces_q || rings_q || stored_q || tail_q || folds_q ||
                   stored_folds_q || (|pass_q);
  end

  // The other fields have no rule of their own.
  logic unused_fields;
  assign unused_fields = &{1'b0, g};
endmodule

`default_nettype wire
