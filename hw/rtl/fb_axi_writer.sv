// AXI write master: turns (address, number of beats, tag) commands and one stream of data into
// bursts, and reports each command once the memory has acknowledged all of it.
//
// Commands: `cmd_addr_i` is a multiple of 8, `cmd_beats_i` >= 1 (both are the caller's duty). The
// data stream holds the commands' beats in order; it may run ahead of them. Bursts are INCR of
// 8-byte beats, at most BurstBeats long, and never cross a multiple of BurstBeats * 8 bytes, hence
// no 4 KB boundary either (BurstBeats is a power of two, at most 16 for AXI3 ports, and at most
// FifoDepth). A burst is announced only when all its beats are in the FIFO, so W never starves, and
// bursts of 2 beats or more follow one another without gaps. W beats may precede their AW's
// acceptance. Responses must come in order (one AXI ID).
//
// `done_valid_o` pulses with `done_tag_o` after the response to a command's last burst, `error_o`
// for each response that is not OKAY, not later than the command's `done_valid_o`.
// `abort_i` (level or pulse): bursts already announced are finished with all byte strobes off, no
// further ones follow; commands and data are dropped, also those offered meanwhile; neither done
// nor error is reported. `idle_o`: nothing queued, nothing outstanding (data without a command may
// lie in the FIFO). Work goes on when abort_i is low and idle_o was high; until then cmd_ready_o is
// low.

