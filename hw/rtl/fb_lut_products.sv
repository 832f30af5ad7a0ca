// The two products of a K step from LUTs: an element without a DSP block.
//
// A weight's two nibbles are multiplied side by side and added a cycle later.
// Latency: operands in cycle t give products in cycle t + 2, which are not registered; with
// Late = 1, for operands that come a cycle later than they should, in cycle t + 1.
// No handshake and no reset.

`default_nettype none

module fb_lut_products #(
  // 1: without the register in front.
  parameter bit Late = 1'b0
) (
  input  wire logic               clk_i,
  input  wire logic [8:0]         act_i,
  input  wire logic [15:0]        weight_i,     // {w1 - (w0 < 0), w0}
  output      logic [15:0]        product0_o,
  output      logic [15:0]        product1_o
);
  logic        [7:0]  a0_d, a1_d, a0, a1;
  logic signed [8:0]  b;
  logic signed [12:0] low0_q, low1_q, high0_q, high1_q;

  function automatic logic signed [12:0] times_nibble(
    input logic signed [8:0] x, input logic [3:0] nibble, input logic is_signed
  );
    logic signed [12:0] x_wide, pair, eights;
    x_wide = 13'(x);
    pair   = (nibble[0] ? x_wide : 13'sd0) + (nibble[1] ? x_wide <<< 1 : 13'sd0);
    eights = nibble[3] ? x_wide <<< 3 : 13'sd0;
    pair   = pair + (nibble[2] ? x_wide <<< 2 : 13'sd0);
    times_nibble = is_signed ? pair - eights : pair + eights;
  endfunction

  assign a0_d = weight_i[7:0];
  assign a1_d = weight_i[15:8] + {7'b0, weight_i[7]};

  if (Late) begin : gen_late
    assign a0 = a0_d;
    assign a1 = a1_d;
    assign b = signed'(act_i);
  end else begin : gen_register
    logic        [7:0] a0_q, a1_q;
    logic signed [8:0] b_q;

    always_ff @(posedge clk_i) begin
      a0_q <= a0_d;
      a1_q <= a1_d;
      b_q  <= signed'(act_i);
    end
    assign a0 = a0_q;
    assign a1 = a1_q;
    assign b = b_q;
  end

  always_ff @(posedge clk_i) begin
    low0_q  <= times_nibble(b, a0[3:0], 1'b0);
    low1_q  <= times_nibble(b, a1[3:0], 1'b0);
    high0_q <= times_nibble(b, a0[7:4], 1'b1);
    high1_q <= times_nibble(b, a1[7:4], 1'b1);
  end

  assign product0_o = unsigned'(16'(low0_q) + (16'(high0_q) <<< 4));
  assign product1_o = unsigned'(16'(low1_q) + (16'(high1_q) <<< 4));
endmodule

`default_nettype wire
