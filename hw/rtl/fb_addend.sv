// Fetches the stored map that a group adds to its results, in the order of the results.
//
// For every group with add_enable, row by row, tile by tile from right to left, one command a
// tile to a reader; the beats are packed into words, which wait in a FIFO until the results that
// they belong to pass by (pop_i).  The array cannot be stopped, so the planner starts a block only
// when word_o has counted words for all of its channels.  Fetching runs ahead as far as the FIFO
// has room, into later groups too, but never of what an earlier group has yet to write: a row is
// asked for when it has been written and acknowledged.  A tile that does not lie in the scratch
// space is not asked for: bounds_error_o instead.
//
// Handshakes: group_valid_i/group_ready_o, cmd, data: valid/ready; data_o is valid whenever
// pop_i is.  A group without an addition is taken at once.
`default_nettype none

module fb_addend #(
  parameter int unsigned Pixels = 14,
  parameter int unsigned WordBytes = 16,
  parameter int unsigned FifoWords = 512
) (
  input  wire                        clk_i,
  input  wire                        rst_ni,

  input  wire                        start_i,
  input  wire  [31:0]                scratch_addr_i,
  input  wire  [31:0]                scratch_end_i,   // nothing outside of the space is read

  input  wire                        group_valid_i,
  output logic                       group_ready_o,
  input  wire firebrick_pkg::group_t group_i,

  input  wire  [15:0]                written_seq_i,   // groups completely in memory
  input  wire  [9:0]                 written_rows_i,  // rows of the next one that are in memory

  output logic                       cmd_valid_o,
  input  wire                        cmd_ready_i,
  output logic [31:0]                cmd_addr_o,
  output logic [23:0]                cmd_beats_o,
  input  wire                        data_valid_i,
  output logic                       data_ready_o,
  input  wire  [63:0]                data_i,

  output logic                       word_o,          // a word has come into the FIFO
  input  wire                        pop_i,
  output logic [Pixels*8-1:0]        data_o,
  output logic                       bounds_error_o   // a tile outside of the space: not asked for
);
  localparam int unsigned WordBeats = WordBytes / 8;
  localparam int unsigned LaneBits = (WordBeats > 1) ? $clog2(WordBeats) : 1;
  localparam int unsigned WordShift = $clog2(WordBytes);

  typedef enum logic [1:0] {Take, Place, First, Ask} state_e;

  state_e      state_q;
  firebrick_pkg::group_t g_q;
  logic [15:0] seq_q;      // of g_q
  logic [9:0]  row_q;
  logic [7:0]  tile_q;
  logic        there_q;
  logic [31:0] addr_q;
  logic [31:0] back_q;     // bytes from a tile to the one on its left
  logic [31:0] jump_q;     // bytes from a row's first tile to the last one of the next row
  logic [31:0] left_q, down_q;           // the tile to the left, the next row's last one
  logic [9:0]  end_row_q;                // the group's last row
  logic        last_tile_q, last_row_q;
  logic [31:0] tile_bytes_q;
  logic        inside_q, due;
  logic [15:0] lag;
  logic        accept;

  assign lag = written_seq_i - (seq_q - {8'b0, g_q.add_wait_back});
  assign accept = cmd_valid_o && cmd_ready_i;

  assign group_ready_o = state_q == Take;
  assign due = (state_q == Ask) && there_q;
  assign cmd_valid_o = due && inside_q;
  assign cmd_addr_o = addr_q;
  assign cmd_beats_o = 24'(g_q.segment_words) << $clog2(WordBeats);

  always_ff @(posedge clk_i) begin
    // A cycle late, which is safe: rows only become more while a command waits, and they are
    // looked up anew after each command.
    there_q <= (!g_q.add_wait_enable || (!lag[15] && (lag != '0)) ||
                ((lag == '0) && (written_rows_i > row_q))) && (state_q == Ask) && !accept;
    back_q <= 32'(g_q.add_tile_words) << WordShift;
    tile_bytes_q <= 32'(g_q.segment_words) << WordShift;
    // As late as the rows, which are looked up anew when the address has moved on.
    inside_q <= (addr_q >= scratch_addr_i) &&
                (33'(addr_q) + 33'(tile_bytes_q) <= 33'(scratch_end_i));
    bounds_error_o <= due && !inside_q;
    jump_q <= 32'({g_q.add_last_tile, 1'b0} + 17'(g_q.add_tile_words)) << WordShift;

    // In time, too: commands are two cycles apart.
    left_q <= addr_q - back_q;
    down_q <= addr_q + jump_q;
    last_tile_q <= tile_q == 8'd1;
    end_row_q <= g_q.rows - 10'd1;
    last_row_q <= row_q == end_row_q;

    unique case (state_q)
      Take: if (group_valid_i) begin
        g_q <= group_i;
        if (group_i.add_enable) state_q <= Place;
        else seq_q <= seq_q + 16'd1;
      end
      Place: begin
        addr_q <= scratch_addr_i + g_q.add_offset;
        row_q <= '0;
        tile_q <= g_q.tiles;
        state_q <= First;
      end
      First: begin
        addr_q <= addr_q + (32'(g_q.add_last_tile) << WordShift);
        state_q <= Ask;
      end
      default: if (accept) begin  // Ask
        addr_q <= last_tile_q ? down_q : left_q;
        if (!last_tile_q) begin
          tile_q <= tile_q - 8'd1;
        end else begin
          tile_q <= g_q.tiles;
          row_q <= row_q + 10'd1;
          if (last_row_q) begin
            seq_q <= seq_q + 16'd1;
            state_q <= Take;
          end
        end
      end
    endcase

    if (!rst_ni || start_i) begin
      state_q <= Take;
      seq_q <= '0;
      there_q <= 1'b0;
      bounds_error_o <= 1'b0;
    end
  end

  // --------------------------------------------------------------------------- beats to words
  logic [WordBytes*8-1:0] lanes_q;
  logic [LaneBits-1:0]    lane_q;
  logic                   full_q;
  logic                   take, fifo_ready;
  logic                   unused_valid;
  logic [$clog2(FifoWords+1)-1:0] unused_level;

  assign data_ready_o = !full_q || fifo_ready;
  assign take = data_valid_i && data_ready_o;
  assign word_o = full_q && fifo_ready;

  for (genvar i = 0; i < WordBeats; i++) begin : gen_lane
    always_ff @(posedge clk_i) if (take && (lane_q == unsigned'(LaneBits'(i)))) lanes_q[64*i+:64] <= data_i;
  end

  always_ff @(posedge clk_i) begin
    if (take) lane_q <= (lane_q == LaneBits'(WordBeats - 1)) ? '0 : lane_q + LaneBits'(1);
    if (!rst_ni) begin
      lane_q <= '0;
      full_q <= 1'b0;
    end else if (take && (lane_q == LaneBits'(WordBeats - 1))) begin
      full_q <= 1'b1;
    end else if (fifo_ready) begin
      full_q <= 1'b0;
    end
  end

  fb_fifo #(
    .Width(Pixels * 8),
    .Depth(FifoWords)
  ) u_words (
    .clk_i,
    .rst_ni,
    .clear_i    (1'b0),
    .in_valid_i (full_q),
    .in_ready_o (fifo_ready),
    .in_data_i  (lanes_q[Pixels*8-1:0]),
    .out_valid_o(unused_valid),
    .out_ready_i(pop_i),
    .out_data_o (data_o),
    .level_o    (unused_level)
  );

  // Planner and row loader read the other fields.
  logic unused_bits;
  assign unused_bits = &{1'b0, g_q, lanes_q, lag};
endmodule

`default_nettype wire
