// Max pooling 3x3 or 2x2, stride 2, of words that come tile by tile: one word a cycle, no stall.
//
// Tiles of a row come in descending order (the rightmost first), so that what a tile needs from
// its right has been seen; within a tile the channels ascend.  Two tiles 2T, 2T + 1 give the
// pooled tile T of P pixels.  A channel keeps {Z, W}: the first pixel of the tile to the right and
// the odd tile's word.
//
//   odd tile:   W := own word; Z := nothing if this is the rightmost tile
//   even tile:  raw = {Z, W, own word}: 2P + 1 pixels (W and Z nothing if rightmost)
//               h[x] = max(raw[2x], raw[2x+1](, raw[2x+2])), Z := own first pixel
//   then        m = v_use_i ? max(h, line[line_addr_i]) : h
//               line[line_addr_i] := v_store_row_i ? h : m;  v_emit_i: m is an output word
//
// With padded_i windows begin a row and a column ahead of the map, so a pooled tile T also needs the
// last pixel of tile 2T - 1, with which it ends; T = 0 ends with tile 0.
//
//   even tile:  h[x] = max(raw[2x-1], raw[2x](, raw[2x+1])), raw[-1] nothing yet
//               leftmost tile: then as above; else W := h
//   odd tile:   h = W, h[0] = max(h[0], own last pixel); then as above; W := own word
//
// "Nothing" is the smallest value, not zero: pixels from in_pixels_i on are nothing, and output
// pixels from out_pixels_i on become 0.  Inside, signed values have their sign bit flipped, so
// that all comparisons are unsigned and nothing is 0.
//
// Latency: an emitting word in cycle t gives valid_o and word_o in cycle t + Latency, Latency = 6.
// No handshake.  The channel memory is written 4 cycles and the line buffer 5 cycles after the
// input; a channel or line address must not come again within 5 cycles.

