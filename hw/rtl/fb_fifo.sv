// First-in first-out queue with valid/ready on both sides; the output is a register.
//
// Depth words (a power of two) in all, the output register included. From Depth 128 on the words lie
// in block RAM, below in distributed RAM. A word pushed into an empty queue appears at the output 3
// cycles later (block RAM) or 2 cycles later. One push and one pop a cycle, without gaps.
// `level_o` counts the words inside, in the cycle after a push or pop. `clear_i` empties the queue
// and wins over a push in the same cycle.

`default_nettype none

module fb_fifo #(
  parameter  int unsigned Width     = 64,
  parameter  int unsigned Depth     = 16,
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
  output      logic [LevelBits-1:0] level_o
);

  localparam int unsigned AddrBits = $clog2(Depth);

  logic [AddrBits-1:0]  wr_ptr_q, rd_ptr_q;
  logic [LevelBits-1:0] level_q;
  logic                 full_q;
  logic                 push, pop, fetch, fetchable;
  logic [LevelBits-1:0] step;

  assign push = in_valid_i & in_ready_o;
  assign pop  = out_valid_o & out_ready_i;
  assign step = push ? LevelBits'(1) : {LevelBits{1'b1}};

  // Words in the memory that no output stage has fetched yet.
  logic [LevelBits-1:0] stored_q;
  assign fetchable = stored_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      stored_q <= '0;
      level_q  <= '0;
      full_q   <= 1'b0;
    end else begin
      if (push) wr_ptr_q <= wr_ptr_q + 1'b1;
      if (fetch) rd_ptr_q <= rd_ptr_q + 1'b1;
      // Up or down is known early: what a consumer decides late only enables.
      if (push != fetch) stored_q <= stored_q + step;
      if (push != pop) begin
        level_q <= level_q + step;
        full_q  <= push && (level_q == LevelBits'(Depth - 1));
      end
    end
  end

  assign in_ready_o = ~full_q;
  assign level_o    = level_q;

  if (Depth >= 128) begin : gen_block
    (* ram_style = "block", rw_addr_collision = "no" *) logic [Width-1:0] memory [Depth];
    logic [Width-1:0] read_q, data_q;
    logic             read_valid_q, data_valid_q, advance;

    // Both registers of the block RAM are output stages: each takes a new word when it is empty or
    // its word moves on.
    assign advance = ~data_valid_q | out_ready_i;
    assign fetch   = fetchable & (~read_valid_q | advance);

    always_ff @(posedge clk_i) begin
      if (push) memory[wr_ptr_q] <= in_data_i;
    end

    always_ff @(posedge clk_i) begin
      if (fetch) read_q <= memory[rd_ptr_q];
      if (advance) data_q <= read_q;
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) begin
        read_valid_q <= 1'b0;
        data_valid_q <= 1'b0;
      end else begin
        if (fetch) read_valid_q <= 1'b1;
        else if (advance) read_valid_q <= 1'b0;
        if (advance) data_valid_q <= read_valid_q;
      end
    end

    assign out_valid_o = data_valid_q;
    assign out_data_o  = data_q;
  end else begin : gen_distributed
    (* ram_style = "distributed" *) logic [Width-1:0] memory [Depth];
    logic [Width-1:0] data_q;
    logic             data_valid_q;

    assign fetch = fetchable & (~data_valid_q | out_ready_i);

    always_ff @(posedge clk_i) begin
      if (push) memory[wr_ptr_q] <= in_data_i;
    end

    always_ff @(posedge clk_i) begin
      if (fetch) data_q <= memory[rd_ptr_q];
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) data_valid_q <= 1'b0;
      else if (fetch) data_valid_q <= 1'b1;
      else if (out_ready_i) data_valid_q <= 1'b0;
    end

    assign out_valid_o = data_valid_q;
    assign out_data_o  = data_q;
  end

endmodule

`default_nettype wire
