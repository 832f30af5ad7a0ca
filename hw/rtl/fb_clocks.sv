// The clocks of the programmable logic, and the reset that goes with them.
//
// Pump = 1: the processing system's clock through a buffer.
// Pump = 2: an MMCM makes the engine's clock, of the same frequency, and one of twice that for the
// multipliers, their rising edges together.  Its oscillator runs at Multiply times the clock and has
// to lie within 600 and 1200 MHz (DS187, speed grade -1), so one Multiply serves clocks that differ
// by a factor of two; it is even, for both are whole parts of it.
//
// An MMCM whose input has changed has to be reset before it locks again.  So this waits for its lock,
// resets it where none comes within LockCycles or where it is lost, and holds the engine in reset
// meanwhile.  A lock that was lost after the first one shows on lost_o from then on, which the engine
// reports: what it computed is gone.
//
// rst_no falls at once and rises in step with clk_o.  fclk_reset_ni is asynchronous.

`default_nettype none

module fb_clocks #(
  // 1, or 2 for a clock of twice the frequency.
  parameter int unsigned Pump       = 1,
  // These are of no use with one clock.
  /* verilator lint_off UNUSEDPARAM */
  // Of the MMCM's oscillator: even.
  parameter int unsigned Multiply   = 10,
  // Period of fclk_i in picoseconds.
  parameter int unsigned PeriodPs   = 10000,
  // Cycles of fclk_i that the MMCM is reset, and that its lock is waited for: 100 us and more.
  parameter int unsigned ResetCycles = 16,
  parameter int unsigned LockCycles  = 32768
  /* verilator lint_on UNUSEDPARAM */
) (
  input  wire logic fclk_i,
  input  wire logic fclk_reset_ni,
  output      logic clk_o,
  output      logic clk_fast_o,
  output      logic rst_no,
  output      logic lost_o
);
  // Kept: as shift registers of LUTs they would synchronize nothing.  What drives the chip is a
  // register of its own, which tools may duplicate.
  (* ASYNC_REG = "TRUE", keep = 1 *) logic [2:0] reset_sync_q;
  logic reset_q;

  if (Pump == 1) begin : gen_one
    BUFG u_clk (.I(fclk_i), .O(clk_o));

    always_ff @(posedge clk_o) {reset_q, reset_sync_q} <= {reset_sync_q, fclk_reset_ni};
    assign clk_fast_o = clk_o;
    assign lost_o = 1'b0;
  end else begin : gen_two
    localparam int unsigned CountBits = $clog2(LockCycles);

    typedef enum logic [1:0] {Restart, Locking, Locked} state_e;

    logic                 fclk, feedback, clk, clk_fast, locked;
    state_e               state_q;
    logic [CountBits-1:0] count_q;
    logic                 mmcm_reset_q, lost_q, run;
    (* ASYNC_REG = "TRUE", keep = 1 *) logic [1:0] locked_sync_q, fclk_reset_sync_q, lost_sync_q;

    // What watches the lock cannot run on what depends on it.
    BUFG u_fclk (.I(fclk_i), .O(fclk));

    MMCME2_BASE #(
      .CLKIN1_PERIOD   (PeriodPs / 1000.0),
      .CLKFBOUT_MULT_F (Multiply * 1.0),
      .DIVCLK_DIVIDE   (1),
      .CLKOUT0_DIVIDE_F(Multiply * 1.0),
      .CLKOUT1_DIVIDE  (Multiply / 2)
    ) u_mmcm (
      .CLKIN1   (fclk_i),
      .CLKFBIN  (feedback),
      .CLKFBOUT (feedback),
      .CLKOUT0  (clk),
      .CLKOUT1  (clk_fast),
      .LOCKED   (locked),
      .RST      (mmcm_reset_q),
      .PWRDWN   (1'b0),
      /* verilator lint_off PINCONNECTEMPTY */
      .CLKFBOUTB(),
      .CLKOUT0B (),
      .CLKOUT1B (),
      .CLKOUT2  (),
      .CLKOUT2B (),
      .CLKOUT3  (),
      .CLKOUT3B (),
      .CLKOUT4  (),
      .CLKOUT5  (),
      .CLKOUT6  ()
      /* verilator lint_on PINCONNECTEMPTY */
    );

    BUFG u_clk (.I(clk), .O(clk_o));
    BUFG u_clk_fast (.I(clk_fast), .O(clk_fast_o));

    always_ff @(posedge fclk) begin
      locked_sync_q <= {locked_sync_q[0], locked};
      fclk_reset_sync_q <= {fclk_reset_sync_q[0], fclk_reset_ni};
      count_q <= count_q + CountBits'(1);
      unique case (state_q)
        Restart: if (count_q == CountBits'(ResetCycles - 1)) begin
          mmcm_reset_q <= 1'b0;
          count_q <= '0;
          state_q <= Locking;
        end
        Locking: if (locked_sync_q[1]) begin
          state_q <= Locked;
        end else if (count_q == CountBits'(LockCycles - 1)) begin
          mmcm_reset_q <= 1'b1;
          count_q <= '0;
          state_q <= Restart;
        end
        default: if (!locked_sync_q[1]) begin  // Locked
          lost_q <= 1'b1;
          mmcm_reset_q <= 1'b1;
          count_q <= '0;
          state_q <= Restart;
        end
      endcase
      if (!fclk_reset_sync_q[1]) begin
        state_q <= Restart;
        mmcm_reset_q <= 1'b1;
        count_q <= '0;
        lost_q <= 1'b0;
      end
    end

    // The engine's clock may have stopped when its reset begins.
    assign run = (state_q == Locked) && locked && fclk_reset_ni;

    always_ff @(posedge clk_o or negedge run) begin
      if (!run) {reset_q, reset_sync_q} <= '0;
      else {reset_q, reset_sync_q} <= {reset_sync_q, 1'b1};
    end
    always_ff @(posedge clk_o) lost_sync_q <= {lost_sync_q[0], lost_q};
    assign lost_o = lost_sync_q[1];
  end

  assign rst_no = reset_q;
endmodule

`default_nettype wire
