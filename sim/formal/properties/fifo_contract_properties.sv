// The queue does cycle by cycle what fifo_contract.sv says, which stands for it in the proofs of the
// modules that have one inside: the same room, the same fill, the same word shown at the same time,
// whatever is pushed, popped and cleared when, with a reset at any time.
`default_nettype none

module fifo_contract_properties #(
  parameter  int unsigned Width     = 1,
  parameter  int unsigned Depth     = 4,
  parameter  int unsigned Latency   = 2,
  localparam int unsigned LevelBits = $clog2(Depth + 1)
) (
  input wire logic             clk_i,
  input wire logic             rst_ni,
  input wire logic             clear_i,
  input wire logic             in_valid_i,
  input wire logic [Width-1:0] in_data_i,
  input wire logic             out_ready_i
);
  logic                 in_ready, out_valid, said_ready, said_valid;
  logic [Width-1:0]     out_data, said_data;
  logic [LevelBits-1:0] level, said_level;

  fb_fifo_rtl #(
    .Width(Width),
    .Depth(Depth)
  ) dut (
    .clk_i,
    .rst_ni,
    .clear_i,
    .in_valid_i,
    .in_ready_o (in_ready),
    .in_data_i,
    .out_valid_o(out_valid),
    .out_ready_i,
    .out_data_o (out_data),
    .level_o    (level)
  );

  fb_fifo #(
    .Width  (Width),
    .Depth  (Depth),
    .Latency(Latency)
  ) contract (
    .clk_i,
    .rst_ni,
    .clear_i,
    .in_valid_i,
    .in_ready_o (said_ready),
    .in_data_i,
    .out_valid_o(said_valid),
    .out_ready_i,
    .out_data_o (said_data),
    .level_o    (said_level)
  );

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q) begin
      a_room: assert (in_ready == said_ready);
      a_level: assert (level == said_level);
      a_valid: assert (out_valid == said_valid);
      if (out_valid) a_word: assert (out_data == said_data);

      c_full: cover (!in_ready && out_valid);
      c_cleared: cover (level != '0 && clear_i && rst_ni);
    end
  end
endmodule

`default_nettype wire
