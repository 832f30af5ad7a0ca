// The two products of a K step from LUTs: an element without a DSP block.
//
// A weight's two nibbles are multiplied side by side, two bits at a time, and added a cycle later.
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
  logic signed [10:0] thrice_d, thrice;
  logic signed [12:0] low0_q, low1_q, high0_q, high1_q;

  // Two bits of a weight are a digit.  Its multiple of an activation is chosen among four numbers, of
  // which only the threefold one is calculated, once for all digits.  So a bit of it is a function
  // of five bits, and adding one to another takes no more than a LUT a bit for either, where rows
  // of single bits take a LUT for each bit that is added.
  function automatic logic signed [10:0] times_digit(
    input logic signed [8:0] x, input logic signed [10:0] x_thrice, input logic [1:0] digit
  );
    logic signed [10:0] x_wide;
    x_wide = 11'(x);
    times_digit = digit[1] ? (digit[0] ? x_thrice : x_wide <<< 1) : (digit[0] ? x_wide : 11'sd0);
  endfunction

  function automatic logic [12:0] times_low(
    input logic signed [8:0] x, input logic signed [10:0] x_thrice, input logic [3:0] nibble
  );
    logic signed [10:0] first, rest, second;
    first = times_digit(x, x_thrice, nibble[1:0]);
    rest = first >>> 2;
    second = times_digit(x, x_thrice, nibble[3:2]);
    times_low = {rest + second, first[1:0]};
  endfunction

  // The upper digit of a signed nibble is -2, -1, 0 or 1.  A negative one's multiple is inverted, and
  // the one that it lacks then is carried in from a bit below.
  function automatic logic [12:0] times_high(
    input logic signed [8:0] x, input logic signed [10:0] x_thrice, input logic [3:0] nibble
  );
    logic signed [10:0] x_wide, first, rest, second;
    logic        [10:0] sum;
    x_wide = 11'(x);
    first = times_digit(x, x_thrice, nibble[1:0]);
    rest = first >>> 2;
    second = nibble[3] ? ~(nibble[2] ? x_wide : x_wide <<< 1) : (nibble[2] ? x_wide : 11'sd0);
    sum = 11'(({rest, nibble[3]} + {second, nibble[3]}) >> 1);
    times_high = {sum, first[1:0]};
  endfunction

  assign a0_d = weight_i[7:0];
  assign a1_d = weight_i[15:8] + {7'b0, weight_i[7]};
  assign thrice_d = 11'(signed'(act_i)) + (11'(signed'(act_i)) <<< 1);

  if (Late) begin : gen_late
    assign a0 = a0_d;
    assign a1 = a1_d;
    assign b = signed'(act_i);
    assign thrice = thrice_d;
  end else begin : gen_register
    logic        [7:0]  a0_q, a1_q;
    logic signed [8:0]  b_q;
    logic signed [10:0] thrice_q;

    always_ff @(posedge clk_i) begin
      a0_q     <= a0_d;
      a1_q     <= a1_d;
      b_q      <= signed'(act_i);
      thrice_q <= thrice_d;
    end
    assign a0 = a0_q;
    assign a1 = a1_q;
    assign b = b_q;
    assign thrice = thrice_q;
  end

  always_ff @(posedge clk_i) begin
    low0_q  <= signed'(times_low(b, thrice, a0[3:0]));
    low1_q  <= signed'(times_low(b, thrice, a1[3:0]));
    high0_q <= signed'(times_high(b, thrice, a0[7:4]));
    high1_q <= signed'(times_high(b, thrice, a1[7:4]));
  end

  assign product0_o = unsigned'(16'(low0_q) + (16'(high0_q) <<< 4));
  assign product1_o = unsigned'(16'(low1_q) + (16'(high1_q) <<< 4));
endmodule

`default_nettype wire