`default_nettype none

module fb_axi_writer #(
  parameter int unsigned BurstBeats     = 16,
  parameter int unsigned MaxOutstanding = 8,
  parameter int unsigned FifoDepth      = 64
) (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,

  input  wire logic        cmd_valid_i,
  output      logic        cmd_ready_o,
  input  wire logic [31:0] cmd_addr_i,
  input  wire logic [23:0] cmd_beats_i,
  input  wire logic [3:0]  cmd_tag_i,

  input  wire logic        data_valid_i,
  output      logic        data_ready_o,
  input  wire logic [63:0] data_i,

  output      logic        done_valid_o,
  output      logic [3:0]  done_tag_o,

  input  wire logic        abort_i,
  output      logic        idle_o,
  output      logic        error_o,

  output      logic [31:0] axi_awaddr_o,
  output      logic [7:0]  axi_awlen_o,
  output      logic        axi_awvalid_o,
  input  wire logic        axi_awready_i,
  output      logic [63:0] axi_wdata_o,
  output      logic [7:0]  axi_wstrb_o,
  output      logic        axi_wlast_o,
  output      logic        axi_wvalid_o,
  input  wire logic        axi_wready_i,
  input  wire logic [1:0]  axi_bresp_i,
  input  wire logic        axi_bvalid_i,
  output      logic        axi_bready_o
);

  localparam int unsigned OffsetBits = $clog2(BurstBeats);
  localparam int unsigned LenBits    = OffsetBits + 1;
  localparam int unsigned CountBits  = $clog2(MaxOutstanding + 1);
  localparam int unsigned LevelBits  = $clog2(FifoDepth + 1);

  // Dropping everything until the memory has answered what it was told.
  logic drain_q;
  logic quiet;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) drain_q <= 1'b0;
    else drain_q <= abort_i | (drain_q & ~quiet);
  end

  // Data stream.
  logic                 fifo_valid, fifo_pop;
  logic [63:0]          fifo_data;
  logic [LevelBits-1:0] fifo_level;

  fb_fifo #(
    .Width(64),
    .Depth(FifoDepth)
  ) u_fifo (
    .clk_i,
    .rst_ni,
    .clear_i    (drain_q),
    .in_valid_i (data_valid_i),
    .in_ready_o (data_ready_o),
    .in_data_i  (data_i),
    .out_valid_o(fifo_valid),
    .out_ready_i(fifo_pop),
    .out_data_o (fifo_data),
    .level_o    (fifo_level)
  );

  // Command being split: address in beats, beats left.
  logic        busy_q;
  logic [28:0] addr_q;
  logic [23:0] beats_q;
  logic [3:0]  tag_q;
  // Its next burst.
  logic               plan_valid_q, plan_last_q;
  logic [LenBits-1:0] plan_len_q;
  logic [LenBits-1:0] to_boundary, plan_len;
  logic               plan_last;

  logic [LevelBits-1:0] unclaimed_q;
  logic [CountBits-1:0] outstanding_q;
  logic                 awvalid_q;
  logic [28:0]          awaddr_q;
  logic [LenBits-1:0]   awlen_q;
  logic                 issue, push;

  assign cmd_ready_o = ~busy_q & ~drain_q;

  assign to_boundary = LenBits'(BurstBeats) - {1'b0, addr_q[OffsetBits-1:0]};
  assign plan_last   = beats_q <= 24'(to_boundary);
  assign plan_len    = plan_last ? beats_q[LenBits-1:0] : to_boundary;

  assign issue = plan_valid_q & ~drain_q & (~awvalid_q | axi_awready_i)
               & (unclaimed_q >= LevelBits'(plan_len_q))
               & (outstanding_q != CountBits'(MaxOutstanding));

  always_ff @(posedge clk_i) begin
    if (!rst_ni || drain_q) begin
      busy_q       <= 1'b0;
      plan_valid_q <= 1'b0;
    end else begin
      if (cmd_valid_i && cmd_ready_o) busy_q <= 1'b1;
      else if (issue && plan_last_q) busy_q <= 1'b0;
      if (issue) plan_valid_q <= 1'b0;
      else if (busy_q) plan_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (cmd_ready_o) begin
      addr_q  <= cmd_addr_i[31:3];
      beats_q <= cmd_beats_i;
      tag_q   <= cmd_tag_i;
    end else if (issue) begin
      addr_q  <= addr_q + 29'(plan_len_q);
      beats_q <= beats_q - 24'(plan_len_q);
    end
    if (!plan_valid_q) begin
      plan_len_q  <= plan_len;
      plan_last_q <= plan_last;
    end
  end

  // Beats in the FIFO that no announced burst has claimed.
  assign push = data_valid_i & data_ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || drain_q) unclaimed_q <= '0;
    else unclaimed_q <= unclaimed_q - (issue ? LevelBits'(plan_len_q) : '0) + LevelBits'(push);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) awvalid_q <= 1'b0;
    else if (issue) awvalid_q <= 1'b1;
    else if (axi_awready_i) awvalid_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (issue) begin
      awaddr_q <= addr_q;
      awlen_q  <= plan_len_q - 1'b1;
    end
  end

  assign axi_awvalid_o = awvalid_q;
  assign axi_awaddr_o  = {awaddr_q, 3'b000};
  assign axi_awlen_o   = 8'(awlen_q);

  // Lengths less one of announced bursts whose W beats have not begun. Neither queue below can
  // overflow: both hold no more than the outstanding bursts.
  logic                 next_valid, next_pop, next_ready;
  logic [LenBits-1:0]   next_len;
  logic [CountBits-1:0] next_level;

  fb_fifo #(
    .Width(LenBits),
    .Depth(MaxOutstanding)
  ) u_lengths (
    .clk_i,
    .rst_ni,
    .clear_i    (1'b0),
    .in_valid_i (issue),
    .in_ready_o (next_ready),
    .in_data_i  (plan_len_q - 1'b1),
    .out_valid_o(next_valid),
    .out_ready_i(next_pop),
    .out_data_o (next_len),
    .level_o    (next_level)
  );

  logic               send_q;
  logic [LenBits-1:0] left_q;
  logic               send_last_q, load;
  logic               wvalid_q, wlast_q, wstrb_q;
  logic [63:0]        wdata_q;

  // A beat enters the output register, whose content must not change until it is taken: an abort
  // takes the strobes away from the beats that follow.
  assign load      = send_q & (~wvalid_q | axi_wready_i) & (fifo_valid | drain_q);
  assign next_pop  = ~send_q | (load & send_last_q);
  assign fifo_pop  = load;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      send_q   <= 1'b0;
      wvalid_q <= 1'b0;
    end else begin
      if (next_pop) send_q <= next_valid;
      if (load) wvalid_q <= 1'b1;
      else if (axi_wready_i) wvalid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (next_pop) begin
      left_q      <= next_len;
      send_last_q <= next_len == '0;
    end else if (load) begin
      left_q      <= left_q - 1'b1;
      send_last_q <= left_q == {{OffsetBits{1'b0}}, 1'b1};
    end
    if (load) begin
      wdata_q <= fifo_data;
      wlast_q <= send_last_q;
      wstrb_q <= ~drain_q;
    end
  end

  assign axi_wvalid_o = wvalid_q;
  assign axi_wdata_o  = wdata_q;
  assign axi_wlast_o  = wlast_q;
  assign axi_wstrb_o  = {8{wstrb_q}};

  // Responses, through a register, meet the tags of their bursts.  Those that nobody waits for
  // belong to bursts of before a reset.
  logic       bvalid_q, berror_q;
  logic       owner_valid, owner_last, owner_ready;
  logic [3:0] owner_tag;
  logic [CountBits-1:0] owner_level;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) bvalid_q <= 1'b0;
    else bvalid_q <= axi_bvalid_i & (outstanding_q != '0);
  end

  always_ff @(posedge clk_i) begin
    berror_q <= axi_bresp_i != 2'b00;
  end

  assign axi_bready_o = 1'b1;

  fb_fifo #(
    .Width(5),
    .Depth(MaxOutstanding)
  ) u_owners (
    .clk_i,
    .rst_ni,
    .clear_i    (1'b0),
    .in_valid_i (issue),
    .in_ready_o (owner_ready),
    .in_data_i  ({plan_last_q, tag_q}),
    .out_valid_o(owner_valid),
    .out_ready_i(bvalid_q),
    .out_data_o ({owner_last, owner_tag}),
    .level_o    (owner_level)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      done_valid_o  <= 1'b0;
      error_o       <= 1'b0;
      outstanding_q <= '0;
    end else begin
      done_valid_o <= bvalid_q & owner_valid & owner_last & ~drain_q;
      error_o      <= bvalid_q & berror_q & ~drain_q;
      if (issue != bvalid_q) outstanding_q <= outstanding_q + (bvalid_q ? {CountBits{1'b1}} : CountBits'(1));
    end
  end

  always_ff @(posedge clk_i) begin
    done_tag_o <= owner_tag;
  end

  assign quiet  = ~awvalid_q & ~wvalid_q & ~send_q & ~bvalid_q & (outstanding_q == '0);
  assign idle_o = quiet & ~busy_q;

  // Addresses are multiples of 8; the queues' fill is known from `outstanding_q` and `unclaimed_q`.
  logic unused;
  assign unused = ^{fifo_level, next_ready, next_level, owner_ready, owner_level, cmd_addr_i[2:0]};

endmodule

`default_nettype wire
