// Stand-in of Xilinx' MMCME2_BASE where time is not simulated: its outputs 0 and 1 are the clocks that
// the simulated board makes, once and twice the frequency of the input, their rising edges together.
// LOCKED rises LockCycles cycles of the input after a reset.  What it does when its input changes, the
// stand-in in sim/primitives shows.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */
/* verilator lint_off UNDRIVEN */
module MMCME2_BASE #(
  parameter real CLKIN1_PERIOD = 10.0,
  parameter real CLKFBOUT_MULT_F = 10.0,
  parameter int DIVCLK_DIVIDE = 1,
  parameter real CLKOUT0_DIVIDE_F = 10.0,
  parameter int CLKOUT1_DIVIDE = 5
) (
  input  wire  CLKIN1, CLKFBIN, RST, PWRDWN,
  output logic CLKFBOUT, CLKFBOUTB, CLKOUT0, CLKOUT0B, CLKOUT1, CLKOUT1B, CLKOUT2, CLKOUT2B,
    CLKOUT3, CLKOUT3B, CLKOUT4, CLKOUT5, CLKOUT6, LOCKED
);
  localparam int unsigned LockCycles = 8;

  logic [3:0] count_q;

  always_ff @(posedge CLKIN1) begin
    if (RST) count_q <= '0;
    else if (!LOCKED) count_q <= count_q + 4'd1;
  end
  assign LOCKED = !RST && (count_q == 4'(LockCycles));

  assign CLKFBOUT = 1'b0;
  assign CLKOUT0 = CLKIN1;
  assign CLKOUT1 = gates.clk_fast_i;
endmodule

`default_nettype wire
