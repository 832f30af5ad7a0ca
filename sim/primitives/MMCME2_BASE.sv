// Stand-in of Xilinx' MMCME2_BASE for simulation, as far as the design uses it: outputs 0 and 1 are
// the input's frequency times CLKFBOUT_MULT_F over their dividers, which must be 1 and 2 times the
// input's; their rising edges come together, and with the input's.
//
// The first periods of the input count as CLKIN1_PERIOD, whatever the unit of time.  LOCKED rises
// LockCycles after a reset, falls when the input's period changes, and needs a reset to rise again.
// An oscillator outside of its range never locks.  Until then, and in reset, the outputs rest at 0.
`default_nettype none

/* verilator lint_off UNUSEDSIGNAL */
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
  localparam int LockCycles = 50;
  localparam real LowestMhz = 600.0;
  localparam real HighestMhz = 1200.0;

  // Benches look at it.
  logic reset /*verilator public_flat_rd*/;
  assign reset = RST;

  realtime last, period, nominal;
  int      good;
  bit      lost;
  real     oscillator;

  if (DIVCLK_DIVIDE != 1 || CLKOUT0_DIVIDE_F != CLKFBOUT_MULT_F ||
      2.0 * CLKOUT1_DIVIDE != CLKFBOUT_MULT_F) begin : gen_check
    $error("this stand-in makes the input's frequency and twice that");
  end

  initial begin
    LOCKED = 1'b0;
    CLKOUT0 = 1'b0;
    CLKOUT1 = 1'b0;
    good = 0;
    lost = 1'b0;
    last = 0;
    period = 0;
    nominal = 0;
  end

  assign CLKFBOUT = 1'b0;

  // Nothing of this is synthesized: times are measured, edges made after delays.
  /* verilator lint_off BLKSEQ */
  /* verilator lint_off ZERODLY */
  always @(posedge CLKIN1) begin
    if ($realtime - last != period) begin
      if (LOCKED) lost = 1'b1;
      LOCKED = 1'b0;
      good = 0;
    end
    period = $realtime - last;
    last = $realtime;
    good = good + 1;
    if (good == 2 && nominal == 0) nominal = period;
    if (good == LockCycles && !lost) begin
      oscillator = 1000.0 / CLKIN1_PERIOD * CLKFBOUT_MULT_F * nominal / period;
      if (oscillator >= LowestMhz && oscillator <= HighestMhz) LOCKED = !RST;
    end
    if (LOCKED) begin
      CLKOUT0 = 1'b1;
      CLKOUT1 = 1'b1;
      #(period / 4) CLKOUT1 = 1'b0;
      #(period / 4) begin
        CLKOUT0 = 1'b0;
        CLKOUT1 = 1'b1;
      end
      #(period / 4) CLKOUT1 = 1'b0;
    end
  end

  always @(posedge RST) begin
    LOCKED = 1'b0;
  end
  // Its lock is counted from the end of a reset.
  always @(negedge RST) begin
    good = 0;
    lost = 1'b0;
  end
endmodule

`default_nettype wire
