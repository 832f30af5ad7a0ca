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
//               m = v_use_i ? max(h, line[line_addr_i]) : h
//               line[line_addr_i] := v_store_row_i ? h : m;  v_emit_i: m is an output word
//
// "Nothing" is the smallest value, not zero: pixels from in_pixels_i on are nothing, and output
// pixels from out_pixels_i on become 0.  Inside, signed values have their sign bit flipped, so
// that all comparisons are unsigned and nothing is 0.
//
// Latency: an emitting word in cycle t gives valid_o and word_o in cycle t + Latency, Latency = 6.
// No handshake.  The channel memory is written 3 cycles and the line buffer 5 cycles after the
// input; a channel or line address must not come again within 4 cycles.

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
  input  wire logic [ChanBits-1:0]  chan_i,
  input  wire logic [LineBits-1:0]  line_addr_i,
  input  wire logic                 tile_odd_i,
  input  wire logic                 tile_first_i,   // rightmost tile of the row
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
  logic [3:1]                valid_q;   // an input
  logic [5:1]                even_q;    // an input of an even tile
  logic [Latency:1]          emit_q;
  logic [5:1]                signed_q;
  logic [2:1]                kernel3_q;
  logic [2:1]                odd_q, first_q;
  logic [3:1][ChanBits-1:0]  chan_q;
  logic [5:1][LineBits-1:0]  line_q;
  logic [5:1][PixelBits-1:0] out_pixels_q;
  logic [4:1]                v_use_q, v_store_row_q;

  always_ff @(posedge clk_i) begin
    signed_q      <= {signed_q[4:1], signed_i};
    kernel3_q     <= {kernel3_q[1], kernel3_i};
    odd_q         <= {odd_q[1], tile_odd_i};
    first_q       <= {first_q[1], tile_first_i};
    chan_q        <= {chan_q[2:1], chan_i};
    line_q        <= {line_q[4:1], line_addr_i};
    out_pixels_q  <= {out_pixels_q[4:1], out_pixels_i};
    v_use_q       <= {v_use_q[3:1], v_use_i};
    v_store_row_q <= {v_store_row_q[3:1], v_store_row_i};
    if (!rst_ni) begin
      valid_q <= '0;
      even_q  <= '0;
      emit_q  <= '0;
    end else begin
      valid_q <= {valid_q[2:1], valid_i};
      even_q  <= {even_q[4:1], valid_i && !tile_odd_i};
      emit_q  <= {emit_q[Latency-1:1], valid_i && !tile_odd_i && v_emit_i};
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

  logic [7:0]        right_read, right_2, right_write_q;
  logic [P-1:0][7:0] odd_read, odd_2, odd_write_q;

  fb_ram #(
    .Width (8 * P + 8),
    .Depth (ChanDepth)
  ) u_channels (
    .clk_i     (clk_i),
    .wr_en_i   (valid_q[3]),
    .wr_addr_i (chan_q[3]),
    .wr_data_i ({right_write_q, odd_write_q}),
    .rd_en_i   (valid_i),
    .rd_addr_i (chan_i),
    .rd_data_o ({right_read, odd_read})
  );

  assign right_2 = first_q[2] ? '0 : right_read;
  assign odd_2   = first_q[2] ? '0 : odd_read;

  always_ff @(posedge clk_i) begin
    right_write_q <= odd_q[2] ? right_2 : own_2[0];
    odd_write_q   <= own_2;
  end

  logic [2*P:0][7:0] raw;
  assign raw = {right_2, odd_2, own_2};

  logic [P-1:0][7:0] line_read, line_write;

  fb_ram #(
    .Width (8 * P),
    .Depth (LineDepth)
  ) u_line (
    .clk_i     (clk_i),
    .wr_en_i   (even_q[5]),
    .wr_addr_i (line_q[5]),
    .wr_data_i (line_write),
    .rd_en_i   (even_q[2]),
    .rd_addr_i (line_q[2]),
    .rd_data_o (line_read)
  );

  // Cycle 3: maxima of two neighbours; 4: with the third; 5: with the rows above; 6: the output.
  for (genvar x = 0; x < P; x++) begin : gen_pixel
    logic [7:0] pair_3_q, third_3_q, row_4_q, max_5_q, store_5_q, out_6_q;
    logic [7:0] max_4;

    assign max_4 = v_use_q[4] ? max2(row_4_q, line_read[x]) : row_4_q;

    always_ff @(posedge clk_i) begin
      pair_3_q  <= max2(raw[2*x], raw[2*x+1]);
      third_3_q <= kernel3_q[2] ? raw[2*x+2] : 8'd0;
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
