// Two products a cycle of clk_i from one DSP48E1 that runs at twice its frequency, and their sum.
//
//   act0_i, weight0_i --\
//                        >-[A, B]-( * )-[M]-( + )-[P]-> product0_o, product1_o
//   act1_i, weight1_i --/            first: + 2^16, then: + P
//
// Operands come from registers of clk_i, those of the second product a cycle later than those of
// the first, so that nothing needs to be held here: the DSP takes the first ones at the edge that
// ends their cycle, the second ones in the middle of the next.  The sum is complete in the middle of
// a cycle of clk_i and rests until its end.  phase_i, a register of clk_fast_i, is 1 in the second
// half of a cycle of clk_i.
//
// Fields are those of fb_pe: operand A = w1 * 2^17 + w0, 2^16 keeps the low field positive.
// Latency: first operands in cycle t, second ones in cycle t + 1, products in cycle t + 3.
// No handshake and no reset.

`default_nettype none

module fb_pumped_dsp (
  input  wire logic               clk_i,
  input  wire logic               clk_fast_i,   // twice clk_i, edges together
  input  wire logic               phase_i,
  input  wire logic [8:0]         act0_i,
  input  wire logic [15:0]        weight0_i,
  input  wire logic [8:0]         act1_i,
  input  wire logic [15:0]        weight1_i,
  output      logic signed [16:0] product0_o,
  output      logic signed [16:0] product1_o
);
  // Z of the adder: C (what the first product is added to) or P; X and Y are the multiplier.
  localparam logic [6:0] OpmodeFirst = 7'b0110101;
  localparam logic [6:0] OpmodeSecond = 7'b0100101;

  logic [15:0]        weight;
  logic [8:0]         act;
  logic signed [29:0] operand_a;
  logic signed [17:0] operand_b;
  logic signed [47:0] sum;
  logic [33:0]        sum_q;

  assign weight = phase_i ? weight0_i : weight1_i;
  assign act = phase_i ? act0_i : act1_i;
  assign operand_a = 30'(signed'({weight[15:8], {9{weight[7]}}, weight[7:0]}));
  assign operand_b = 18'(signed'(act));

  DSP48E1 #(
    .ACASCREG     (1),
    .ADREG        (0),
    .ALUMODEREG   (0),
    .AREG         (1),
    .BCASCREG     (1),
    .BREG         (1),
    .CARRYINREG   (0),
    .CARRYINSELREG(0),
    .CREG         (0),
    .DREG         (0),
    .INMODEREG    (0),
    .MREG         (1),
    .OPMODEREG    (1),
    .PREG         (1),
    .USE_DPORT    ("FALSE"),
    .USE_MULT     ("MULTIPLY")
  ) u_dsp (
    .CLK          (clk_fast_i),
    .A            (operand_a),
    .B            (operand_b),
    .C            (48'h0000_0001_0000),
    .D            ('0),
    // In the second half the multiplier holds the first product of the cycle before.
    .OPMODE       (phase_i ? OpmodeSecond : OpmodeFirst),
    .ALUMODE      ('0),
    .INMODE       ('0),
    .CARRYIN      (1'b0),
    .CARRYINSEL   ('0),
    .CEA1         (1'b0),
    .CEA2         (1'b1),
    .CEAD         (1'b0),
    .CEALUMODE    (1'b0),
    .CEB1         (1'b0),
    .CEB2         (1'b1),
    .CEC          (1'b0),
    .CECARRYIN    (1'b0),
    .CECTRL       (1'b1),
    .CED          (1'b0),
    .CEINMODE     (1'b0),
    .CEM          (1'b1),
    .CEP          (1'b1),
    .RSTA         (1'b0),
    .RSTALLCARRYIN(1'b0),
    .RSTALUMODE   (1'b0),
    .RSTB         (1'b0),
    .RSTC         (1'b0),
    .RSTCTRL      (1'b0),
    .RSTD         (1'b0),
    .RSTINMODE    (1'b0),
    .RSTM         (1'b0),
    .RSTP         (1'b0),
    .ACIN         ('0),
    .BCIN         ('0),
    .PCIN         ('0),
    .CARRYCASCIN  (1'b0),
    .MULTSIGNIN   (1'b0),
    .P            (sum),
    /* verilator lint_off PINCONNECTEMPTY */
    .ACOUT        (),
    .BCOUT        (),
    .PCOUT        (),
    .CARRYCASCOUT (),
    .CARRYOUT     (),
    .MULTSIGNOUT  (),
    .OVERFLOW     (),
    .UNDERFLOW    (),
    .PATTERNBDETECT(),
    .PATTERNDETECT()
    /* verilator lint_on PINCONNECTEMPTY */
  );

  always_ff @(posedge clk_i) sum_q <= sum[33:0];

  assign product0_o = signed'({~sum_q[16], sum_q[15:0]});
  assign product1_o = signed'(sum_q[33:17]);

  logic unused_bits;
  assign unused_bits = &{1'b0, sum[47:34]};
endmodule

`default_nettype wire
