// The sequencer: walks through a group's rows, tiles, passes and blocks and hands the issuer one
// block after the other, as soon as what the block needs is there.
//
//   for each row: the squeeze row that runs `lead` rows ahead (pass 0, into the ring on chip),
//                 then the main row: for each tile, right to left:
//                   all blocks of pass 1, then all blocks of pass 2
//
// Of two rows in one (a fold) the ring is walked in rows of the map, two output rows at a time.
//
// With a tail the main row goes into a ring of two rows, and in front of the next one comes the tail
// row of the one before (pass 3, a 1x1 convolution: the squeeze layer of the next Fire module).
//
// Right to left, so that the pooling unit knows the first pixel of the tile to the right.
// The planner works on the next block while the current one runs (at least C cycles), so its
// steps may take several cycles each.  All waiting happens here: for weights, input rows, squeeze
// rows, words of the map to add, and room in the output FIFO; the last two are reserved before a
// block starts because the array cannot be stopped.
//
// Handshakes: group_valid_i/group_ready_o, block_valid_o/block_ready_i, segment_valid_o/
// segment_ready_i.  Latency: 3 cycles a block, 5 where a pass begins, 8 where a row begins, 12 with a stride
// of 2 or in a fold, 20 with both.
`default_nettype none

module fb_planner #(
  parameter int unsigned Pixels = 14,
  parameter int unsigned Channels = 32,
  parameter int unsigned WordBytes = 16,
  parameter int unsigned FifoWords = 512
) (
  input  wire          clk_i,
  input  wire          rst_ni,

  input  wire          start_i,         // a run begins: reset all counts
  input  wire  [31:0]  scratch_addr_i,
  input  wire  [31:0]  output_addr_i,
  input  wire  [31:0]  output_stride_i,
  input  wire  [31:0]  scratch_end_i,   // nothing outside of the two spaces is written
  input  wire  [31:0]  output_end_i,

  input  wire          group_valid_i,
  output logic         group_ready_o,
  input  wire firebrick_pkg::group_t  group_i,

  input  wire  [15:0]  weights_loaded_i, // weight words written since start, modulo 2^16
  input  wire  [15:0]  load_seq_i,       // group whose rows are being loaded
  input  wire  [9:0]   load_rows_i,      // rows of it that are complete
  input  wire          ring_row_done_i,  // a squeeze row has been written
  input  wire          tail_row_done_i,  // a main row has been written to the tail's ring
  input  wire          fifo_pop_i,       // a word has left the output FIFO
  input  wire          addend_word_i,    // a word of the map to add has come

  output logic         segment_valid_o,
  input  wire          segment_ready_i,
  output logic [31:0]  segment_addr_o,
  output logic [12:0]  segment_words_o,
  output logic         segment_sum_o,
  output logic [1:0]   segment_tag_o,    // bit 0: completes a row, bit 1: completes the group

  output logic         block_valid_o,
  input  wire          block_ready_i,
  output fb_block_pkg::block_t       block_o,

  output logic         wait_weights_o,
  output logic         wait_input_o,
  output logic         wait_output_o,
  output logic         wait_ring_o,
  output logic         fields_error_o,  // a block is not as its group's descriptor says
  output logic         bounds_error_o   // results would lie outside of their space
);
  localparam int unsigned WordShift = $clog2(WordBytes);
  localparam int unsigned RoomBits = $clog2(FifoWords + 1);

  typedef enum logic [3:0] {
    Idle, Check, Init, Row, Tile, PassLoad, PassInit, BlockPrep, BlockCheck, BlockWait, RowEnd, Advance, Next
  } state_e;

  state_e state_q;
  firebrick_pkg::group_t g_q;
  firebrick_pkg::pass_t  pass_q;

  // Ring pointers: the row `cur` that a consumer works on, and the row above it.
  logic [12:0] in_cur_q, in_prev_q, mid_cur_q, mid_prev_q, mid_wr_q;
  logic [9:0]  ahead_row_q;   // next squeeze row
  logic [9:0]  main_row_q;    // next main row
  logic [9:0]  end_row_q, mid_end_row_q;   // the group's last ones
  logic [11:0] in_row_q;      // source row of in_cur
  logic [9:0]  mid_done_q;    // squeeze rows written
  logic [4:0]  advance_q;     // steps of the input ring's pointer that are due, times 4

  typedef enum logic [1:0] {SqueezeRow, MainRow, TailRow} stage_e;
  stage_e      stage_q;
  logic        tail_due_q;    // a main row waits in the ring for its tail row
  logic        mains_done_q;  // all main rows of a group with a tail have been issued
  logic [9:0]  tail_row_q;    // next tail row
  logic [1:0]  tail_ready_q;  // main rows in the ring whose tail row is still to come
  logic [12:0] tail_base_q;   // ring word of this row: main rows write it, tail rows read it
  logic [12:0] tail_tile_q;
  logic [1:0]  pass_index_q;
  logic [7:0]  tile_q;
  logic [12:0] src_tile_q, mid_tile_q;
  logic [12:0] pool_tile_q;
  logic [7:0]  block_left_q;
  logic [12:0] chan_q;        // first channel of the block within the tile
  logic        tile_begin_q;  // no block of this tile has been issued yet
  logic        tile_moved_q;  // the tile is not the row's first
  logic [15:0] weight_ptr_q, weight_need_q, weight_base_q;
  logic [15:0] group_weights_q; // words up to the end of the group
  logic [15:0] weights_used_q; // words that no block behind the last one reads
  logic [11:0] bias_ptr_q, bias_next_q, bias_base_q;
  logic [7:0]  block_channels_q;
  logic [11:0] in_need_q;
  logic [9:0]  mid_need_q;
  logic        tile_writes_q; // this tile's results go to memory
  logic        row_adds_q;    // a stored map is added to this row's results
  logic        v_use_q, v_store_q, v_emit_q;
  logic        row_last_q;
  logic        stage_last_q;  // the last squeeze row, the last main row, or the last tail row
  logic [31:0] seg_row_q, seg_tile_q;
  logic [31:0] output_base_q;
  logic [15:0] seq_q;
  logic [RoomBits-1:0] room_q;
  logic [RoomBits-1:0] room_taken_q, addends_taken_q;
  logic [RoomBits-1:0] addends_q; // words of the map to add that no block has been promised

  // ---------------------------------------------------------------- waiting for what a block needs
  logic [15:0] weight_slack;
  logic [15:0] seq_slack;
  logic        weights_ok_q, input_ok_q, addends_ok_q, ring_ok_q, room_ok_q;
  logic        weights_ok, input_ok, addends_ok, ring_ok, room_ok;
  logic        inputs_ok;
  logic        output_ok;
  logic        go_q;           // all of the five
  logic        segment_due_q;
  logic        push;
  logic [31:0] low_q, high_q;  // the destination's space
  logic [31:0] segment_bytes_q;
  logic [32:0] segment_end_q;
  logic        above_q, below_q, in_space_q;
  logic [16:0] weight_end_q;   // words of the group up to the block's end
  logic [12:0] bias_end_q;     // pairs
  logic [12:0] chan_end_q;     // channels of the tile up to the block's end
  logic [12:0] tile_words_q;   // channels that the tile should have
  logic        astray_q;

  assign weight_slack = weights_loaded_i - weight_need_q;
  assign seq_slack = load_seq_i - seq_q;
  assign output_ok = room_ok_q && (!segment_due_q || segment_ready_i);

  // Looked up a cycle late, which is safe: while a block waits, what it needs only comes nearer.
  // BlockCheck is the cycle in which the needs of a new block are looked up first.
  assign weights_ok = !weight_slack[15];
  assign input_ok = pass_q.mid || (!seq_slack[15] && (seq_slack != '0)) ||
                    ((seq_slack == '0) && ({2'b0, load_rows_i} >= in_need_q));
  assign addends_ok = !row_adds_q || (16'(addends_q) >= 16'(block_channels_q));
  assign ring_ok = (stage_q == TailRow) ? (tail_ready_q != '0)
                                        : !pass_q.mid || (mid_done_q >= mid_need_q);
  assign room_ok = !tile_writes_q || (16'(room_q) >= 16'(block_channels_q));

  always_ff @(posedge clk_i) begin
    weights_ok_q <= weights_ok;
    input_ok_q <= input_ok;
    addends_ok_q <= addends_ok;
    ring_ok_q <= ring_ok;
    room_ok_q <= room_ok;
    go_q <= weights_ok && input_ok && addends_ok && ring_ok && room_ok;
  end

  assign inputs_ok = input_ok_q && addends_ok_q;
  assign block_valid_o = (state_q == BlockWait) && go_q && !astray_q &&
                         (!segment_due_q || (segment_ready_i && in_space_q));
  assign push = block_valid_o && block_ready_i;
  assign segment_valid_o = push && segment_due_q;

  assign wait_weights_o = (state_q == BlockWait) && !weights_ok_q;
  assign wait_input_o = (state_q == BlockWait) && weights_ok_q && !inputs_ok;
  assign wait_ring_o = (state_q == BlockWait) && weights_ok_q && inputs_ok && !ring_ok_q;
  assign wait_output_o = (state_q == BlockWait) && weights_ok_q && inputs_ok && ring_ok_q &&
                         !output_ok;

  assign group_ready_o = state_q == Idle;

  // ---------------------------------------------------------------------------------- the block
  logic last_block_q, last_pass_q, last_tile_q, first_tile_q, row_end, group_end, last_use;
  logic main_from_input;
  logic reads_input;   // this row's source is the input ring, which the row moves on
  logic writes_stage;  // this row's results go to memory, else to a ring

  // A block is the last one from BlockCheck on; pass and tile are when they have begun.
  always_ff @(posedge clk_i) begin
    last_pass_q <= (stage_q != MainRow) || (pass_index_q == 2'd2) || !g_q.p2_enable;
    last_tile_q <= tile_q == '0;
    first_tile_q <= tile_q + 8'd1 == g_q.tiles;
  end
  assign row_end = last_block_q && last_pass_q && last_tile_q;
  assign group_end = row_end && writes_stage && row_last_q;
  // Of a block's weights: they are used once a tile, and passes have theirs one behind the other.
  assign last_use = last_tile_q && stage_last_q;
  assign main_from_input = (stage_q == MainRow) && !g_q.p0_enable;
  assign reads_input = (stage_q == SqueezeRow) || main_from_input;
  assign writes_stage = stage_q == (g_q.p3_enable ? TailRow : MainRow);

  // A block whose weights, biases or channels are not those that its group has, or whose results
  // would lie outside of their space, never leaves.  What decides has been at rest since
  // BlockCheck at the latest, where the segment lies for longer.
  always_ff @(posedge clk_i) begin
    segment_bytes_q <= segment_sum_o ? 32'(g_q.segment_words) << 3
                                     : 32'(g_q.segment_words) << WordShift;
    segment_end_q <= 33'(seg_tile_q) + 33'(segment_bytes_q);
    above_q <= seg_tile_q >= low_q;
    below_q <= segment_end_q <= 33'(high_q);
    group_weights_q <= weight_base_q + g_q.weight_words;
    in_space_q <= above_q && below_q;
    tile_words_q <= writes_stage ? g_q.segment_words
                                 : (stage_q == MainRow) ? g_q.tail_tile_words : g_q.mid_tile_words;
    astray_q <= (weight_end_q > 17'(g_q.weight_words)) || (bias_end_q > 13'(g_q.bias_pairs)) ||
                (last_block_q && last_pass_q && (chan_end_q != tile_words_q));
  end

  // Where the block lies in its tile, padding and the like: at rest before BlockCheck.
  logic [12:0] base_q;         // word of the tile's first channel, where its results go
  logic [12:0] channels1_q;
  logic        in_top_q, in_bottom_q, mid_top_q, mid_bottom_q, in_right_q;
  logic [3:0]  free_rows_q;    // source rows that the row's end frees
  logic        folds_q;
  logic [5:0]  last_pixels_q;
  logic [2:0]  row_step;       // source rows from one output row's to the next one's
  assign row_step = folds_q ? {pass_q.stride, 1'b0} : {1'b0, pass_q.stride};
  logic        out_last_q;

  // Two computed tiles make a pooled one, which the left of them ends: where windows begin a column
  // ahead of the map the tile to the left of both, if there is one.
  logic [7:0]  pooled_tile;
  logic        ends_pooled;
  assign pooled_tile = {1'b0, tile_q[7:1]} + 8'(g_q.pool_padded && tile_q[0]);
  assign ends_pooled = (tile_q[0] == g_q.pool_padded) || (tile_q == '0);

  always_ff @(posedge clk_i) begin
    base_q <= writes_stage ? pool_tile_q
                           : (stage_q == MainRow) ? tail_base_q + tail_tile_q : mid_wr_q + mid_tile_q;
    channels1_q <= pass_q.channels - pass_q.phase1;
    in_top_q <= (pass_q.pad != '0) && (in_row_q == '0);
    in_right_q <= tile_q + 8'd1 >= g_q.src_tiles;
    mid_top_q <= (pass_q.pad != '0) && (main_row_q == '0);
    mid_bottom_q <= (pass_q.pad != '0) && (main_row_q == mid_end_row_q);
    free_rows_q <= !reads_input ? '0
                   : {1'b0, row_step} -
                     ((main_from_input && (main_row_q == '0)) ? {2'b0, pass_q.pad} : '0);
    folds_q <= g_q.load_fold != firebrick_pkg::FoldNone;
    last_pixels_q <= (g_q.odd_rows && stage_last_q) ? 6'(Pixels / 2) : g_q.last_pixels;
    out_last_q <= pooled_tile + 8'd1 == g_q.out_tiles;
  end

  // The block as it is in BlockCheck, handed over from BlockWait on.
  fb_block_pkg::block_t block;
  always_ff @(posedge clk_i) block_o <= block;

  always_comb begin
    block = '0;
    if (pass_q.mid) begin
      // Where the tail's ring ends does not matter to a kernel of one row.
      block.row_base = (stage_q == TailRow) ? tail_base_q
                                            : (pass_q.pad != '0) ? mid_prev_q : mid_cur_q;
      block.ring_base = g_q.mid_base;
      block.ring_end = g_q.mid_end;
      block.row_words = g_q.mid_row_words;
      block.tile_off = (stage_q == TailRow) ? tail_tile_q : mid_tile_q;
      block.tile_words = g_q.mid_tile_words;
      block.right_zero = first_tile_q;
      block.top_zero = mid_top_q;
      block.bottom_zero = mid_bottom_q;
    end else begin
      block.row_base = (pass_q.pad != '0) ? in_prev_q : in_cur_q;
      block.ring_base = g_q.in_base;
      block.ring_end = g_q.in_end;
      block.row_words = g_q.src_row_words;
      block.tile_off = src_tile_q;
      block.tile_words = g_q.src_tile_words;
      block.right_zero = in_right_q;
      block.top_zero = in_top_q;
      block.bottom_zero = in_bottom_q;
      block.half_first = g_q.half_first;
      block.half_last = g_q.half_last;
      block.fold = folds_q;
    end
    block.left_zero = last_tile_q;
    block.channels0 = pass_q.phase1;
    block.channels1 = channels1_q;
    block.kh = pass_q.kh;
    block.taps0 = pass_q.taps0;
    block.taps1 = pass_q.taps1;
    block.words0 = pass_q.words0;
    block.words1 = pass_q.words1;
    block.left = pass_q.left;
    block.src_signed = pass_q.src_signed;
    block.steps = pass_q.steps;
    block.weight_addr = weight_ptr_q;
    block.free_rows = row_end ? free_rows_q : '0;
    block.group_end = group_end;
    block.program_end = group_end && g_q.group_last;
    block.weights_used = group_end ? group_weights_q : last_use ? weight_need_q : weights_used_q;
    block.bias_pairs = g_q.bias_pairs;

    block.token.bias_addr = bias_ptr_q;
    block.token.channels = block_channels_q;
    block.token.pixels = first_tile_q ? last_pixels_q : 6'(Pixels);
    block.token.relu = pass_q.relu;
    block.token.chan = chan_q;
    block.token.tile_odd = tile_q[0];
    block.token.tile_first = first_tile_q;
    block.token.tile_last = last_tile_q;
    block.token.out_pixels = out_last_q ? g_q.out_last_pixels : 6'(Pixels);
    block.token.addr = base_q + chan_q;
    block.token.v_use = v_use_q;
    block.token.v_store_row = v_store_q;
    block.token.v_emit = tile_writes_q;
    block.token.kernel3 = g_q.pool_kernel3;
    block.token.padded = g_q.pool_padded;
    block.token.out_signed = g_q.out_signed;
    block.token.sum_init = (main_row_q == '0) && first_tile_q;
    block.token.sum_emit = tile_writes_q;
    block.token.row_end = row_end;
    block.token.add = row_adds_q;
    block.token.add_left = g_q.add_left;
    block.token.add_shifts_own = g_q.add_shifts_own;
    block.token.add_shift = g_q.add_shift;
    block.token.add_signed = g_q.add_signed;
    block.token.tail = stage_q == MainRow;
    if (!writes_stage) begin
      block.token.target = fb_block_pkg::ToRing;
    end else begin
      unique case (g_q.mode)
        firebrick_pkg::ModePool: block.token.target = fb_block_pkg::ToPool;
        firebrick_pkg::ModeSum:  block.token.target = fb_block_pkg::ToSum;
        default:  block.token.target = fb_block_pkg::ToMemory;
      endcase
    end
  end

  assign segment_addr_o = seg_tile_q;
  assign segment_words_o = g_q.segment_words;
  assign segment_sum_o = g_q.mode == firebrick_pkg::ModeSum;
  assign segment_tag_o = {last_tile_q && row_last_q, last_tile_q};

  // --------------------------------------------------------------------------------- the walk
  logic        take_ahead_q, row_ends_q, ahead_ends_q, tail_ends_q;
  logic [12:0] tail_odd_q;    // the second row of the tail's ring
  logic        take_tail, tail_row_odd;
  logic [13:0] in_step_q, mid_step_q, mid_wr_step_q;
  logic [12:0] in_next_q, mid_next_q, mid_wr_next_q;
  logic        window_odd;  // a row that begins no pooling window

  // Rows rest from RowEnd on, pointers long enough for their successors to take two cycles.
  always_ff @(posedge clk_i) begin
    take_ahead_q <= g_q.p0_enable && (ahead_row_q < g_q.mid_total) &&
                    (ahead_row_q <= main_row_q + 10'(g_q.lead));
    end_row_q <= g_q.rows - 10'd1;
    mid_end_row_q <= g_q.mid_total - 10'd1;
    row_ends_q <= main_row_q == end_row_q;
    ahead_ends_q <= ahead_row_q == mid_end_row_q;
    tail_ends_q <= tail_row_q == end_row_q;
    tail_odd_q <= g_q.tail_base + g_q.tail_row_words;
    in_step_q <= {1'b0, in_cur_q} + {1'b0, g_q.src_row_words};
    mid_step_q <= {1'b0, mid_cur_q} + {1'b0, g_q.mid_row_words};
    mid_wr_step_q <= {1'b0, mid_wr_q} + {1'b0, g_q.mid_row_words};
    in_next_q <= (in_step_q == g_q.in_end) ? g_q.in_base : in_step_q[12:0];
    mid_next_q <= (mid_step_q == g_q.mid_end) ? g_q.mid_base : mid_step_q[12:0];
    mid_wr_next_q <= (mid_wr_step_q == g_q.mid_end) ? g_q.mid_base : mid_wr_step_q[12:0];
  end
  assign window_odd = main_row_q[0] ^ g_q.pool_padded;
  assign take_tail = !take_ahead_q && tail_due_q;
  assign tail_row_odd = take_tail ? tail_row_q[0] : main_row_q[0];

  always_ff @(posedge clk_i) begin
    fields_error_o <= (state_q == BlockWait) && astray_q;
    bounds_error_o <= (state_q == BlockWait) && segment_due_q && !in_space_q;
    unique case (state_q)
      Idle: if (group_valid_i) begin
        g_q <= group_i;
        state_q <= Check;
      end
      Check: begin
        low_q <= (g_q.dst_space == firebrick_pkg::OutputSpace) ? output_addr_i : scratch_addr_i;
        high_q <= (g_q.dst_space == firebrick_pkg::OutputSpace) ? output_end_i : scratch_end_i;
        seg_row_q <= ((g_q.dst_space == firebrick_pkg::OutputSpace) ? output_base_q : scratch_addr_i) +
                     g_q.dst_offset;
        in_cur_q <= g_q.in_base;
        in_prev_q <= 13'(g_q.in_end - {1'b0, g_q.src_row_words});
        mid_cur_q <= g_q.mid_base;
        mid_wr_q <= g_q.mid_base;
        mid_prev_q <= 13'(g_q.mid_end - {1'b0, g_q.mid_row_words});
        ahead_row_q <= '0;
        main_row_q <= '0;
        tail_row_q <= '0;
        tail_due_q <= 1'b0;
        mains_done_q <= 1'b0;
        in_row_q <= '0;
        state_q <= Init;
      end
      Init: begin
        seg_row_q <= seg_row_q + (32'(g_q.dst_last_tile) << WordShift);
        state_q <= Row;
      end
      Row: begin
        stage_q <= take_ahead_q ? SqueezeRow : tail_due_q ? TailRow : MainRow;
        row_adds_q <= !take_ahead_q && g_q.add_enable;
        tile_q <= g_q.tiles - 8'd1;
        tile_moved_q <= 1'b0;
        src_tile_q <= g_q.src_last_tile;
        mid_tile_q <= g_q.mid_last_tile;
        tail_tile_q <= g_q.tail_last_tile;
        tail_base_q <= tail_row_odd ? tail_odd_q : g_q.tail_base;
        pool_tile_q <= g_q.pool_last_tile;
        seg_tile_q <= seg_row_q;
        row_last_q <= take_tail ? tail_ends_q : row_ends_q;
        stage_last_q <= take_ahead_q ? ahead_ends_q : take_tail ? tail_ends_q : row_ends_q;
        if (g_q.pool_kernel3) begin
          v_use_q <= main_row_q != '0;
          v_store_q <= !window_odd;
          v_emit_q <= (!window_odd && (main_row_q != '0)) ||
                      (window_odd && row_ends_q && g_q.pool_last_emit);
        end else begin
          v_use_q <= window_odd && (main_row_q != '0);
          v_store_q <= !window_odd;
          v_emit_q <= window_odd || (row_ends_q && g_q.pool_last_emit);
        end
        state_q <= Tile;
      end
      Tile: begin
        chan_end_q <= '0;
        tile_begin_q <= 1'b1;
        tile_moved_q <= 1'b1;
        if (tile_moved_q) begin
          src_tile_q <= src_tile_q - g_q.src_tile_words;
          mid_tile_q <= mid_tile_q - g_q.mid_tile_words;
          tail_tile_q <= tail_tile_q - g_q.tail_tile_words;
          if (tile_q[0] != g_q.pool_padded) pool_tile_q <= pool_tile_q - g_q.segment_words;
          // The tile to the right wrote a segment.
          if (tile_writes_q) seg_tile_q <= seg_tile_q - (32'(g_q.dst_tile_words) << WordShift);
        end
        pass_index_q <= (stage_q == SqueezeRow) ? 2'd0
                        : (stage_q == TailRow)  ? 2'd3
                        : g_q.p1_enable         ? 2'd1 : 2'd2;
        unique case (g_q.mode)
          firebrick_pkg::ModePool: tile_writes_q <= writes_stage && v_emit_q && ends_pooled &&
                                     (pooled_tile < g_q.out_tiles);
          firebrick_pkg::ModeSum:  tile_writes_q <= writes_stage && row_last_q && (tile_q == '0);
          default:  tile_writes_q <= writes_stage;
        endcase
        state_q <= PassLoad;
      end
      PassLoad: begin
        pass_q <= firebrick_pkg::get_pass(g_q, pass_index_q);
        segment_due_q <= tile_begin_q && tile_writes_q;
        state_q <= PassInit;
      end
      PassInit: begin
        // Where the pass before ended, as it were: BlockPrep goes on from there.
        weight_need_q <= weight_base_q + pass_q.weights;
        weight_end_q <= {1'b0, pass_q.weights};
        bias_next_q <= bias_base_q + pass_q.bias;
        bias_end_q <= {1'b0, pass_q.bias};
        block_left_q <= pass_q.blocks;
        in_need_q <= in_row_q + {8'b0, pass_q.kh} - {10'b0, pass_q.pad} + {10'b0, g_q.load_reach};
        in_bottom_q <= 1'b0;
        mid_need_q <= main_row_q + {6'b0, pass_q.kh} - {8'b0, pass_q.pad};
        state_q <= BlockPrep;
      end
      BlockPrep: begin
        weight_ptr_q <= weight_need_q;
        weight_need_q <= weight_need_q + pass_q.steps;
        weight_end_q <= weight_end_q + {1'b0, pass_q.steps};
        bias_ptr_q <= bias_next_q;
        bias_next_q <= bias_next_q + 12'(Channels / 2);
        bias_end_q <= bias_end_q + 13'(Channels / 2);
        chan_q <= chan_end_q;
        chan_end_q <= chan_end_q + ((block_left_q == 8'd1) ? 13'(pass_q.last) : 13'(Channels));
        block_channels_q <= (block_left_q == 8'd1) ? pass_q.last : 8'(Channels);
        last_block_q <= block_left_q == 8'd1;
        block_left_q <= block_left_q - 8'd1;
        // What is wanted below the last row is a row of zeros.
        if (in_need_q > {2'b0, g_q.src_rows}) begin
          in_need_q <= {2'b0, g_q.src_rows};
          in_bottom_q <= 1'b1;
        end
        if (mid_need_q > g_q.mid_total) mid_need_q <= g_q.mid_total;
        state_q <= BlockCheck;
      end
      BlockCheck: state_q <= BlockWait;
      BlockWait: if (push) begin
        tile_begin_q <= 1'b0;
        weights_used_q <= block_o.weights_used;
        segment_due_q <= 1'b0;
        if (!last_block_q) begin
          state_q <= BlockPrep;
        end else if (!last_pass_q) begin
          pass_index_q <= 2'd2;
          state_q <= PassLoad;
        end else if (!last_tile_q) begin
          tile_q <= tile_q - 8'd1;
          state_q <= Tile;
        end else begin
          state_q <= RowEnd;
        end
      end
      RowEnd: begin
        advance_q <= reads_input ? {row_step, 2'b0} : 5'd0;
        if (stage_q == SqueezeRow) begin
          ahead_row_q <= ahead_row_q + 10'd1;
          mid_wr_q <= mid_wr_next_q;
        end else if (stage_q == TailRow) begin
          tail_row_q <= tail_row_q + 10'd1;
          // Behind the last main row the tail rows of two are due.
          tail_due_q <= mains_done_q;
        end else begin
          main_row_q <= main_row_q + 10'd1;
          mid_prev_q <= mid_cur_q;
          mid_cur_q <= mid_next_q;
          tail_due_q <= g_q.p3_enable && ((main_row_q != '0) || row_last_q);
          mains_done_q <= row_last_q;
        end
        if (tile_writes_q) seg_row_q <= seg_row_q + (32'(g_q.dst_row_words) << WordShift);
        state_q <= Advance;
      end
      Advance: begin
        if (advance_q != '0) begin
          advance_q <= advance_q - 5'd1;
          // Every fourth cycle, so that in_next_q follows.
          if (advance_q[1:0] == '0) begin
            in_prev_q <= in_cur_q;
            in_cur_q <= in_next_q;
            in_row_q <= in_row_q + 12'd1;
          end
        end
        if (advance_q <= 5'd4) state_q <= (writes_stage && row_last_q) ? Next : Row;
      end
      Next: begin
        weight_base_q <= group_weights_q;
        bias_base_q <= bias_base_q + g_q.bias_pairs;
        seq_q <= seq_q + 16'd1;
        if (g_q.group_last) output_base_q <= output_base_q + output_stride_i;
        state_q <= Idle;
      end
      default: ;
    endcase

    // Squeeze rows that have arrived in the ring.
    if (state_q == Check) mid_done_q <= '0;
    else if (ring_row_done_i) mid_done_q <= mid_done_q + 10'd1;

    // Main rows in the tail's ring, until their tail row has been issued.
    if (state_q == Check) tail_ready_q <= '0;
    else tail_ready_q <= tail_ready_q + 2'(tail_row_done_i) -
                         2'((state_q == RowEnd) && (stage_q == TailRow));

    // What a block takes is counted off a cycle late, before the next one is looked at.
    room_taken_q <= (push && tile_writes_q) ? RoomBits'(block_channels_q) : '0;
    addends_taken_q <= (push && row_adds_q) ? RoomBits'(block_channels_q) : '0;
    room_q <= room_q + RoomBits'(fifo_pop_i) - room_taken_q;
    addends_q <= addends_q + RoomBits'(addend_word_i) - addends_taken_q;

    if (!rst_ni || start_i) begin
      state_q <= Idle;
      seq_q <= '0;
      weights_used_q <= '0;
      weight_base_q <= '0;
      bias_base_q <= '0;
      output_base_q <= output_addr_i;
      room_q <= RoomBits'(FifoWords);
      room_taken_q <= '0;
      addends_q <= '0;
      addends_taken_q <= '0;
      fields_error_o <= 1'b0;
      bounds_error_o <= 1'b0;
    end
  end

  // The loader reads its own fields from the group; these are of no use here.
  logic unused_wait, unused_fields;
  assign unused_wait = &{weight_slack[14:0], seq_slack[14:0]};
  assign unused_fields = &{1'b0, g_q, pass_q, unused_wait};
endmodule

`default_nettype wire
