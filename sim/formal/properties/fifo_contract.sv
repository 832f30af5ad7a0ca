// The queue as fifo_properties.sv describes it and nothing more: in place of fb_fifo in the proofs of
// modules that have one inside. Each may have the latency of block or of distributed RAM. That the
// queue does just this is proven with fifo_contract_properties.sv.
`default_nettype none

module fb_fifo #(
  parameter  int unsigned Width     = 64,
  parameter  int unsigned Depth     = 16,
  // from a push to the output; 0: either
  parameter  int unsigned Latency   = 0,
  localparam int unsigned LevelBits = $clog2(Depth + 1)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,
  input  wire logic                 clear_i,
  input  wire logic                 in_valid_i,
  output      logic                 in_ready_o,
  input  wire logic [Width-1:0]     in_data_i,
  output      logic                 out_valid_o,
  input  wire logic                 out_ready_i,
  output      logic [Width-1:0]     out_data_o,
  output      logic [LevelBits-1:0] level_o,
  // for helping assertions: all words, the oldest in front; how many came in the last two cycles
  output      logic [Depth-1:0][Width-1:0] words_o,
  output      logic [1:0]           young_o
);
  (* anyconst *) logic either;
  logic block_ram;
  assign block_ram = (Latency == 0) ? either : (Latency == 3);

  logic [LevelBits-1:0]        level_q, kept, aged_q;
  logic [Depth-1:0][Width-1:0] words_q, words;
  logic [1:0]                  pushed_q;
  logic                        push, pop;

  assign push = in_valid_i && in_ready_o;
  assign pop = out_valid_o && out_ready_i;
  assign kept = level_q - LevelBits'(pop);
  assign in_ready_o = level_q != LevelBits'(Depth);
  assign level_o = level_q;
  assign out_valid_o = aged_q != '0;
  assign out_data_o = words_q[0];
  assign words_o = words_q;
  assign young_o = 2'(pushed_q[0]) + 2'(pushed_q[1]);

  always_comb begin
    words = pop ? (words_q >> Width) : words_q;
    for (int unsigned k = 0; k < Depth; k++) begin
      if (push && kept == LevelBits'(k)) words[k] = in_data_i;
    end
  end

  always_ff @(posedge clk_i) begin
    words_q <= words;
    level_q <= kept + LevelBits'(push);
    pushed_q <= {pushed_q[0], push};
    aged_q <= aged_q + LevelBits'(block_ram ? pushed_q[1] : pushed_q[0]) - LevelBits'(pop);
    if (!rst_ni || clear_i) begin
      level_q <= '0;
      pushed_q <= '0;
      aged_q <= '0;
    end
  end

  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;

  always_comb begin
    if (started_q && rst_ni) begin
      h_level: assert (level_q <= LevelBits'(Depth) && aged_q <= level_q &&
                       level_q - aged_q == LevelBits'(pushed_q[0]) +
                                           LevelBits'(block_ram && pushed_q[1]));
    end
  end
endmodule

`default_nettype wire
