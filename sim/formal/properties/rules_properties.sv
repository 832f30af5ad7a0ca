// What the engine takes for granted of a group that fb_rules lets pass, whatever its descriptor's
// bits are: no count is zero, nothing is longer than the memory that holds it, what is added to an
// address stays inside, and each index has its number of bits. And the other way round: a group
// that fulfils all of it is not refused. The descriptor rests (it is anyconst); the verdict is that
// of the third cycle and all that follow.
`default_nettype none

module rules_properties #(
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
  input wire logic clk_i
);
  (* anyconst *) firebrick_pkg::group_t g;
  logic too_large, senseless;

  fb_rules #(
    .Pixels       (Pixels),
    .Channels     (Channels),
    .Pump         (Pump),
    .ActWords     (ActWords),
    .WeightWords  (WeightWords),
    .BiasPairs    (BiasPairs),
    .PoolChannels (PoolChannels),
    .PoolLineWords(PoolLineWords),
    .Sums         (Sums)
  ) dut (
    .clk_i,
    .group_i    (g),
    .too_large_o(too_large),
    .senseless_o(senseless)
  );

  // channels are read Pump at a time
  function automatic logic sets(logic [12:0] channels);
    sets = Pump == 1 || !channels[0];
  endfunction

  function automatic logic odd(logic [12:0] channels);
    odd = channels[$clog2(Pump)];
  endfunction

  logic [1:0] age_q = '0;
  always_ff @(posedge clk_i) if (age_q != '1) age_q <= age_q + 2'd1;

  // In wide arithmetic, so that no sum overflows.
  logic passes, memories, pooled, counted, spaces, read, squeezed, stored, chained;
  logic folds, folded, halves, halved;
  logic pass_0, pass_1, pass_2, pass_3;

  assign passes = age_q == '1 && !too_large && !senseless;

  assign memories = 32'(g.in_end) <= ActWords && 32'(g.mid_end) <= ActWords &&
                    32'(g.weight_words) + 2 <= WeightWords && 32'(g.bias_pairs) + 2 <= BiasPairs &&
                    (!g.p3_enable || 32'(g.tail_base) + 2 * 32'(g.tail_row_words) <= ActWords);
  // a row of segments in the line buffer, a sum per word
  assign pooled = (g.mode != firebrick_pkg::ModePool ||
                   (32'(g.segment_words) <= PoolChannels &&
                    32'(g.pool_last_tile) + 32'(g.segment_words) <= PoolLineWords)) &&
                  (g.mode != firebrick_pkg::ModeSum || 32'(g.segment_words) <= Sums);
  assign counted = g.rows > 0 && g.tiles > 0 && g.out_tiles > 0 && g.src_rows > 0 &&
                   g.src_row_words > 0 && g.segment_words > 0 && g.in_rows > 0 &&
                   g.last_pixels > 0 && 32'(g.last_pixels) <= Pixels &&
                   g.load_row_words > 0 && g.load_phases != 2'd3 &&
                   (g.load_phases == 0 || g.load_tile_words > 0) && (g.p1_enable || g.p2_enable);
  // written is what may be, read is what there is; offsets are whole beats
  assign spaces = g.mode != 2'd3 && g.src_space != 2'd3 &&
                  (g.dst_space == firebrick_pkg::ScratchSpace ||
                   g.dst_space == firebrick_pkg::OutputSpace) &&
                  g.src_offset[2:0] == 0 && g.dst_offset[2:0] == 0 &&
                  (!g.add_enable || (g.add_offset[2:0] == 0 && g.mode != firebrick_pkg::ModeSum));
  // a row fits its ring
  assign read = 32'(g.in_base) + 32'(g.src_row_words) <= 32'(g.in_end);
  assign squeezed = !g.p0_enable ||
                    (32'(g.mid_base) + 32'(g.mid_row_words) <= 32'(g.mid_end) &&
                     g.mid_row_words > 0 && g.mid_total > 0);
  // the segment that is stored at a tile's address stays in the tile, the last tile in its row
  assign stored = g.mode == firebrick_pkg::ModeSum ||
                  (g.segment_words <= g.dst_tile_words &&
                   32'(g.dst_last_tile) + 32'(g.dst_tile_words) <= 32'(g.dst_row_words));
  // what leaves a tail is stored as it is, and is read from a ring that has rows
  assign chained = !g.p3_enable || (g.mode == firebrick_pkg::ModeDirect && !g.add_enable &&
                                    g.tail_row_words > 0);
  // two rows of one tile lie in halves of a ring's row: of pixels that have a middle, for a lone
  // convolution; where they are stored like that, all rows come, and in pairs
  assign folds = g.load_fold != firebrick_pkg::FoldNone;
  assign folded = g.load_fold <= firebrick_pkg::FoldStored &&
                  (Pixels % 2 == 0 || !(folds || g.odd_rows)) &&
                  (folds ? (g.load_reach == 2'd1 || g.load_reach == 2'd2) : g.load_reach == 0) &&
                  (!folds || (g.tiles == 1 && g.src_tiles == 1 && !g.p0_enable && !g.p3_enable)) &&
                  (g.load_fold != firebrick_pkg::FoldStored ||
                   (g.load_reach == 2'd1 && g.load_phases == 0 && !g.load_skip && !g.src_rows[0]));
  // channels that a kernel row reads the half of are an even number
  assign halves = g.half_first || g.half_last;
  assign halved = !halves || ((!g.p0_enable || g.p0_mid || !odd(g.p0_phase1)) &&
                              (!g.p1_enable || g.p1_mid || !odd(g.p1_phase1)) &&
                              (!g.p2_enable || g.p2_mid || !odd(g.p2_phase1)));
  assign pass_0 = !g.p0_enable || (g.p0_steps > 0 && g.p0_blocks > 0 && g.p0_last > 0 &&
                   32'(g.p0_last) <= Channels && g.p0_phase1 > 0 && g.p0_phase1 <= g.p0_channels &&
                   g.p0_kh > 0 && g.p0_taps0 > 0 && !g.p0_mid &&
                   sets(g.p0_phase1) && sets(g.p0_channels));
  assign pass_1 = !g.p1_enable || (g.p1_steps > 0 && g.p1_blocks > 0 && g.p1_last > 0 &&
                   32'(g.p1_last) <= Channels && g.p1_phase1 > 0 && g.p1_phase1 <= g.p1_channels &&
                   g.p1_kh > 0 && g.p1_taps0 > 0 && (!g.p1_mid || g.p0_enable) &&
                   sets(g.p1_phase1) && sets(g.p1_channels));
  assign pass_2 = !g.p2_enable || (g.p2_steps > 0 && g.p2_blocks > 0 && g.p2_last > 0 &&
                   32'(g.p2_last) <= Channels && g.p2_phase1 > 0 && g.p2_phase1 <= g.p2_channels &&
                   g.p2_kh > 0 && g.p2_taps0 > 0 && (!g.p2_mid || g.p0_enable) &&
                   sets(g.p2_phase1) && sets(g.p2_channels));
  assign pass_3 = !g.p3_enable || (g.p3_steps > 0 && g.p3_blocks > 0 && g.p3_last > 0 &&
                   32'(g.p3_last) <= Channels && g.p3_channels > 0 && sets(g.p3_channels));

  always_comb begin
    if (passes) begin
      a_memories: assert (memories);
      a_pooled: assert (pooled);
      a_counted: assert (counted);
      a_spaces: assert (spaces);
      a_read: assert (read);
      // no address of a row's words leaves the activation memory
      a_inside: assert (32'(g.in_base) + 32'(g.src_row_words) - 1 < ActWords);
      a_squeezed: assert (squeezed);
      a_stored: assert (stored);
      a_chained: assert (chained);
      // no word of the two rows in front of a tail either
      a_tail_inside: assert (!g.p3_enable ||
                             32'(g.tail_base) + 2 * 32'(g.tail_row_words) - 1 < ActWords);
      a_folded: assert (folded);
      a_halved: assert (halved);
      a_passes: assert (pass_0 && pass_1 && pass_2 && pass_3);
    end
    if (age_q == '1) begin
      a_large: assert (too_large == !(memories && pooled));
      a_senseless: assert (senseless == !(counted && spaces && read && squeezed && stored &&
                                          chained && folded && halved && pass_0 && pass_1 &&
                                          pass_2 && pass_3));
    end
    c_plain: cover (passes && g.mode == firebrick_pkg::ModeDirect && !g.p0_enable);
    c_fire: cover (passes && g.p0_enable && g.p1_enable && g.p1_mid && g.p2_enable && g.p2_mid);
    c_tail: cover (passes && g.p3_enable && g.p0_enable && g.p1_mid && g.p2_mid);
    c_chained: cover (passes && g.p3_enable && !g.p0_enable && g.p1_enable && g.p2_enable);
    c_pool: cover (passes && g.mode == firebrick_pkg::ModePool && g.add_enable);
    c_apart: cover (passes && g.load_fold == firebrick_pkg::FoldApart && g.load_reach == 2'd2 &&
                    g.load_phases == 2'd2 && g.half_first && g.half_last && g.odd_rows);
    c_stored: cover (passes && g.load_fold == firebrick_pkg::FoldStored && g.p1_enable &&
                     g.p2_enable && g.half_last);
    c_mid_halves: cover (passes && g.half_first && g.p0_enable && g.p1_mid && g.p1_phase1[0]);
    c_sum: cover (passes && g.mode == firebrick_pkg::ModeSum);
    c_full: cover (passes && 32'(g.in_end) == ActWords &&
                   32'(g.weight_words) == WeightWords - 2 && 32'(g.last_pixels) == Pixels);
    c_full_tail: cover (passes && g.p3_enable && g.tail_base > 0 &&
                        32'(g.tail_base) + 2 * 32'(g.tail_row_words) == ActWords);
  end
endmodule

`default_nettype wire
