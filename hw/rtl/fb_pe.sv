// Processing element: two multiply-accumulates a cycle with one DSP48E1, or four (Pump = 2).
//
// The operand A = w1 * 2^17 + w0 multiplies one activation, so that both products leave one
// multiplier.  It travels as 16 bits, {w1 - (w0 < 0), w0}: the nine bits between the two bytes are
// copies of w0's sign.  Weights lie within +-127 and activations within -128..255, so a product is
// at most 127 * 255 < 2^15 in magnitude.  Adding 2^16 makes the low 17 bits of the sum positive:
// nothing is borrowed from the high field, and the low 16 bits read as a signed number are w0 * x.
// The low field has room for a second product (2 * 127 * 255 < 2^16), the sign then being ~p[16].
//
//   act_i ->[act]-> act_o           weight_i ->[weight]-> weight_o (downwards)
//              \                          |
//              [b]--------( * )---------[a]      DSP: A, B, M and P registers
//                          [m]
//                      (+ 2^16) -> [p] -> sum = acc + field, acc: the low field's and the high's
//   sum_o <- [last ? sum0 : a cycle later ? held sum1 : sum_i] <- sum_i   (leftwards)
//
// The last sums leave in that cycle, so the accumulators can be cleared by their registers' own
// reset: choosing between them and zero before the adder would cost a LUT a bit.  The low field's
// sum goes to the chain, the high field's into a register from which it follows a cycle later.  So
// one chain serves both: a LUT of five inputs a bit, where a chain for each takes two LUTs.
//
// Latency: an activation and its weights presented in cycle t are accumulated in cycle t + 4 and,
// if they are the last ones, their sums are on sum_o in cycles t + 5 (low field) and t + 6.  first_i
// belongs to the step presented 2 cycles before it, last_i to the step presented 3 cycles before
// it; last_i does not come in two cycles one behind the other.
// act_o, weight_o, first_o and last_o follow their inputs by 1 cycle.
// No handshake and no reset: garbage between blocks is never captured.
//
// Pump = 2 takes two K steps at once, each an activation and its weights; their products are added
// before they are accumulated.  The latency is the same.  With FastClock = 1 one DSP48E1 makes both
// products at twice the clock (fb_pumped_dsp); the second K step's operands then come a cycle after
// the first one's.  Without it there are two multipliers, which give the same in every cycle: a
// model that simulates quickly.
//
// UseDsp = 0 builds the multipliers from LUTs, with the same latency.

