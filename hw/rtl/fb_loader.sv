// Loads the rows of a group's source map into its ring in the activation memory.
//
// Runs at most one group ahead of the array.  A row is asked for when the ring has room and,
// where an earlier group produces the map, when that row has been written and acknowledged.
// A row that does not lie in its space is not asked for: bounds_error_o instead.
// Every row is one command to the reader; its beats are packed into words, which go to the
// memory's write port whenever the squeeze results leave it free.  They pass a register slice, for
// what is between the port and the reader's queue is long; a row is there when the slice is past.
//
// For a convolution with a stride of 2 the columns of a row are dealt out to two phases on their
// way, so that a tap stays a shift by whole pixels however the map is stored: two stored tiles
// become one tile of the ring, which has all channels of one phase and then, where both are wanted,
// all of the other:
//
//   stored  | tile 0: 0 1 2 3 | tile 1: 4 5 6 7 |     ring  | 0 2 4 6 | 1 3 5 7 |
//
// A word of the first stored tile fills the front of a word (and what is behind with zeros, which
// stay where the second tile does not exist), one of the second tile the rest.  With two phases a
// word is written in two cycles.
//
// A fold has two rows of the map in a word of the ring: that of ring row r has pixels of row r in
// its front half and of row r + reach in its back half, for every r, so that a kernel finds its rows
// wherever it begins.  The halves of a word that comes go to two rows of the ring; of a map that is
// stored folded it is written in two cycles, as it is and with its halves exchanged:
//
//   apart   | row r: a b |      front of ring row r, back of ring row r - reach
//   stored  | row 2i: a b, row 2i + 1: c d |     ring row 2i; then c d to the front of 2i + 1, a b to
//                                                the back of 2i - 1
//
// Handshakes: group_valid_i/group_ready_o, cmd, data: valid/ready; wr_valid_o/wr_ready_i.
`default_nettype none

module fb_loader #(
  parameter int unsigned Pixels = 14,
  parameter int unsigned WordBytes = 16,
  parameter int unsigned ActAddrBits = 12
) (
  input  wire                     clk_i,
  input  wire                     rst_ni,

  input  wire                     start_i,
  input  wire  [31:0]             input_addr_i,
  input  wire  [31:0]             input_stride_i,
  input  wire  [31:0]             scratch_addr_i,
  input  wire  [31:0]             output_addr_i,
  input  wire  [31:0]             input_end_i,       // nothing outside of the three spaces is read
  input  wire  [31:0]             scratch_end_i,
  input  wire  [31:0]             output_end_i,

  input  wire                     group_valid_i,
  output logic                    group_ready_o,
  input  wire firebrick_pkg::group_t             group_i,

  input  wire                     issue_done_i,      // a block has been issued
  input  wire  [3:0]              issue_free_rows_i,
  input  wire                     issue_group_end_i,
  input  wire  [15:0]             written_seq_i,     // groups completely in memory
  input  wire  [9:0]              written_rows_i,    // rows of the next one that are in memory

  output logic                    cmd_valid_o,
  input  wire                     cmd_ready_i,
  output logic [31:0]             cmd_addr_o,
  output logic [23:0]             cmd_beats_o,
  input  wire                     data_valid_i,
  output logic                    data_ready_o,
  input  wire  [63:0]             data_i,
  input  wire                     data_last_i,

  output logic                    wr_valid_o,
  input  wire                     wr_ready_i,
  output logic [ActAddrBits-1:0]  wr_front_addr_o,   // of the pixels before the middle (included)
  output logic [ActAddrBits-1:0]  wr_back_addr_o,    // of the others
  output logic                    wr_front_o,        // pixels before the middle are written too,
  output logic                    wr_middle_o,       // and the one in the middle of an odd number
  output logic [Pixels*8-1:0]     wr_data_o,

  output logic [15:0]             seq_o,             // group being loaded
  output logic [9:0]              rows_o,            // its rows that are complete
  output logic                    bounds_error_o     // a row outside of its space: not asked for
);
  localparam int unsigned WordBeats = WordBytes / 8;
  localparam int unsigned LaneBits = (WordBeats > 1) ? $clog2(WordBeats) : 1;
  localparam int unsigned WordShift = $clog2(WordBytes);
  localparam bit CanFold = Pixels % 2 == 0;

  typedef enum logic [2:0] {Take, Ahead, Setup, Ask, Finish} state_e;

  state_e      state_q;
  firebrick_pkg::group_t      g_q;
  logic [15:0] seq_q;        // of g_q
  logic [15:0] issue_seq_q;  // group that the array works on
  logic [9:0]  freed_q;      // its rows that are no longer needed
  logic [9:0]  asked_q, rows_q;
  logic [31:0] addr_q;
  logic [31:0] input_base_q;
  // Ring: first word of the row that comes, of those around it, and of the one after the next.
  logic [12:0] before_q, row_q, next_q, after;
  logic [13:0] next_end;
  logic        shift, shift_twice_q;
  logic        room_q, there_q, more_q;
  logic [31:0] low_q, high_q; // the source's space
  logic [31:0] row_bytes, row_step;
  logic        inside_q, due;
  logic [15:0] lag;
  logic [15:0] ahead;
  logic        current_q;    // the array works on g_q, or did a cycle ago
  logic [9:0]  in_ring;
  logic [10:0] asked_row;    // row of the source that is asked for next
  logic [9:0]  rows_each;
  logic        apart, stored; // two rows in a word, by the way in which they come

  assign ahead = seq_q - issue_seq_q;
  assign lag = written_seq_i - (seq_q - {8'b0, g_q.wait_back});
  assign asked_row = g_q.load_skip ? {asked_q, 1'b0} :
                     stored ? {2'b0, asked_q[9:1]} : {1'b0, asked_q};
  // Rows of a stored one.
  assign rows_each = stored ? 10'd2 : 10'd1;
  assign in_ring = asked_q - (current_q ? freed_q : '0);

  assign group_ready_o = state_q == Take;
  assign due = (state_q == Ask) && room_q && there_q && more_q;
  assign cmd_valid_o = due && inside_q;
  assign row_bytes = 32'(g_q.load_row_words) << WordShift;
  assign row_step = g_q.load_skip ? row_bytes << 1 : row_bytes;
  assign cmd_addr_o = addr_q;
  assign cmd_beats_o = 24'(g_q.load_row_words) << $clog2(WordBeats);
  assign seq_o = seq_q;
  assign rows_o = rows_q;

  // ------------------------------------------------------------------ beats to words to memory
  logic [WordBytes*8-1:0] lanes_q;
  logic [LaneBits-1:0]    lane_q;
  logic                   full_q, full_last_q;
  logic                   take, write;

  // The word of the second phase, which is written a cycle after the first one's.
  logic                   twin_q, twin_last_q, twin_back_q;
  logic [Pixels*8-1:0]    twin_data_q;
  logic [ActAddrBits-1:0] twin_front_addr_q, twin_back_addr_q;

  logic        split, both;      // columns are dealt out; both phases are kept
  logic        twins;            // a word is written in two cycles
  logic        back_q;           // the second one of two stored tiles
  logic [12:0] ptr_q;            // ring: word of the first phase
  logic [12:0] over_q, under_q;  // of a fold: in the row that the back half, or the front one, goes to
  logic [12:0] tile_q;           // first word of the tile
  logic [12:0] tile_next;
  logic [12:0] left_q;           // words of the stored tile, this one included
  logic        back;             // of the word that is written
  logic        odd;

  assign split = g_q.load_phases != '0;
  assign both = g_q.load_phases[1];
  assign apart = CanFold && (g_q.load_fold == firebrick_pkg::FoldApart);
  assign stored = CanFold && (g_q.load_fold == firebrick_pkg::FoldStored);
  assign twins = both || stored;

  // What goes into the slice.
  logic                   word_ready, word_front, word_middle, word_ends;
  logic [ActAddrBits-1:0] word_front_addr, word_back_addr;
  logic [Pixels*8-1:0]    word_data;
  logic                   wr_ends;       // out of it: the row is complete

  assign data_ready_o = !full_q || (word_ready && !twin_q);
  assign take = data_valid_i && data_ready_o;
  assign write = full_q && word_ready && !twin_q;

  assign next_end = {1'b0, next_q} + {1'b0, g_q.src_row_words};
  assign after = (next_end == g_q.in_end) ? g_q.in_base : next_end[12:0];
  // From row to row, and of a stored pair of them once more.
  assign shift = (write && full_last_q) || shift_twice_q || (state_q == Setup);
  assign tile_next = back_q ? tile_q + g_q.src_tile_words : tile_q;

  assign word_front_addr = twin_q ? twin_front_addr_q : ActAddrBits'(ptr_q);
  assign word_back_addr = twin_q ? twin_back_addr_q : ActAddrBits'(apart ? over_q : ptr_q);
  assign back = twin_q ? twin_back_q : back_q;
  assign odd = g_q.load_odd ^ twin_q;

  // Pixel q of a phase is column 2q of two tiles, or 2q + 1.
  logic [Pixels*8-1:0] even_pixels, odd_pixels, pixels, whole, exchanged;
  for (genvar q = 0; q < Pixels; q++) begin : gen_phase
    assign even_pixels[8*q+:8] = lanes_q[8*((2*q)%Pixels)+:8];
    assign odd_pixels[8*q+:8] = lanes_q[8*((2*q+1)%Pixels)+:8];
    // Whether it is one of the first tile's.
    localparam bit EvenFront = (2 * q) / Pixels == 0;
    localparam bit OddFront = (2 * q + 1) / Pixels == 0;
    assign word_data[8*q+:8] = (!split || apart || back || (odd ? OddFront : EvenFront))
                               ? pixels[8*q+:8] : '0;
    // The other half's pixel.
    assign exchanged[8*q+:8] = lanes_q[8*((q+Pixels/2)%Pixels)+:8];
    assign whole[8*q+:8] = (apart && (q >= Pixels / 2)) ? exchanged[8*q+:8] : lanes_q[8*q+:8];
  end
  assign pixels = twin_q ? twin_data_q : !split ? whole : g_q.load_odd ? odd_pixels : even_pixels;
  assign word_front = !split || !back;
  assign word_middle = word_front || odd;
  assign word_ends = twin_q ? twin_last_q : full_last_q && !twins;

  fb_slice #(
    .Width(Pixels * 8 + 2 * ActAddrBits + 3)
  ) u_words (
    .clk_i,
    .rst_ni     (rst_ni && !start_i),
    .in_valid_i (full_q || twin_q),
    .in_ready_o (word_ready),
    .in_data_i  ({word_ends, word_front, word_middle, word_front_addr, word_back_addr, word_data}),
    .out_valid_o(wr_valid_o),
    .out_ready_i(wr_ready_i),
    .out_data_o ({wr_ends, wr_front_o, wr_middle_o, wr_front_addr_o, wr_back_addr_o, wr_data_o})
  );

  for (genvar i = 0; i < WordBeats; i++) begin : gen_lane
    always_ff @(posedge clk_i) if (take && (lane_q == unsigned'(LaneBits'(i)))) lanes_q[64*i+:64] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (write) begin
      twin_data_q <= stored ? exchanged : g_q.load_odd ? even_pixels : odd_pixels;
      twin_front_addr_q <= stored ? ActAddrBits'(under_q)
                                  : ActAddrBits'(ptr_q) + ActAddrBits'(g_q.load_tile_words);
      twin_back_addr_q <= stored ? ActAddrBits'(over_q)
                                 : ActAddrBits'(apart ? over_q : ptr_q) +
                                   ActAddrBits'(g_q.load_tile_words);
      twin_back_q <= back_q;
      twin_last_q <= full_last_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      lane_q <= (lane_q == LaneBits'(WordBeats - 1)) ? '0 : lane_q + LaneBits'(1);
      full_last_q <= data_last_i;
    end
    if (take && (lane_q == LaneBits'(WordBeats - 1))) full_q <= 1'b1;
    else if (write) full_q <= 1'b0;

    if (write) begin
      over_q <= over_q + 13'd1;
      under_q <= under_q + 13'd1;
      if (split && (left_q == 13'd1)) begin
        ptr_q <= tile_next;
        tile_q <= tile_next;
        left_q <= g_q.load_tile_words;
        back_q <= !back_q;
      end else begin
        ptr_q <= ptr_q + 13'd1;
        left_q <= left_q - 13'd1;
      end
    end
    shift_twice_q <= write && full_last_q && stored;
    if (shift) begin
      before_q <= row_q;
      row_q <= next_q;
      next_q <= after;
      ptr_q <= next_q;
      over_q <= (g_q.load_reach == 2'd2) ? before_q : row_q;
      under_q <= after;
      tile_q <= next_q;
      left_q <= g_q.load_tile_words;
      back_q <= 1'b0;
    end
    if (write && twins) twin_q <= 1'b1;
    else if (word_ready) twin_q <= 1'b0;
    if (wr_valid_o && wr_ready_i && wr_ends) rows_q <= rows_q + rows_each;

    if (issue_done_i) begin
      freed_q <= issue_group_end_i ? '0 : freed_q + {6'b0, issue_free_rows_i};
      if (issue_group_end_i) issue_seq_q <= issue_seq_q + 16'd1;
    end

    // Late as well: until then rows that have been freed are taken for ones that are in the ring.
    current_q <= ahead == '0;

    // A cycle late, which is safe: room and rows only become more while a command waits, and
    // both are looked up anew after each command.
    room_q <= (in_ring < {2'b0, g_q.in_rows}) && !(cmd_valid_o && cmd_ready_i);
    there_q <= (!g_q.wait_enable || (!lag[15] && (lag != '0)) ||
                ((lag == '0) && ({1'b0, written_rows_i} > asked_row))) && !(cmd_valid_o && cmd_ready_i);

    // Right wherever room and rows are known: they are not in the cycle after a command.
    more_q <= asked_q != g_q.src_rows;

    // As late as room and rows, which are looked up anew when the address has moved on.
    inside_q <= (addr_q >= low_q) && (33'(addr_q) + 33'(row_bytes) <= 33'(high_q));
    bounds_error_o <= due && !inside_q;

    unique case (state_q)
      Take: if (group_valid_i) begin
        g_q <= group_i;
        state_q <= Ahead;
      end
      Ahead: begin
        // The row in front of the first one; the next state moves on to that.
        before_q <= 13'(g_q.in_end - {g_q.src_row_words, 1'b0});
        row_q <= 13'(g_q.in_end - {1'b0, g_q.src_row_words});
        next_q <= g_q.in_base;
        asked_q <= '0;
        rows_q <= '0;
        unique case (g_q.src_space)
          firebrick_pkg::InputSpace: begin
            addr_q <= input_base_q;
            low_q <= input_addr_i;
            high_q <= input_end_i;
          end
          firebrick_pkg::OutputSpace: begin
            addr_q <= output_addr_i;
            low_q <= output_addr_i;
            high_q <= output_end_i;
          end
          default: begin
            addr_q <= scratch_addr_i;
            low_q <= scratch_addr_i;
            high_q <= scratch_end_i;
          end
        endcase
        if (ahead <= 16'd1) state_q <= Setup;
      end
      Setup: begin
        addr_q <= addr_q + g_q.src_offset;
        room_q <= 1'b0;
        there_q <= 1'b0;
        state_q <= Ask;
      end
      Ask: begin
        if (cmd_valid_o && cmd_ready_i) begin
          asked_q <= asked_q + rows_each;
          addr_q <= addr_q + row_step;
        end
        if (asked_q == g_q.src_rows) state_q <= Finish;
      end
      default: if (rows_q == g_q.src_rows) begin  // Finish
        seq_q <= seq_q + 16'd1;
        rows_q <= '0;
        if (g_q.group_last) input_base_q <= input_base_q + input_stride_i;
        state_q <= Take;
      end
    endcase

    if (!rst_ni || start_i) begin
      state_q <= Take;
      full_q <= 1'b0;
      twin_q <= 1'b0;
      shift_twice_q <= 1'b0;
      lane_q <= '0;
      seq_q <= '0;
      issue_seq_q <= '0;
      freed_q <= '0;
      rows_q <= '0;
      bounds_error_o <= 1'b0;
      input_base_q <= input_addr_i;
    end
  end

  logic unused_bits;
  assign unused_bits = &{1'b0, g_q, lanes_q};
endmodule

`default_nettype wire
