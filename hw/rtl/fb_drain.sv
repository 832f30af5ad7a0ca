// Follows a block out of the array: when its results reach the array's edge, gives the
// requantizer bias, shift and destination of one channel a cycle.
//
// Tokens arrive when a block starts, last_i when its last K step enters the array; DrainLatency
// cycles later the first channel pair leaves.  Biases are read in pairs, 64 bits:
// {shift, bias} of the odd channel above {shift, bias} of the even one, each
// {3'b0, shift[4:0], bias[23:0]}.
// Latency: valid_o of channel c comes DrainLatency + c cycles after last_i.
`default_nettype none

module fb_drain #(
  parameter int unsigned AccBits = 24,
  parameter int unsigned BiasPairs = 1024,
  parameter int unsigned DrainLatency = 6,
  parameter int unsigned Tokens = 16
) (
  input  wire                          clk_i,
  input  wire                          rst_ni,

  input  wire                          token_valid_i,
  input  wire fb_block_pkg::token_t                  token_i,
  input  wire                          last_i,

  output logic                         bias_rd_en_o,
  output logic [$clog2(BiasPairs)-1:0] bias_rd_addr_o,
  input  wire  [63:0]                  bias_rd_data_i,  // 2 cycles after the address

  output logic                         valid_o,
  output logic [AccBits-1:0]           bias_o,
  output logic [4:0]                   shift_o,
  output fb_block_pkg::token_t                       token_o,         // with this channel's addr and chan
  output logic                         channel_last_o
);
  localparam int unsigned TokenBits = $clog2(Tokens);

  // Tokens wait here until their block drains; at most a few blocks are on their way.
  logic [$bits(token_i)-1:0] tokens_q [Tokens];
  logic [TokenBits-1:0] head_q, tail_q;

  // From the last K step to the cycle in which the bias address must be out.
  logic [DrainLatency-4:0] delay_q;
  logic                    begin_block;
  fb_block_pkg::token_t                  token_q, next_token;
  logic [7:0]              index_q, left_q;
  logic                    run_q;
  logic                    last;

  assign begin_block = delay_q[DrainLatency-4];
  assign next_token = tokens_q[head_q];
  assign last = left_q == 8'd1;

  always_ff @(posedge clk_i) begin
    if (token_valid_i) tokens_q[tail_q] <= token_i;
    if (begin_block) begin
      token_q <= next_token;
      index_q <= '0;
      left_q <= next_token.channels;
    end else begin
      index_q <= index_q + 8'd1;
      left_q <= left_q - 8'd1;
      token_q.addr <= token_q.addr + 13'd1;
      token_q.chan <= token_q.chan + 13'd1;
    end
    if (!rst_ni) begin
      head_q <= '0;
      tail_q <= '0;
      delay_q <= '0;
      run_q <= 1'b0;
    end else begin
      if (token_valid_i) tail_q <= tail_q + TokenBits'(1);
      if (begin_block) head_q <= head_q + TokenBits'(1);
      delay_q <= (DrainLatency-3)'({delay_q, last_i});
      if (begin_block) run_q <= 1'b1;
      else if (last) run_q <= 1'b0;
    end
  end

  assign bias_rd_en_o = run_q;
  assign bias_rd_addr_o = ($clog2(BiasPairs))'(token_q.bias_addr + {5'b0, index_q[7:1]});

  // The bias memory takes two cycles.
  fb_block_pkg::token_t     token_1_q, token_2_q;
  logic [1:0] valid_q, odd_q, last_q;

  always_ff @(posedge clk_i) begin
    token_1_q <= token_q;
    token_2_q <= token_1_q;
    odd_q <= {odd_q[0], index_q[0]};
    last_q <= {last_q[0], last};
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], run_q};
  end

  logic [31:0] entry;
  assign entry = odd_q[1] ? bias_rd_data_i[63:32] : bias_rd_data_i[31:0];
  assign valid_o = valid_q[1];
  assign bias_o = unsigned'(AccBits'(signed'(entry[23:0])));
  assign shift_o = entry[28:24];
  assign token_o = token_2_q;
  assign channel_last_o = last_q[1];

  logic unused_bits;
  assign unused_bits = &{1'b0, entry[31:29]};
endmodule

`default_nettype wire