`default_nettype none

module fb_pe #(
  // Width of the accumulators.
  parameter int unsigned AccBits = 24,
  // K steps taken at once: 1 or 2.
  parameter int unsigned Pump    = 1,
  // 1: the multiplier runs at twice the clock (Pump = 2).
  parameter bit          FastClock = 1'b0,
  // 1: one DSP48E1; 0: LUTs.
  parameter bit          UseDsp  = 1'b1
) (
  input  wire logic                      clk_i,
  input  wire logic                      clk_fast_i,   // with FastClock: twice clk_i, in phase
  input  wire logic                      phase_i,      // ... the second half of clk_i's cycle
  output      logic                      phase_o,      // the other way round, a fast cycle later

  // Of each K step, the first one lowest: a vector, for an array of them in a generate block is
  // more than yosys reads.
  input  wire logic [9*Pump-1:0]         act_i,
  output      logic [9*Pump-1:0]         act_o,
  input  wire logic [16*Pump-1:0]        weight_i,
  output      logic [16*Pump-1:0]        weight_o,

  input  wire logic                      first_i,
  output      logic                      first_o,
  input  wire logic                      last_i,
  output      logic                      last_o,

  input  wire logic signed [AccBits-1:0] sum_i,
  output      logic signed [AccBits-1:0] sum_o
);

  // One product fits 16 bits, the sum of two 17.
  localparam int unsigned ProductBits = 15 + Pump;

  logic [9*Pump-1:0]         act_q;
  logic [16*Pump-1:0]        weight_q;
  logic                      first_q, last_q, late_q;
  logic signed [ProductBits-1:0] product0, product1;
  logic signed [AccBits-1:0] acc0_q, acc1_q, sum0, sum1, hold_q, sum_q;

  always_ff @(posedge clk_i) begin
    act_q    <= act_i;
    weight_q <= weight_i;
    first_q  <= first_i;
    last_q   <= last_i;
    late_q   <= last_q;
  end

  // Every element has a register of its own for the phase.
  if (FastClock) begin : gen_phase
    logic phase_q;
    always_ff @(posedge clk_fast_i) phase_q <= !phase_i;
    assign phase_o = phase_q;
  end else begin : gen_no_phase
    assign phase_o = 1'b0;

    logic unused_fast;
    assign unused_fast = &{1'b0, clk_fast_i, phase_i};
  end

  if (UseDsp && FastClock) begin : gen_fast
    fb_pumped_dsp u_dsp (
      .clk_i,
      .clk_fast_i,
      .phase_i   (phase_o),
      .act0_i    (act_q[8:0]),
      .weight0_i (weight_q[15:0]),
      .act1_i    (act_q[9*Pump-1-:9]),
      .weight1_i (weight_q[16*Pump-1-:16]),
      .product0_o(product0),
      .product1_o(product1)
    );
  end else if (UseDsp && Pump == 1) begin : gen_dsp
    logic signed [24:0] a_q;
    logic signed [8:0]  b_q;
    logic signed [33:0] m_q, p_q;

    always_ff @(posedge clk_i) begin
      a_q <= signed'({weight_q[15:8], {9{weight_q[7]}}, weight_q[7:0]});
      b_q <= signed'(act_q[8:0]);
      m_q <= a_q * b_q;
      p_q <= m_q + 34'sd65536;
    end

    assign product0 = signed'(p_q[15:0]);
    assign product1 = signed'(p_q[32:17]);

    logic unused_bits;
    assign unused_bits = &{1'b0, p_q[33], p_q[16]};
  end else if (UseDsp) begin : gen_pumped
    logic        [15:0] weight1;
    logic signed [24:0] a0_q, a1_q;
    logic signed [8:0]  b0_q, b1_q;
    logic signed [33:0] m0_q, m1_q, p_q;

    assign weight1 = weight_q[16*Pump-1-:16];

    always_ff @(posedge clk_i) begin
      a0_q <= signed'({weight_q[15:8], {9{weight_q[7]}}, weight_q[7:0]});
      a1_q <= signed'({weight1[15:8], {9{weight1[7]}}, weight1[7:0]});
      b0_q <= signed'(act_q[8:0]);
      b1_q <= signed'(act_q[9*Pump-1-:9]);
      m0_q <= a0_q * b0_q;
      m1_q <= a1_q * b1_q;
      p_q  <= m0_q + m1_q + 34'sd65536;
    end

    assign product0 = signed'({~p_q[16], p_q[15:0]});
    assign product1 = signed'(p_q[33:17]);
  end else begin : gen_lut
    logic [16*Pump-1:0]            parts0, parts1;
    logic signed [ProductBits-1:0] p0_d, p1_d, p0_q, p1_q;

    for (genvar k = 0; k < Pump; k++) begin : gen_step
      fb_lut_products #(
        .Late(FastClock && (k == 1))
      ) u_products (
        .clk_i,
        .act_i     (act_q[9*k+:9]),
        .weight_i  (weight_q[16*k+:16]),
        .product0_o(parts0[16*k+:16]),
        .product1_o(parts1[16*k+:16])
      );
    end

    always_comb begin
      p0_d = '0;
      p1_d = '0;
      for (int unsigned k = 0; k < Pump; k++) begin
        p0_d = p0_d + ProductBits'(signed'(parts0[16*k+:16]));
        p1_d = p1_d + ProductBits'(signed'(parts1[16*k+:16]));
      end
    end

    always_ff @(posedge clk_i) begin
      p0_q <= p0_d;
      p1_q <= p1_d;
    end

    assign product0 = p0_q;
    assign product1 = p1_q;
  end

  assign sum0 = acc0_q + AccBits'(product0);
  assign sum1 = acc1_q + AccBits'(product1);

  // In the cycle before the first product arrives, first_q clears what was there.
  always_ff @(posedge clk_i) begin
    acc0_q <= first_q ? signed'(AccBits'(0)) : sum0;
    acc1_q <= first_q ? signed'(AccBits'(0)) : sum1;
    sum_q  <= last_q ? sum0 : late_q ? hold_q : sum_i;
    if (last_q) hold_q <= sum1;
  end

  assign act_o    = act_q;
  assign weight_o = weight_q;
  assign first_o  = first_q;
  assign last_o   = last_q;
  assign sum_o    = sum_q;

endmodule

`default_nettype wire
