// The Firebrick engine: one systolic array of Pixels x Channels x Pump MACs a cycle that runs a
// SqueezeNet-like network as a program.
//
//   program port -> fb_program -+-> group descriptors -> fb_planner -> fb_issuer
//                               +-> bias memory, weight memory              |
//   maps port    -> fb_loader --> activation memory --> fb_window -> fb_array -> fb_requant
//                                     ^                                          |
//                                     +-------- rows that stay on the chip ------+
//   program port -> fb_addend ------------------- maps to add --------------> fb_add
//                                                                                |
//   maps port    <- fb_axi_writer <- fb_output <------- fb_pool, fb_sum <--------+
//
// Maps to add are read on the program port: a bypass adds a module's input to its output, so their
// rows are wanted at the same time as the source rows that fill the maps port, most where maps are
// large; weights fill the program port most where maps are small.
//
// Bus ports carry the standard AXI names, so that tools find the interfaces: s_axi_control
// (AXI4-Lite), m_axi_maps and m_axi_program (AXI4, 64 bits, INCR bursts of at most 16 beats that
// never cross 128 bytes).  irq_o is a level.  Reset is synchronous.
`default_nettype none

module firebrick_engine #(
  // pixels of a tile: rows of the array
  parameter int unsigned Pixels = 14,
  // output channels of a block: two for each column of the array
  parameter int unsigned Channels = 32,
  // accumulator width, at most 24
  parameter int unsigned AccBits = 24,
  // K steps a cycle: 1 or 2
  parameter int unsigned Pump = 1,
  // with Pump = 2: 1 for multipliers at twice the clock, 0 for a model of them at one clock, which
  // gives the same in every cycle and simulates quickly
  parameter bit          FastClock = 1'b0,
  // depths of the memories, powers of two
  parameter int unsigned ActWords = 4096,
  parameter int unsigned WeightWords = 8192,
  parameter int unsigned BiasPairs = 1024,
  parameter int unsigned PoolChannels = 512,
  parameter int unsigned PoolLineWords = 1024,
  parameter int unsigned Sums = 1024,
  parameter int unsigned FifoWords = 512
) (
  input  wire         clk_i,
  input  wire         clk_fast_i,     // with FastClock: twice clk_i, in phase
  input  wire         rst_ni,
  input  wire         clock_lost_i,   // looked at in reset, which it is the reason of
  output logic        irq_o,

  input  wire  [12:0] s_axi_control_awaddr,
  input  wire         s_axi_control_awvalid,
  output logic        s_axi_control_awready,
  input  wire  [31:0] s_axi_control_wdata,
  input  wire  [3:0]  s_axi_control_wstrb,
  input  wire         s_axi_control_wvalid,
  output logic        s_axi_control_wready,
  output logic [1:0]  s_axi_control_bresp,
  output logic        s_axi_control_bvalid,
  input  wire         s_axi_control_bready,
  input  wire  [12:0] s_axi_control_araddr,
  input  wire         s_axi_control_arvalid,
  output logic        s_axi_control_arready,
  output logic [31:0] s_axi_control_rdata,
  output logic [1:0]  s_axi_control_rresp,
  output logic        s_axi_control_rvalid,
  input  wire         s_axi_control_rready,

  output logic [31:0] m_axi_maps_awaddr,
  output logic [7:0]  m_axi_maps_awlen,
  output logic [2:0]  m_axi_maps_awsize,
  output logic [1:0]  m_axi_maps_awburst,
  output logic        m_axi_maps_awvalid,
  input  wire         m_axi_maps_awready,
  output logic [63:0] m_axi_maps_wdata,
  output logic [7:0]  m_axi_maps_wstrb,
  output logic        m_axi_maps_wlast,
  output logic        m_axi_maps_wvalid,
  input  wire         m_axi_maps_wready,
  input  wire  [1:0]  m_axi_maps_bresp,
  input  wire         m_axi_maps_bvalid,
  output logic        m_axi_maps_bready,
  output logic [31:0] m_axi_maps_araddr,
  output logic [7:0]  m_axi_maps_arlen,
  output logic [2:0]  m_axi_maps_arsize,
  output logic [1:0]  m_axi_maps_arburst,
  output logic        m_axi_maps_arvalid,
  input  wire         m_axi_maps_arready,
  input  wire  [63:0] m_axi_maps_rdata,
  input  wire  [1:0]  m_axi_maps_rresp,
  input  wire         m_axi_maps_rlast,
  input  wire         m_axi_maps_rvalid,
  output logic        m_axi_maps_rready,

  output logic [31:0] m_axi_program_araddr,
  output logic [7:0]  m_axi_program_arlen,
  output logic [2:0]  m_axi_program_arsize,
  output logic [1:0]  m_axi_program_arburst,
  output logic        m_axi_program_arvalid,
  input  wire         m_axi_program_arready,
  input  wire  [63:0] m_axi_program_rdata,
  input  wire  [1:0]  m_axi_program_rresp,
  input  wire         m_axi_program_rlast,
  input  wire         m_axi_program_rvalid,
  output logic        m_axi_program_rready
);
  // Stored words are padded to a power of two of bytes, at least one beat.
  localparam int unsigned WordBytes = (Pixels <= 8) ? 8 : (1 << $clog2(Pixels));
  localparam int unsigned ActAddrBits = $clog2(ActWords);
  localparam int unsigned WeightAddrBits = $clog2(WeightWords);
  localparam int unsigned SumBits = 40;
  // Latencies of the pipelines, as their headers state them.
  localparam int unsigned WindowLatency = 6;
  localparam int unsigned WeightLatency = 2;
  localparam int unsigned DrainLatency = 6;
  localparam int unsigned PoolLatency = 6;
  localparam int unsigned SumLatency = 3;

  if (AccBits > 24) begin : gen_check_acc
    $error("AccBits = %0d: bias entries hold 24 bits", AccBits);
  end
  if (Channels % 8 != 0) begin : gen_check_channels
    $error("Channels = %0d: weights are loaded in beats of 8 channels", Channels);
  end
  if (Pump != 1 && Pump != 2) begin : gen_check_pump
    $error("Pump = %0d: the array takes 1 or 2 K steps a cycle", Pump);
  end
  if (Pixels * 8 < SumBits) begin : gen_check_pixels
    $error("Pixels = %0d: a word must hold a sum of %0d bits", Pixels, SumBits);
  end

  // ------------------------------------------------------------------------------------- control
  logic        core_rst_n, abort, start, masters_idle;
  logic        maps_read_idle, maps_write_idle, program_idle;
  logic        maps_read_error, maps_write_error, program_read_error;
  logic        program_error, fields_error;
  logic        load_bounds_error, addend_bounds_error, write_bounds_error;
  logic        addend_idle, addend_read_error;
  logic [7:0]  program_error_code;
  logic [31:0] program_addr, input_addr, output_addr, scratch_addr, input_stride, output_stride;
  logic [31:0] program_end, input_end, output_end, scratch_end;
  logic [15:0] images;
  logic        all_loaded;
  logic [15:0] groups_read;
  logic [15:0] written_seq_q;
  logic [9:0]  written_rows_q;
  logic        issue_done, issue_group_end, issue_program_end;
  logic [3:0]  issue_free_rows;
  logic [15:0] issue_weights_used;
  logic [11:0] issue_bias_pairs;
  logic        active, pacing, wait_weights, wait_input, wait_output, wait_ring;
  logic        reg_wr_en, reg_rd_en;
  logic [12:0] reg_wr_addr, reg_rd_addr;
  logic [31:0] reg_wr_data, reg_rd_data;
  logic [3:0]  unused_reg_strb;

  fb_axil #(
    .AddrBits(firebrick_pkg::RegisterBits)
  ) u_axil (
    .clk_i,
    .rst_ni,
    .axil_awaddr_i (s_axi_control_awaddr),
    .axil_awvalid_i(s_axi_control_awvalid),
    .axil_awready_o(s_axi_control_awready),
    .axil_wdata_i  (s_axi_control_wdata),
    .axil_wstrb_i  (s_axi_control_wstrb),
    .axil_wvalid_i (s_axi_control_wvalid),
    .axil_wready_o (s_axi_control_wready),
    .axil_bresp_o  (s_axi_control_bresp),
    .axil_bvalid_o (s_axi_control_bvalid),
    .axil_bready_i (s_axi_control_bready),
    .axil_araddr_i (s_axi_control_araddr),
    .axil_arvalid_i(s_axi_control_arvalid),
    .axil_arready_o(s_axi_control_arready),
    .axil_rdata_o  (s_axi_control_rdata),
    .axil_rresp_o  (s_axi_control_rresp),
    .axil_rvalid_o (s_axi_control_rvalid),
    .axil_rready_i (s_axi_control_rready),
    .wr_en_o       (reg_wr_en),
    .wr_addr_o     (reg_wr_addr),
    .wr_data_o     (reg_wr_data),
    .wr_strb_o     (unused_reg_strb),
    .wr_error_i    (1'b0),
    .rd_en_o       (reg_rd_en),
    .rd_addr_o     (reg_rd_addr),
    .rd_data_i     (reg_rd_data),
    .rd_error_i    (1'b0)
  );

  assign masters_idle = maps_read_idle && maps_write_idle && program_idle && addend_idle;

  fb_control #(
    .Pixels(Pixels),
    .Channels(Channels),
    .AccBits(AccBits),
    .WordBytes(WordBytes),
    .Pump(Pump),
    .ActWords(ActWords),
    .WeightWords(WeightWords),
    .BiasPairs(BiasPairs),
    .PoolChannels(PoolChannels),
    .PoolLineWords(PoolLineWords),
    .Sums(Sums)
  ) u_control (
    .clk_i,
    .rst_ni,
    .clock_lost_i,
    .irq_o,
    .wr_en_i             (reg_wr_en),
    .wr_addr_i           (reg_wr_addr),
    .wr_data_i           (reg_wr_data),
    .rd_en_i             (reg_rd_en),
    .rd_addr_i           (reg_rd_addr),
    .rd_data_o           (reg_rd_data),
    .core_rst_no         (core_rst_n),
    .abort_o             (abort),
    .masters_idle_i      (masters_idle),
    .start_o             (start),
    .program_addr_o      (program_addr),
    .input_addr_o        (input_addr),
    .output_addr_o       (output_addr),
    .scratch_addr_o      (scratch_addr),
    .program_end_o       (program_end),
    .input_end_o         (input_end),
    .output_end_o        (output_end),
    .scratch_end_o       (scratch_end),
    .input_stride_o      (input_stride),
    .output_stride_o     (output_stride),
    .images_o            (images),
    .all_loaded_i        (all_loaded),
    .groups_i            (groups_read),
    .written_seq_i       (written_seq_q),
    .group_done_i        (issue_done && issue_group_end),
    .image_done_i        (issue_done && issue_program_end),
    .error_program_i     (program_error),
    .error_program_code_i(program_error_code),
    .error_fields_i      (fields_error),
    .error_bounds_i      (load_bounds_error || addend_bounds_error || write_bounds_error),
    .error_program_read_i(program_read_error),
    .error_map_read_i    (maps_read_error || addend_read_error),
    .error_map_write_i   (maps_write_error),
    .active_i            (active),
    .pacing_i            (pacing),
    .wait_weights_i      (wait_weights),
    .wait_input_i        (wait_input),
    .wait_output_i       (wait_output),
    .wait_ring_i         (wait_ring),
    .beat_program_i      (m_axi_program_rvalid && m_axi_program_rready),
    .beat_read_i         (m_axi_maps_rvalid && m_axi_maps_rready),
    .beat_write_i        (m_axi_maps_wvalid && m_axi_maps_wready)
  );

  // ------------------------------------------------------------------------------------- program
  logic        program_cmd_valid, program_cmd_ready, program_data_valid, program_data_ready;
  logic [31:0] program_cmd_addr;
  logic [23:0] program_cmd_beats;
  logic [63:0] program_data;
  logic        unused_program_last, unused_program_rready;
  logic [31:0] program_araddr, addend_araddr;
  logic [7:0]  program_arlen, addend_arlen;
  logic        program_arvalid, program_arready, program_rvalid;
  logic        addend_arvalid, addend_arready, addend_rvalid;
  firebrick_pkg::group_t      group, planner_group;
  logic        planner_group_valid, planner_group_ready, loader_group_valid, loader_group_ready;
  logic        addend_group_valid, addend_group_ready;
  logic        bias_wr_en, weight_wr_en;
  logic [$clog2(BiasPairs)-1:0] bias_wr_addr, bias_rd_addr;
  logic [63:0] bias_wr_data, bias_rd_data;
  logic        bias_rd_en;
  logic [WeightAddrBits-1:0] weight_wr_addr;
  logic [Channels*Pump*8-1:0] weight_wr_data, weight_rd_data;
  logic [15:0] weights_loaded;

  assign m_axi_program_arsize = 3'd3;
  assign m_axi_program_arburst = 2'b01;

  fb_axi_reader u_program_reader (
    .clk_i,
    .rst_ni,
    .cmd_valid_i  (program_cmd_valid),
    .cmd_ready_o  (program_cmd_ready),
    .cmd_addr_i   (program_cmd_addr),
    .cmd_beats_i  (program_cmd_beats),
    .data_valid_o (program_data_valid),
    .data_ready_i (program_data_ready),
    .data_o       (program_data),
    .data_last_o  (unused_program_last),
    .abort_i      (abort),
    .idle_o       (program_idle),
    .error_o      (program_read_error),
    .axi_araddr_o (program_araddr),
    .axi_arlen_o  (program_arlen),
    .axi_arvalid_o(program_arvalid),
    .axi_arready_i(program_arready),
    .axi_rdata_i  (m_axi_program_rdata),
    .axi_rresp_i  (m_axi_program_rresp),
    .axi_rlast_i  (m_axi_program_rlast),
    .axi_rvalid_i (program_rvalid),
    .axi_rready_o (unused_program_rready)
  );

  // -------------------------------------------------------------------------------- maps to add
  logic        addend_cmd_valid, addend_cmd_ready, addend_data_valid, addend_data_ready;
  logic [31:0] addend_cmd_addr;
  logic [23:0] addend_cmd_beats;
  logic [63:0] addend_data;
  logic        unused_addend_last, unused_addend_rready;
  logic        addend_word, addend_pop;
  logic [Pixels*8-1:0] addend;

  fb_axi_reader #(
    .FifoDepth(128)
  ) u_addend_reader (
    .clk_i,
    .rst_ni,
    .cmd_valid_i  (addend_cmd_valid),
    .cmd_ready_o  (addend_cmd_ready),
    .cmd_addr_i   (addend_cmd_addr),
    .cmd_beats_i  (addend_cmd_beats),
    .data_valid_o (addend_data_valid),
    .data_ready_i (addend_data_ready),
    .data_o       (addend_data),
    .data_last_o  (unused_addend_last),
    .abort_i      (abort),
    .idle_o       (addend_idle),
    .error_o      (addend_read_error),
    .axi_araddr_o (addend_araddr),
    .axi_arlen_o  (addend_arlen),
    .axi_arvalid_o(addend_arvalid),
    .axi_arready_i(addend_arready),
    .axi_rdata_i  (m_axi_program_rdata),
    .axi_rresp_i  (m_axi_program_rresp),
    .axi_rlast_i  (m_axi_program_rlast),
    .axi_rvalid_i (addend_rvalid),
    .axi_rready_o (unused_addend_rready)
  );

  // Both readers always take their data.
  assign m_axi_program_rready = 1'b1;

  fb_read_join u_program_port (
    .clk_i,
    .rst_ni,
    .a_araddr_i   (program_araddr),
    .a_arlen_i    (program_arlen),
    .a_arvalid_i  (program_arvalid),
    .a_arready_o  (program_arready),
    .a_rvalid_o   (program_rvalid),
    .b_araddr_i   (addend_araddr),
    .b_arlen_i    (addend_arlen),
    .b_arvalid_i  (addend_arvalid),
    .b_arready_o  (addend_arready),
    .b_rvalid_o   (addend_rvalid),
    .axi_araddr_o (m_axi_program_araddr),
    .axi_arlen_o  (m_axi_program_arlen),
    .axi_arvalid_o(m_axi_program_arvalid),
    .axi_arready_i(m_axi_program_arready),
    .axi_rlast_i  (m_axi_program_rlast),
    .axi_rvalid_i (m_axi_program_rvalid)
  );

  fb_addend #(
    .Pixels(Pixels),
    .WordBytes(WordBytes),
    .FifoWords(FifoWords)
  ) u_addend (
    .clk_i,
    .rst_ni        (core_rst_n),
    .start_i       (start),
    .scratch_addr_i(scratch_addr),
    .scratch_end_i (scratch_end),
    .group_valid_i (addend_group_valid),
    .group_ready_o (addend_group_ready),
    .group_i       (group),
    .written_seq_i (written_seq_q),
    .written_rows_i(written_rows_q),
    .cmd_valid_o   (addend_cmd_valid),
    .cmd_ready_i   (addend_cmd_ready),
    .cmd_addr_o    (addend_cmd_addr),
    .cmd_beats_o   (addend_cmd_beats),
    .data_valid_i  (addend_data_valid),
    .data_ready_o  (addend_data_ready),
    .data_i        (addend_data),
    .word_o        (addend_word),
    .pop_i         (addend_pop),
    .data_o        (addend),
    .bounds_error_o(addend_bounds_error)
  );

  fb_program #(
    .Pixels(Pixels),
    .Channels(Channels),
    .AccBits(AccBits),
    .WordBytes(WordBytes),
    .Pump(Pump),
    .ActWords(ActWords),
    .WeightWords(WeightWords),
    .BiasPairs(BiasPairs),
    .PoolChannels(PoolChannels),
    .PoolLineWords(PoolLineWords),
    .Sums(Sums)
  ) u_program (
    .clk_i,
    .rst_ni             (core_rst_n),
    .start_i            (start),
    .program_addr_i     (program_addr),
    .program_end_i      (program_end),
    .images_i           (images),
    .cmd_valid_o        (program_cmd_valid),
    .cmd_ready_i        (program_cmd_ready),
    .cmd_addr_o         (program_cmd_addr),
    .cmd_beats_o        (program_cmd_beats),
    .data_valid_i       (program_data_valid),
    .data_ready_o       (program_data_ready),
    .data_i             (program_data),
    .group_o            (group),
    .planner_group_o    (planner_group),
    .planner_valid_o    (planner_group_valid),
    .planner_ready_i    (planner_group_ready),
    .loader_valid_o     (loader_group_valid),
    .loader_ready_i     (loader_group_ready),
    .addend_valid_o     (addend_group_valid),
    .addend_ready_i     (addend_group_ready),
    .bias_wr_en_o       (bias_wr_en),
    .bias_wr_addr_o     (bias_wr_addr),
    .bias_wr_data_o     (bias_wr_data),
    .weight_wr_en_o     (weight_wr_en),
    .weight_wr_addr_o   (weight_wr_addr),
    .weight_wr_data_o   (weight_wr_data),
    .weights_loaded_o   (weights_loaded),
    .used_i             (issue_done),
    .weights_used_i     (issue_weights_used),
    .free_i             (issue_done && issue_group_end),
    .free_bias_pairs_i  (issue_bias_pairs),
    .all_loaded_o       (all_loaded),
    .groups_o           (groups_read),
    .error_o            (program_error),
    .error_code_o       (program_error_code)
  );

  fb_ram #(
    .Width(64),
    .Depth(BiasPairs)
  ) u_biases (
    .clk_i,
    .wr_en_i  (bias_wr_en),
    .wr_addr_i(bias_wr_addr),
    .wr_data_i(bias_wr_data),
    .rd_en_i  (bias_rd_en),
    .rd_addr_i(bias_rd_addr),
    .rd_data_o(bias_rd_data)
  );

  // ---------------------------------------------------------------------------------- source rows
  logic        load_cmd_valid, load_cmd_ready, load_data_valid, load_data_ready, load_data_last;
  logic [31:0] load_cmd_addr;
  logic [23:0] load_cmd_beats;
  logic [63:0] load_data;
  logic        load_wr_valid, load_wr_ready, load_wr_front, load_wr_middle;
  logic [ActAddrBits-1:0] load_wr_front_addr, load_wr_back_addr;
  logic [Pixels*8-1:0] load_wr_data;
  logic [15:0] load_seq;
  logic [9:0]  load_rows;

  assign m_axi_maps_arsize = 3'd3;
  assign m_axi_maps_arburst = 2'b01;

  fb_axi_reader u_maps_reader (
    .clk_i,
    .rst_ni,
    .cmd_valid_i  (load_cmd_valid),
    .cmd_ready_o  (load_cmd_ready),
    .cmd_addr_i   (load_cmd_addr),
    .cmd_beats_i  (load_cmd_beats),
    .data_valid_o (load_data_valid),
    .data_ready_i (load_data_ready),
    .data_o       (load_data),
    .data_last_o  (load_data_last),
    .abort_i      (abort),
    .idle_o       (maps_read_idle),
    .error_o      (maps_read_error),
    .axi_araddr_o (m_axi_maps_araddr),
    .axi_arlen_o  (m_axi_maps_arlen),
    .axi_arvalid_o(m_axi_maps_arvalid),
    .axi_arready_i(m_axi_maps_arready),
    .axi_rdata_i  (m_axi_maps_rdata),
    .axi_rresp_i  (m_axi_maps_rresp),
    .axi_rlast_i  (m_axi_maps_rlast),
    .axi_rvalid_i (m_axi_maps_rvalid),
    .axi_rready_o (m_axi_maps_rready)
  );

  fb_loader #(
    .Pixels(Pixels),
    .WordBytes(WordBytes),
    .ActAddrBits(ActAddrBits)
  ) u_loader (
    .clk_i,
    .rst_ni           (core_rst_n),
    .start_i          (start),
    .input_addr_i     (input_addr),
    .input_stride_i   (input_stride),
    .input_end_i      (input_end),
    .scratch_end_i    (scratch_end),
    .output_end_i     (output_end),
    .scratch_addr_i   (scratch_addr),
    .output_addr_i    (output_addr),
    .group_valid_i    (loader_group_valid),
    .group_ready_o    (loader_group_ready),
    .group_i          (group),
    .issue_done_i     (issue_done),
    .issue_free_rows_i(issue_free_rows),
    .issue_group_end_i(issue_group_end),
    .written_seq_i    (written_seq_q),
    .written_rows_i   (written_rows_q),
    .cmd_valid_o      (load_cmd_valid),
    .cmd_ready_i      (load_cmd_ready),
    .cmd_addr_o       (load_cmd_addr),
    .cmd_beats_o      (load_cmd_beats),
    .data_valid_i     (load_data_valid),
    .data_ready_o     (load_data_ready),
    .data_i           (load_data),
    .data_last_i      (load_data_last),
    .wr_valid_o       (load_wr_valid),
    .wr_ready_i       (load_wr_ready),
    .wr_front_addr_o  (load_wr_front_addr),
    .wr_back_addr_o   (load_wr_back_addr),
    .wr_front_o       (load_wr_front),
    .wr_middle_o      (load_wr_middle),
    .wr_data_o        (load_wr_data),
    .seq_o            (load_seq),
    .rows_o           (load_rows),
    .bounds_error_o   (load_bounds_error)
  );

  // ------------------------------------------------------------------------------------- sequence
  logic   block_valid, block_ready;
  fb_block_pkg::block_t block;
  logic   ring_row_done_q, tail_row_done_q;
  logic   fifo_pop;
  logic        planned_valid, planned_ready, planned_sum;
  logic        segment_valid, segment_ready, segment_sum;
  logic [31:0] planned_addr, segment_addr;
  logic [12:0] planned_words, segment_words;
  logic [1:0]  planned_tag, segment_tag;

  fb_planner #(
    .Pixels(Pixels),
    .Channels(Channels),
    .WordBytes(WordBytes),
    .FifoWords(FifoWords)
  ) u_planner (
    .clk_i,
    .rst_ni          (core_rst_n),
    .start_i         (start),
    .scratch_addr_i  (scratch_addr),
    .output_addr_i   (output_addr),
    .output_stride_i (output_stride),
    .scratch_end_i   (scratch_end),
    .output_end_i    (output_end),
    .group_valid_i   (planner_group_valid),
    .group_ready_o   (planner_group_ready),
    .group_i         (planner_group),
    .weights_loaded_i(weights_loaded),
    .load_seq_i      (load_seq),
    .load_rows_i     (load_rows),
    .ring_row_done_i (ring_row_done_q),
    .tail_row_done_i (tail_row_done_q),
    .fifo_pop_i      (fifo_pop),
    .addend_word_i   (addend_word),
    .segment_valid_o (planned_valid),
    .segment_ready_i (planned_ready),
    .segment_addr_o  (planned_addr),
    .segment_words_o (planned_words),
    .segment_sum_o   (planned_sum),
    .segment_tag_o   (planned_tag),
    .block_valid_o   (block_valid),
    .block_ready_i   (block_ready),
    .block_o         (block),
    .wait_weights_o  (wait_weights),
    .wait_input_o    (wait_input),
    .wait_output_o   (wait_output),
    .wait_ring_o     (wait_ring),
    .fields_error_o  (fields_error),
    .bounds_error_o  (write_bounds_error)
  );

  // Whether the planner moves on decides over its own registers only.
  fb_slice #(
    .Width($bits(planned_addr) + $bits(planned_words) + 1 + $bits(planned_tag))
  ) u_segments (
    .clk_i,
    .rst_ni     (core_rst_n),
    .in_valid_i (planned_valid),
    .in_ready_o (planned_ready),
    .in_data_i  ({planned_addr, planned_words, planned_sum, planned_tag}),
    .out_valid_o(segment_valid),
    .out_ready_i(segment_ready),
    .out_data_o ({segment_addr, segment_words, segment_sum, segment_tag})
  );

  logic                      act_rd_en;
  logic [ActAddrBits-1:0]    act_rd_addr;
  logic                      slot_valid, slot_read, slot_fold, slot_elem_last, slot_signed;
  logic [1:0]                slot_zero;
  logic                      slot_first, slot_last;
  logic [2:0]                slot_sel;
  logic [WeightAddrBits-1:0] slot_weight_addr;
  logic                      token_valid;
  fb_block_pkg::token_t                    token;

  fb_issuer #(
    .Channels(Channels),
    .Pump(Pump),
    .ActAddrBits(ActAddrBits),
    .WeightAddrBits(WeightAddrBits)
  ) u_issuer (
    .clk_i,
    .rst_ni             (core_rst_n),
    .block_valid_i      (block_valid),
    .block_ready_o      (block_ready),
    .block_i            (block),
    .act_rd_en_o        (act_rd_en),
    .act_rd_addr_o      (act_rd_addr),
    .slot_valid_o       (slot_valid),
    .slot_read_o        (slot_read),
    .slot_zero_o        (slot_zero),
    .slot_fold_o        (slot_fold),
    .slot_elem_last_o   (slot_elem_last),
    .slot_sel_o         (slot_sel),
    .slot_signed_o      (slot_signed),
    .slot_first_o       (slot_first),
    .slot_last_o        (slot_last),
    .slot_weight_addr_o (slot_weight_addr),
    .token_valid_o      (token_valid),
    .token_o            (token),
    .done_o             (issue_done),
    .done_free_rows_o   (issue_free_rows),
    .done_group_end_o   (issue_group_end),
    .done_program_end_o (issue_program_end),
    .done_weights_used_o(issue_weights_used),
    .done_bias_pairs_o  (issue_bias_pairs),
    .active_o           (active),
    .pacing_o           (pacing)
  );

  // ------------------------------------------------------------------------- activation memory
  logic                   ring_wr_en_q;
  logic [ActAddrBits-1:0] ring_wr_addr_q;
  logic [Pixels*8-1:0]    ring_wr_data_q;
  logic                   act_wr_en, act_wr_front, act_wr_middle;
  logic [ActAddrBits-1:0] act_wr_front_addr, act_wr_back_addr;
  logic [Pixels*8-1:0]    act_wr_data;

  // Squeeze results come when they come; loaded rows can wait.
  assign load_wr_ready = !ring_wr_en_q;
  assign act_wr_en = ring_wr_en_q || load_wr_valid;
  assign act_wr_front = ring_wr_en_q || load_wr_front;
  assign act_wr_middle = ring_wr_en_q || load_wr_middle;
  assign act_wr_front_addr = ring_wr_en_q ? ring_wr_addr_q : load_wr_front_addr;
  assign act_wr_back_addr = ring_wr_en_q ? ring_wr_addr_q : load_wr_back_addr;
  assign act_wr_data = ring_wr_en_q ? ring_wr_data_q : load_wr_data;

  // --------------------------------------------------------------------------- window and array
  // A memory and a window for each of the K steps that the array takes at once; words are dealt out
  // to the memories by the lowest bit of their address.  What is done with them is the same.
  localparam int unsigned PumpBits = $clog2(Pump);
  localparam int unsigned HalfBits = Pixels / 2 * 8;

  logic [Pump-1:0][Pixels-1:0][8:0] act;
  logic [Pump-1:0]                act_valids, act_firsts, act_lasts;
  logic                           act_valid, act_first, act_last;
  logic [Pixels-1:0][AccBits-1:0] sums;

  for (genvar k = 0; k < Pump; k++) begin : gen_lane
    logic [Pixels*8-1:0] word;
    logic                mine_front, mine_back;

    assign mine_front = 32'(act_wr_front_addr) % Pump == k;
    assign mine_back = 32'(act_wr_back_addr) % Pump == k;

    // The parts of a word that the loader writes by themselves.
    fb_ram #(
      .Width(HalfBits),
      .Depth(ActWords / Pump)
    ) u_front (
      .clk_i,
      .wr_en_i  (act_wr_en && act_wr_front && mine_front),
      .wr_addr_i(act_wr_front_addr[ActAddrBits-1:PumpBits]),
      .wr_data_i(act_wr_data[HalfBits-1:0]),
      .rd_en_i  (act_rd_en),
      .rd_addr_i(act_rd_addr[ActAddrBits-1:PumpBits]),
      .rd_data_o(word[HalfBits-1:0])
    );

    if (Pixels % 2 == 1) begin : gen_middle
      fb_ram #(
        .Width(8),
        .Depth(ActWords / Pump)
      ) u_middle (
        .clk_i,
        .wr_en_i  (act_wr_en && act_wr_middle && mine_front),
        .wr_addr_i(act_wr_front_addr[ActAddrBits-1:PumpBits]),
        .wr_data_i(act_wr_data[HalfBits+:8]),
        .rd_en_i  (act_rd_en),
        .rd_addr_i(act_rd_addr[ActAddrBits-1:PumpBits]),
        .rd_data_o(word[HalfBits+:8])
      );
    end

    fb_ram #(
      .Width(HalfBits),
      .Depth(ActWords / Pump)
    ) u_back (
      .clk_i,
      .wr_en_i  (act_wr_en && mine_back),
      .wr_addr_i(act_wr_back_addr[ActAddrBits-1:PumpBits]),
      .wr_data_i(act_wr_data[Pixels*8-1-:HalfBits]),
      .rd_en_i  (act_rd_en),
      .rd_addr_i(act_rd_addr[ActAddrBits-1:PumpBits]),
      .rd_data_o(word[Pixels*8-1-:HalfBits])
    );

    fb_window #(
      .P(Pixels)
    ) u_window (
      .clk_i,
      .rst_ni          (core_rst_n),
      .slot_valid_i    (slot_valid),
      .slot_read_i     (slot_read),
      .slot_zero_i     (slot_zero),
      .slot_fold_i     (slot_fold),
      .slot_elem_last_i(slot_elem_last),
      .slot_sel_i      (slot_sel),
      .slot_signed_i   (slot_signed),
      .slot_first_i    (slot_first),
      .slot_last_i     (slot_last),
      .word_i          (word),
      .act_o           (act[k]),
      .valid_o         (act_valids[k]),
      .first_o         (act_firsts[k]),
      .last_o          (act_lasts[k])
    );
  end

  assign act_valid = act_valids[0];
  assign act_first = act_firsts[0];
  assign act_last = act_lasts[0];

  logic unused_lanes;
  assign unused_lanes = &{1'b0, act_valids, act_firsts, act_lasts, act_rd_addr, act_wr_middle};

  // Weights are read so late that they meet their activations.
  localparam int unsigned WeightDelay = WindowLatency - WeightLatency;
  logic [WeightDelay-1:0]                     weight_rd_en_q;
  logic [WeightDelay-1:0][WeightAddrBits-1:0] weight_rd_addr_q;

  always_ff @(posedge clk_i) begin
    weight_rd_en_q <= WeightDelay'({weight_rd_en_q, slot_valid});
    weight_rd_addr_q <= (WeightDelay*WeightAddrBits)'({weight_rd_addr_q, slot_weight_addr});
  end

  fb_ram #(
    .Width(Channels * Pump * 8),
    .Depth(WeightWords)
  ) u_weights (
    .clk_i,
    .wr_en_i  (weight_wr_en),
    .wr_addr_i(weight_wr_addr),
    .wr_data_i(weight_wr_data),
    .rd_en_i  (weight_rd_en_q[WeightDelay-1]),
    .rd_addr_i(weight_rd_addr_q[WeightDelay-1]),
    .rd_data_o(weight_rd_data)
  );

  fb_array #(
    .P(Pixels),
    .C(Channels),
    .AccBits(AccBits),
    .Pump(Pump),
    .FastClock(FastClock)
  ) u_array (
    .clk_i,
    .clk_fast_i,
    .act_i   (act),
    .weight_i(weight_rd_data),
    .first_i (act_first),
    .last_i  (act_last),
    .sum_o   (sums)
  );

  // ----------------------------------------------------------------------------- after the array
  logic               drain_valid, drain_channel_last;
  logic [AccBits-1:0] drain_bias;
  logic signed [AccBits-1:0] drain_bias_signed;
  assign drain_bias_signed = signed'(drain_bias);
  logic [4:0]         drain_shift;
  fb_block_pkg::token_t             drain_token;

  fb_drain #(
    .AccBits(AccBits),
    .BiasPairs(BiasPairs),
    .DrainLatency(DrainLatency)
  ) u_drain (
    .clk_i,
    .rst_ni        (core_rst_n),
    .token_valid_i (token_valid),
    .token_i       (token),
    .last_i        (act_valid && act_last),
    .bias_rd_en_o  (bias_rd_en),
    .bias_rd_addr_o(bias_rd_addr),
    .bias_rd_data_i(bias_rd_data),
    .valid_o       (drain_valid),
    .bias_o        (drain_bias),
    .shift_o       (drain_shift),
    .token_o       (drain_token),
    .channel_last_o(drain_channel_last)
  );

  localparam int unsigned CtxBits = $bits(drain_token) + 1;
  logic                   result_valid;
  logic [Pixels*8-1:0]    result_word;
  logic signed [SumBits-1:0] result_sum;
  fb_block_pkg::token_t                 result_token;
  logic                   result_channel_last;

  fb_requant #(
    .P(Pixels),
    .AccBits(AccBits),
    .CtxBits(CtxBits),
    .SumBits(SumBits)
  ) u_requant (
    .clk_i,
    .rst_ni  (core_rst_n),
    .valid_i (drain_valid),
    .bias_i  (drain_bias_signed),
    .shift_i (drain_shift),
    .relu_i  (drain_token.relu),
    .pixels_i(($clog2(Pixels + 1))'(drain_token.pixels)),
    .ctx_i   ({drain_token, drain_channel_last}),
    .acc_i   (sums),
    .valid_o (result_valid),
    .word_o  (result_word),
    .sum_o   (result_sum),
    .ctx_o   ({result_token, result_channel_last})
  );

  // Squeeze rows, and main rows in front of a tail, go back into the activation memory.
  logic ring_row_ends;
  assign ring_row_ends = core_rst_n && result_valid &&
                         (result_token.target == fb_block_pkg::ToRing) &&
                         result_token.row_end && result_channel_last;
  always_ff @(posedge clk_i) begin
    ring_wr_en_q <= core_rst_n && result_valid && (result_token.target == fb_block_pkg::ToRing);
    ring_wr_addr_q <= ActAddrBits'(result_token.addr);
    ring_wr_data_q <= result_word;
    ring_row_done_q <= ring_row_ends && !result_token.tail;
    tail_row_done_q <= ring_row_ends && result_token.tail;
  end

  // A stored map joins here.  From the first group on that adds one, all results take the adder's
  // way, so that they stay in order and no two arrive at once; programs without additions do not
  // lose its cycles.  The adder's way is chosen when a block starts, long before its results come,
  // and none of them is under way between two starts.
  logic                   adds_q;
  logic                   added_valid, final_valid;
  logic [Pixels*8-1:0]    added_word, final_word;
  logic signed [SumBits-1:0] added_sum, final_sum;
  fb_block_pkg::token_t   added_token, final_token;

  always_ff @(posedge clk_i) begin
    if (!core_rst_n || start) adds_q <= 1'b0;
    else if (token_valid && token.add) adds_q <= 1'b1;
  end

  assign addend_pop = result_valid && result_token.add;

  fb_add #(
    .P(Pixels),
    .CtxBits($bits(result_token) + SumBits)
  ) u_add (
    .clk_i,
    .rst_ni        (core_rst_n),
    .valid_i       (result_valid && adds_q),
    .add_i         (result_token.add),
    .left_i        (result_token.add_left),
    .shifts_own_i  (result_token.add_shifts_own),
    .shift_i       (result_token.add_shift),
    .own_signed_i  (!result_token.relu),
    .other_signed_i(result_token.add_signed),
    .out_signed_i  (result_token.out_signed),
    .own_i         (result_word),
    .other_i       (addend),
    .ctx_i         ({result_token, result_sum}),
    .valid_o       (added_valid),
    .word_o        (added_word),
    .ctx_o         ({added_token, added_sum})
  );

  assign final_valid = adds_q ? added_valid : result_valid;
  assign final_word = adds_q ? added_word : result_word;
  assign final_sum = adds_q ? added_sum : result_sum;
  assign final_token = adds_q ? added_token : result_token;

  logic                pool_valid, sum_valid;
  logic [Pixels*8-1:0] pool_word;
  logic signed [SumBits-1:0] sum_total;

  fb_pool #(
    .P(Pixels),
    .ChanDepth(PoolChannels),
    .LineDepth(PoolLineWords)
  ) u_pool (
    .clk_i,
    .rst_ni       (core_rst_n),
    .valid_i      (final_valid && (final_token.target == fb_block_pkg::ToPool)),
    .word_i       (final_word),
    .signed_i     (final_token.out_signed),
    .kernel3_i    (final_token.kernel3),
    .padded_i     (final_token.padded),
    .chan_i       (($clog2(PoolChannels))'(final_token.chan)),
    .line_addr_i  (($clog2(PoolLineWords))'(final_token.addr)),
    .tile_odd_i   (final_token.tile_odd),
    .tile_first_i (final_token.tile_first),
    .tile_last_i  (final_token.tile_last),
    .in_pixels_i  (($clog2(Pixels + 1))'(final_token.pixels)),
    .out_pixels_i (($clog2(Pixels + 1))'(final_token.out_pixels)),
    .v_use_i      (final_token.v_use),
    .v_store_row_i(final_token.v_store_row),
    .v_emit_i     (final_token.v_emit),
    .valid_o      (pool_valid),
    .word_o       (pool_word)
  );

  fb_sum #(
    .Depth(Sums),
    .InBits(SumBits),
    .SumBits(SumBits)
  ) u_sum (
    .clk_i,
    .rst_ni (core_rst_n),
    .valid_i(final_valid && (final_token.target == fb_block_pkg::ToSum)),
    .sum_i  (final_sum),
    .index_i(($clog2(Sums))'(final_token.chan)),
    .init_i (final_token.sum_init),
    .emit_i (final_token.sum_emit),
    .valid_o(sum_valid),
    .sum_o  (sum_total)
  );

  // Direct results and sums wait as long as pooled ones take, so that the order of blocks is the
  // order of words in the FIFO, and no two arrive at once.
  logic [PoolLatency-1:0]                      direct_valid_q;
  logic [PoolLatency-1:0][Pixels*8-1:0]        direct_word_q;
  logic [PoolLatency-SumLatency-1:0]           late_sum_valid_q;
  logic [PoolLatency-SumLatency-1:0][SumBits-1:0] late_sum_q;

  always_ff @(posedge clk_i) begin
    direct_word_q <= (PoolLatency*Pixels*8)'({direct_word_q, final_word});
    late_sum_q <= ((PoolLatency-SumLatency)*SumBits)'({late_sum_q, sum_total});
    if (!core_rst_n) begin
      direct_valid_q <= '0;
      late_sum_valid_q <= '0;
    end else begin
      direct_valid_q <= PoolLatency'({direct_valid_q,
                                      final_valid && (final_token.target == fb_block_pkg::ToMemory)});
      late_sum_valid_q <= (PoolLatency-SumLatency)'({late_sum_valid_q, sum_valid});
    end
  end

  logic                word_valid_q, word_sum_q;
  logic [Pixels*8-1:0] word_q;

  always_ff @(posedge clk_i) begin
    word_valid_q <= core_rst_n && (direct_valid_q[PoolLatency-1] || pool_valid ||
                                   late_sum_valid_q[PoolLatency-SumLatency-1]);
    word_sum_q <= late_sum_valid_q[PoolLatency-SumLatency-1];
    word_q <= direct_valid_q[PoolLatency-1] ? direct_word_q[PoolLatency-1] :
              pool_valid ? pool_word : (Pixels*8)'(late_sum_q[PoolLatency-SumLatency-1]);
  end

  // --------------------------------------------------------------------------------- to memory
  logic        write_cmd_valid, write_cmd_ready, beat_valid, beat_ready, write_done;
  logic [31:0] write_cmd_addr;
  logic [23:0] write_cmd_beats;
  logic [3:0]  write_cmd_tag, write_done_tag;
  logic [63:0] beat;

  fb_output #(
    .Pixels(Pixels),
    .WordBytes(WordBytes),
    .FifoWords(FifoWords),
    .SumBits(SumBits)
  ) u_output (
    .clk_i,
    .rst_ni         (core_rst_n),
    .word_valid_i   (word_valid_q),
    .word_sum_i     (word_sum_q),
    .word_i         (word_q),
    .pop_o          (fifo_pop),
    .segment_valid_i(segment_valid),
    .segment_ready_o(segment_ready),
    .segment_addr_i (segment_addr),
    .segment_words_i(segment_words),
    .segment_sum_i  (segment_sum),
    .segment_tag_i  (segment_tag),
    .cmd_valid_o    (write_cmd_valid),
    .cmd_ready_i    (write_cmd_ready),
    .cmd_addr_o     (write_cmd_addr),
    .cmd_beats_o    (write_cmd_beats),
    .cmd_tag_o      (write_cmd_tag),
    .beat_valid_o   (beat_valid),
    .beat_ready_i   (beat_ready),
    .beat_o         (beat)
  );

  assign m_axi_maps_awsize = 3'd3;
  assign m_axi_maps_awburst = 2'b01;

  fb_axi_writer u_maps_writer (
    .clk_i,
    .rst_ni,
    .cmd_valid_i  (write_cmd_valid),
    .cmd_ready_o  (write_cmd_ready),
    .cmd_addr_i   (write_cmd_addr),
    .cmd_beats_i  (write_cmd_beats),
    .cmd_tag_i    (write_cmd_tag),
    .data_valid_i (beat_valid),
    .data_ready_o (beat_ready),
    .data_i       (beat),
    .done_valid_o (write_done),
    .done_tag_o   (write_done_tag),
    .abort_i      (abort),
    .idle_o       (maps_write_idle),
    .error_o      (maps_write_error),
    .axi_awaddr_o (m_axi_maps_awaddr),
    .axi_awlen_o  (m_axi_maps_awlen),
    .axi_awvalid_o(m_axi_maps_awvalid),
    .axi_awready_i(m_axi_maps_awready),
    .axi_wdata_o  (m_axi_maps_wdata),
    .axi_wstrb_o  (m_axi_maps_wstrb),
    .axi_wlast_o  (m_axi_maps_wlast),
    .axi_wvalid_o (m_axi_maps_wvalid),
    .axi_wready_i (m_axi_maps_wready),
    .axi_bresp_i  (m_axi_maps_bresp),
    .axi_bvalid_i (m_axi_maps_bvalid),
    .axi_bready_o (m_axi_maps_bready)
  );

  // What is in memory: the loader reads a row of an earlier group only when it is.
  always_ff @(posedge clk_i) begin
    if (!core_rst_n || start) begin
      written_seq_q <= '0;
      written_rows_q <= '0;
    end else if (write_done && write_done_tag[1]) begin
      written_seq_q <= written_seq_q + 16'd1;
      written_rows_q <= '0;
    end else if (write_done && write_done_tag[0]) begin
      written_rows_q <= written_rows_q + 10'd1;
    end
  end

  logic unused_tag;
  assign unused_tag = &{1'b0, write_done_tag[3:2], result_token, final_token};
endmodule

`default_nettype wire
