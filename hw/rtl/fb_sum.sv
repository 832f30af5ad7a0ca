// Sums per index over many words, for the global average pooling.
//
// memory[index_i] := (init_i ? 0 : memory[index_i]) + sum_i; with emit_i the new value leaves on
// sum_o as well.
// Latency: emit_i in cycle t gives valid_o and sum_o in cycle t + Latency, Latency = 3.
// No handshake: one sum a cycle.  An index must not come again within 4 cycles.

`default_nettype none

module fb_sum #(
  // Number of sums.
  parameter  int unsigned Depth   = 1024,
  // Width of what is added.
  parameter  int unsigned InBits  = 40,
  // Width of the sums.
  parameter  int unsigned SumBits = 40,
  localparam int unsigned IndexBits = $clog2(Depth),
  // Cycles from an input to its output.
  localparam int unsigned Latency = 3
) (
  input  wire logic                      clk_i,
  input  wire logic                      rst_ni,

  input  wire logic                      valid_i,
  input  wire logic signed [InBits-1:0]  sum_i,
  input  wire logic [IndexBits-1:0]      index_i,
  input  wire logic                      init_i,
  input  wire logic                      emit_i,

  output      logic                      valid_o,
  output      logic signed [SumBits-1:0] sum_o
);

  logic [Latency:1]                valid_q, emit_q;
  logic [Latency:1][IndexBits-1:0] index_q;
  logic [2:1]                      init_q;
  logic signed [InBits-1:0]        sum_1_q, sum_2_q;
  logic signed [SumBits-1:0]       total_q;
  logic        [SumBits-1:0]       old, total_bits;

  assign total_bits = unsigned'(total_q);

  fb_ram #(
    .Width (SumBits),
    .Depth (Depth)
  ) u_memory (
    .clk_i     (clk_i),
    .wr_en_i   (valid_q[3]),
    .wr_addr_i (index_q[3]),
    .wr_data_i (total_bits),
    .rd_en_i   (valid_i),
    .rd_addr_i (index_i),
    .rd_data_o (old)
  );

  always_ff @(posedge clk_i) begin
    index_q <= {index_q[2:1], index_i};
    init_q  <= {init_q[1], init_i};
    sum_1_q <= sum_i;
    sum_2_q <= sum_1_q;
    total_q <= (init_q[2] ? signed'(SumBits'(0)) : signed'(old)) + SumBits'(sum_2_q);
    if (!rst_ni) begin
      valid_q <= '0;
      emit_q  <= '0;
    end else begin
      valid_q <= {valid_q[2:1], valid_i};
      emit_q  <= {emit_q[2:1], valid_i && emit_i};
    end
  end

  assign valid_o = emit_q[Latency];
  assign sum_o   = total_q;

endmodule

`default_nettype wire