`default_nettype none

module fb_pool #(
  // Pixels of a word.
  parameter  int unsigned P         = 14,
  // Channels of a map.
  parameter  int unsigned ChanDepth = 512,
  // Words of a pooled row.
  parameter  int unsigned LineDepth = 1024,
  localparam int unsigned ChanBits  = $clog2(ChanDepth),
  localparam int unsigned LineBits  = $clog2(LineDepth),
  localparam int unsigned PixelBits = $clog2(P + 1),
  // Cycles from an emitting input to its output.
  localparam int unsigned Latency   = 6
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  input  wire logic                 valid_i,
  input  wire logic [P-1:0][7:0]    word_i,
  input  wire logic                 signed_i,
  input  wire logic                 kernel3_i,
  input  wire logic                 padded_i,
  input  wire logic [ChanBits-1:0]  chan_i,
  input  wire logic [LineBits-1:0]  line_addr_i,
  input  wire logic                 tile_odd_i,
  input  wire logic                 tile_first_i,   // rightmost tile of the row
  input  wire logic                 tile_last_i,    // leftmost tile of the row
  input  wire logic [PixelBits-1:0] in_pixels_i,
  input  wire logic [PixelBits-1:0] out_pixels_i,
  input  wire logic                 v_use_i,
  input  wire logic                 v_store_row_i,
  input  wire logic                 v_emit_i,

  output      logic                 valid_o,
  output      logic [P-1:0][7:0]    word_o
);

  function automatic logic [7:0] max2(input logic [7:0] a, input logic [7:0] b);
    max2 = (a > b) ? a : b;
  endfunction

  // Control, index = cycles since the input.
  logic [4:1]                valid_q;   // an input
  logic [5:1]                ends_q;    // an input that ends a pooled tile
  logic [Latency:1]          emit_q;
  logic [5:1]                signed_q;
  logic [2:1]                kernel3_q, first_q;
  logic [4:1]                padded_q, odd_q;
  logic [4:1][ChanBits-1:0]  chan_q;
  logic [5:1][LineBits-1:0]  line_q;
  logic [5:1][PixelBits-1:0] out_pixels_q;
  logic [4:1]                v_use_q, v_store_row_q;
  logic                      ends;

  assign ends = (tile_odd_i == padded_i) || (padded_i && tile_last_i);

  always_ff @(posedge clk_i) begin
    signed_q      <= {signed_q[4:1], signed_i};
    kernel3_q     <= {kernel3_q[1], kernel3_i};
    padded_q      <= {padded_q[3:1], padded_i};
    odd_q         <= {odd_q[3:1], tile_odd_i};
    first_q       <= {first_q[1], tile_first_i};
    chan_q        <= {chan_q[3:1], chan_i};
    line_q        <= {line_q[4:1], line_addr_i};
    out_pixels_q  <= {out_pixels_q[4:1], out_pixels_i};
    v_use_q       <= {v_use_q[3:1], v_use_i};
    v_store_row_q <= {v_store_row_q[3:1], v_store_row_i};
    if (!rst_ni) begin
      valid_q <= '0;
      ends_q  <= '0;
      emit_q  <= '0;
    end else begin
      valid_q <= {valid_q[3:1], valid_i};
      ends_q  <= {ends_q[4:1], valid_i && ends};
      emit_q  <= {emit_q[Latency-1:1], valid_i && ends && v_emit_i};
    end
  end

  // Cycles 1 and 2: nothing beyond the valid pixels; the channel memory answers.
  logic [P-1:0][7:0] own_2;

  for (genvar p = 0; p < P; p++) begin : gen_own
    logic [7:0] own_1_q, own_2_q;

    always_ff @(posedge clk_i) begin
      own_1_q <= (PixelBits'(p) < in_pixels_i) ? word_i[p] ^ {signed_i, 7'b0} : 8'd0;
      own_2_q <= own_1_q;
    end

    assign own_2[p] = own_2_q;
  end

  logic [7:0]        right_read, right_2, right_3_q, right_4_q;
  logic [P-1:0][7:0] odd_read, odd_2, own_3_q, own_4_q, row_4, kept_4;

  fb_ram #(
    .Width (8 * P + 8),
    .Depth (ChanDepth)
  ) u_channels (
    .clk_i     (clk_i),
    .wr_en_i   (valid_q[4]),
    .wr_addr_i (chan_q[4]),
    .wr_data_i ({right_4_q, kept_4}),
    .rd_en_i   (valid_i),
    .rd_addr_i (chan_i),
    .rd_data_o ({right_read, odd_read})
  );

  assign right_2 = first_q[2] ? '0 : right_read;
  assign odd_2   = first_q[2] ? '0 : odd_read;

  always_ff @(posedge clk_i) begin
    right_3_q <= odd_q[2] ? right_2 : own_2[0];
    right_4_q <= right_3_q;
    own_3_q   <= own_2;
    own_4_q   <= own_3_q;
  end

  assign kept_4 = (padded_q[4] && !odd_q[4]) ? row_4 : own_4_q;

  logic [2*P:0][7:0] raw;
  assign raw = {right_2, odd_2, own_2};

  logic [P-1:0][7:0] line_read, line_write;

  fb_ram #(
    .Width (8 * P),
    .Depth (LineDepth)
  ) u_line (
    .clk_i     (clk_i),
    .wr_en_i   (ends_q[5]),
    .wr_addr_i (line_q[5]),
    .wr_data_i (line_write),
    .rd_en_i   (ends_q[2]),
    .rd_addr_i (line_q[2]),
    .rd_data_o (line_read)
  );

  // Cycle 3: maxima of two neighbours; 4: with the third; 5: with the rows above; 6: the output.
  logic joins_2;   // an odd tile that joins the pooled tile to its right, which is in W
  logic narrow_2;  // a padded window of two columns, of which raw[2x] is the second

  assign joins_2 = padded_q[2] && odd_q[2];
  assign narrow_2 = padded_q[2] && !kernel3_q[2];

  for (genvar x = 0; x < P; x++) begin : gen_pixel
    logic [7:0] pair_3_q, third_3_q, row_4_q, max_5_q, store_5_q, out_6_q;
    logic [7:0] left_2, max_4;

    if (x == 0) begin : gen_edge
      assign left_2 = odd_q[2] ? own_2[P-1] : 8'd0;
    end else begin : gen_inside
      assign left_2 = odd_q[2] ? 8'd0 : raw[2*x-1];
    end

    assign row_4[x] = row_4_q;
    assign max_4 = v_use_q[4] ? max2(row_4_q, line_read[x]) : row_4_q;

    always_ff @(posedge clk_i) begin
      pair_3_q  <= joins_2 ? odd_2[x] : max2(raw[2*x], narrow_2 ? 8'd0 : raw[2*x+1]);
      third_3_q <= padded_q[2] ? left_2 : kernel3_q[2] ? raw[2*x+2] : 8'd0;
      row_4_q   <= max2(pair_3_q, third_3_q);
      max_5_q   <= max_4;
      store_5_q <= v_store_row_q[4] ? row_4_q : max_4;
      out_6_q   <= (PixelBits'(x) < out_pixels_q[5]) ? max_5_q ^ {signed_q[5], 7'b0} : 8'd0;
    end

    assign line_write[x] = store_5_q;
    assign word_o[x]     = out_6_q;
  end

  assign valid_o = emit_q[Latency];

endmodule

`default_nettype wire
