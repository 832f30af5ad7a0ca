// AXI read master: turns (address, number of beats) commands into bursts and the bursts' data into
// one stream.
//
// Commands: `cmd_addr_i` is a multiple of 8, `cmd_beats_i` >= 1 (both are the caller's duty). Bursts
// are INCR of 8-byte beats, at most BurstBeats long, and never cross a multiple of BurstBeats * 8
// bytes, hence no 4 KB boundary either (BurstBeats is a power of two, at most 16 for AXI3 ports).
// The next command's bursts follow while data of earlier ones is in flight. A burst is issued only
// when the FIFO has room for a longest one, so R beats never wait: `axi_rready_o` is constant 1.
// First AR 3 cycles after a command, data 4 cycles after its R beat, one beat a cycle.
// `data_last_o` marks the last beat of each command. Data must come in order (one AXI ID).
//
// `error_o` pulses for each beat whose response is not OKAY; the beat is delivered like any other.
// `abort_i` (level or pulse): an AR that is already valid stays until it is taken, no further one
// follows; commands and data are dropped, also those offered meanwhile, and no error is reported.
// `idle_o`: nothing queued, nothing outstanding (data may still lie in the FIFO). Work goes on when
// abort_i is low and idle_o was high; until then cmd_ready_o is low.

`default_nettype none

module fb_axi_reader #(
  parameter int unsigned BurstBeats     = 16,
  parameter int unsigned MaxOutstanding = 8,
  parameter int unsigned FifoDepth      = 512
) (
  input  wire logic        clk_i,
  input  wire logic        rst_ni,

  input  wire logic        cmd_valid_i,
  output      logic        cmd_ready_o,
  input  wire logic [31:0] cmd_addr_i,
  input  wire logic [23:0] cmd_beats_i,

  output      logic        data_valid_o,
  input  wire logic        data_ready_i,
  output      logic [63:0] data_o,
  output      logic        data_last_o,

  input  wire logic        abort_i,
  output      logic        idle_o,
  output      logic        error_o,

  output      logic [31:0] axi_araddr_o,
  output      logic [7:0]  axi_arlen_o,
  output      logic        axi_arvalid_o,
  input  wire logic        axi_arready_i,
  input  wire logic [63:0] axi_rdata_i,
  input  wire logic [1:0]  axi_rresp_i,
  input  wire logic        axi_rlast_i,
  input  wire logic        axi_rvalid_i,
  output      logic        axi_rready_o
);

  localparam int unsigned OffsetBits = $clog2(BurstBeats);
  localparam int unsigned LenBits    = OffsetBits + 1;
  localparam int unsigned CountBits  = $clog2(MaxOutstanding + 1);
  localparam int unsigned IndexBits  = $clog2(MaxOutstanding);
  localparam int unsigned RoomBits   = $clog2(FifoDepth + 1);

  // Dropping everything until the memory has answered what it was asked.
  logic drain_q;
  logic quiet;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) drain_q <= 1'b0;
    else drain_q <= abort_i | (drain_q & ~quiet);
  end

  // Command being split: address in beats, beats left.
  logic        busy_q;
  logic [28:0] addr_q;
  logic [23:0] beats_q;
  // Its next burst.
  logic                plan_valid_q, plan_last_q;
  logic [LenBits-1:0]  plan_len_q;
  logic [LenBits-1:0]  to_boundary, plan_len;
  logic                plan_last;

  logic [RoomBits-1:0]  room_q;
  logic                 roomy_q;
  logic [CountBits-1:0] outstanding_q;
  logic                 arvalid_q;
  logic [28:0]          araddr_q;
  logic [LenBits-1:0]   arlen_q;
  logic                 issue, pop, pop_q, burst_done;

  assign cmd_ready_o = ~busy_q & ~drain_q;

  assign to_boundary = LenBits'(BurstBeats) - {1'b0, addr_q[OffsetBits-1:0]};
  assign plan_last   = beats_q <= 24'(to_boundary);
  assign plan_len    = plan_last ? beats_q[LenBits-1:0] : to_boundary;

  assign issue = plan_valid_q & ~drain_q & (~arvalid_q | axi_arready_i)
               & roomy_q
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
    end else if (issue) begin
      addr_q  <= addr_q + 29'(plan_len_q);
      beats_q <= beats_q - 24'(plan_len_q);
    end
    if (!plan_valid_q) begin
      plan_len_q  <= plan_len;
      plan_last_q <= plan_last;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) arvalid_q <= 1'b0;
    else if (issue) arvalid_q <= 1'b1;
    else if (axi_arready_i) arvalid_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (issue) begin
      araddr_q <= addr_q;
      arlen_q  <= plan_len_q - 1'b1;
    end
  end

  assign axi_arvalid_o = arvalid_q;
  assign axi_araddr_o  = {araddr_q, 3'b000};
  assign axi_arlen_o   = 8'(arlen_q);

  // R beats pass through a register: the processor's ports answer late in the cycle.  Those that
  // nobody has asked for belong to bursts of before a reset.
  logic        rvalid_q, rlast_q, rerror_q;
  logic [63:0] rdata_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) rvalid_q <= 1'b0;
    else rvalid_q <= axi_rvalid_i & (outstanding_q != '0);
  end

  always_ff @(posedge clk_i) begin
    rdata_q  <= axi_rdata_i;
    rlast_q  <= axi_rlast_i;
    rerror_q <= axi_rresp_i != 2'b00;
  end

  assign axi_rready_o = 1'b1;
  assign burst_done   = rvalid_q & rlast_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) error_o <= 1'b0;
    else error_o <= rvalid_q & rerror_q & ~drain_q;
  end

  // For each outstanding burst: does it end its command?
  logic [MaxOutstanding-1:0] ends_q;
  logic [IndexBits-1:0]      ends_wr_q, ends_rd_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      outstanding_q <= '0;
      ends_wr_q     <= '0;
      ends_rd_q     <= '0;
    end else begin
      if (issue != burst_done) outstanding_q <= outstanding_q + (burst_done ? {CountBits{1'b1}} : CountBits'(1));
      if (issue) ends_wr_q <= ends_wr_q + 1'b1;
      if (burst_done) ends_rd_q <= ends_rd_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (issue) ends_q[ends_wr_q] <= plan_last_q;
  end

  // Room that no issued burst has claimed. Whether it is enough is looked up a cycle late: the next
  // burst follows two cycles after one at the earliest, and besides bursts room only grows.
  always_ff @(posedge clk_i) begin
    if (!rst_ni || drain_q) room_q <= RoomBits'(FifoDepth);
    else room_q <= room_q - (issue ? RoomBits'(plan_len_q) : '0) + RoomBits'(pop_q);
  end

  always_ff @(posedge clk_i) begin
    pop_q   <= pop & rst_ni & ~drain_q;
    roomy_q <= room_q >= RoomBits'(BurstBeats);
  end

  logic                fifo_ready;
  logic [RoomBits-1:0] fifo_level;

  fb_fifo #(
    .Width(65),
    .Depth(FifoDepth)
  ) u_fifo (
    .clk_i,
    .rst_ni,
    .clear_i    (drain_q),
    .in_valid_i (rvalid_q),
    .in_ready_o (fifo_ready),
    .in_data_i  ({rlast_q & ends_q[ends_rd_q], rdata_q}),
    .out_valid_o(data_valid_o),
    .out_ready_i(data_ready_i),
    .out_data_o ({data_last_o, data_o}),
    .level_o    (fifo_level)
  );

  assign pop = data_valid_o & data_ready_i;

  assign quiet  = ~arvalid_q & ~rvalid_q & (outstanding_q == '0);
  assign idle_o = quiet & ~busy_q;

  // Room was claimed for every beat, so the FIFO is always ready; addresses are multiples of 8.
  logic unused;
  assign unused = ^{fifo_ready, fifo_level, cmd_addr_i[2:0]};

endmodule

`default_nettype wire
