// A DMA with the engine's ports, to measure and provoke the simulated board's memory.
//
// Registers (byte address): 0x00 control (write 1: start), 0x04 status (bit 0 busy),
// 0x08 source, 0x0c destination, 0x10 bursts a stream, 0x14 beats a burst,
// 0x18 streams (bit 0 maps read, 1 program read, 2 maps write), 0x1c misbehaviour,
// 0x20 cycles of the last run, 0x24 and 0x28 sums of the data read (maps, program),
// 0x2c error responses seen. 0x3c reads and writes answer SLVERR.
//
// Write data is the beat's number in all bytes. Misbehaviour: 1 wlast a beat early, 2 read address
// changes while it waits, 3 read address withdrawn, 4 wrapping burst, 5 4-byte beats, 6 assertion.

`default_nettype none

module probe (
    input  wire logic        clk_i,
    input  wire logic        clk_fast_i,
    input  wire logic        rst_ni,
    input  wire logic        clock_lost_i,
    output logic             irq_o,

    input  wire logic [12:0] s_axi_control_awaddr,
    input  wire logic        s_axi_control_awvalid,
    output logic             s_axi_control_awready,
    input  wire logic [31:0] s_axi_control_wdata,
    input  wire logic [3:0]  s_axi_control_wstrb,
    input  wire logic        s_axi_control_wvalid,
    output logic             s_axi_control_wready,
    output logic [1:0]       s_axi_control_bresp,
    output logic             s_axi_control_bvalid,
    input  wire logic        s_axi_control_bready,
    input  wire logic [12:0] s_axi_control_araddr,
    input  wire logic        s_axi_control_arvalid,
    output logic             s_axi_control_arready,
    output logic [31:0]      s_axi_control_rdata,
    output logic [1:0]       s_axi_control_rresp,
    output logic             s_axi_control_rvalid,
    input  wire logic        s_axi_control_rready,

    output logic [31:0]      m_axi_maps_awaddr,
    output logic [7:0]       m_axi_maps_awlen,
    output logic [2:0]       m_axi_maps_awsize,
    output logic [1:0]       m_axi_maps_awburst,
    output logic             m_axi_maps_awvalid,
    input  wire logic        m_axi_maps_awready,
    output logic [63:0]      m_axi_maps_wdata,
    output logic [7:0]       m_axi_maps_wstrb,
    output logic             m_axi_maps_wlast,
    output logic             m_axi_maps_wvalid,
    input  wire logic        m_axi_maps_wready,
    input  wire logic [1:0]  m_axi_maps_bresp,
    input  wire logic        m_axi_maps_bvalid,
    output logic             m_axi_maps_bready,
    output logic [31:0]      m_axi_maps_araddr,
    output logic [7:0]       m_axi_maps_arlen,
    output logic [2:0]       m_axi_maps_arsize,
    output logic [1:0]       m_axi_maps_arburst,
    output logic             m_axi_maps_arvalid,
    input  wire logic        m_axi_maps_arready,
    input  wire logic [63:0] m_axi_maps_rdata,
    input  wire logic [1:0]  m_axi_maps_rresp,
    input  wire logic        m_axi_maps_rlast,
    input  wire logic        m_axi_maps_rvalid,
    output logic             m_axi_maps_rready,

    output logic [31:0]      m_axi_program_araddr,
    output logic [7:0]       m_axi_program_arlen,
    output logic [2:0]       m_axi_program_arsize,
    output logic [1:0]       m_axi_program_arburst,
    output logic             m_axi_program_arvalid,
    input  wire logic        m_axi_program_arready,
    input  wire logic [63:0] m_axi_program_rdata,
    input  wire logic [1:0]  m_axi_program_rresp,
    input  wire logic        m_axi_program_rlast,
    input  wire logic        m_axi_program_rvalid,
    output logic             m_axi_program_rready
);
  localparam logic [3:0] Control = 0, Status = 1, Source = 2, Destination = 3, Bursts = 4,
      Beats = 5, Streams = 6, Misbehaviour = 7, Cycles = 8, SumMaps = 9, SumProgram = 10,
      Errors = 11, Refused = 15;

  logic [31:0] source_q, destination_q, bursts_q, beats_q, streams_q, misbehaviour_q;
  logic [31:0] cycles_q, sum_maps_q, sum_program_q, errors_q;

  // Three streams: bursts still to ask for, bursts still to come back.
  logic [31:0] ask_maps_q, ask_program_q, ask_write_q, wait_maps_q, wait_program_q, wait_write_q;
  logic [31:0] write_beats_q, write_beat_q, write_count_q;
  logic busy, start;
  assign busy = wait_maps_q != 0 || wait_program_q != 0 || wait_write_q != 0;

  // ------------------------------------------------------------------------------- registers
  logic do_write, do_read, unused_strobe;
  assign unused_strobe = ^s_axi_control_wstrb;
  assign do_write = s_axi_control_awvalid && s_axi_control_wvalid && !s_axi_control_bvalid;
  assign do_read = s_axi_control_arvalid && !s_axi_control_rvalid;
  assign s_axi_control_awready = do_write;
  assign s_axi_control_wready = do_write;
  assign s_axi_control_arready = do_read;
  assign start = do_write && s_axi_control_awaddr[5:2] == Control;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s_axi_control_bvalid <= 1'b0;
      s_axi_control_rvalid <= 1'b0;
      misbehaviour_q <= '0;
    end else begin
      if (s_axi_control_bready) s_axi_control_bvalid <= 1'b0;
      if (s_axi_control_rready) s_axi_control_rvalid <= 1'b0;
      if (do_write) begin
        s_axi_control_bvalid <= 1'b1;
        s_axi_control_bresp  <= s_axi_control_awaddr[5:2] == Refused ? 2'b10 : 2'b00;
        unique case (s_axi_control_awaddr[5:2])
          Source:       source_q <= s_axi_control_wdata;
          Destination:  destination_q <= s_axi_control_wdata;
          Bursts:       bursts_q <= s_axi_control_wdata;
          Beats:        beats_q <= s_axi_control_wdata;
          Streams:      streams_q <= s_axi_control_wdata;
          Misbehaviour: misbehaviour_q <= s_axi_control_wdata;
          default: ;
        endcase
      end
      if (do_read) begin
        s_axi_control_rvalid <= 1'b1;
        s_axi_control_rresp  <= s_axi_control_araddr[5:2] == Refused ? 2'b10 : 2'b00;
        unique case (s_axi_control_araddr[5:2])
          Status:     s_axi_control_rdata <= {31'b0, busy};
          Source:     s_axi_control_rdata <= source_q;
          Cycles:     s_axi_control_rdata <= cycles_q;
          SumMaps:    s_axi_control_rdata <= sum_maps_q;
          SumProgram: s_axi_control_rdata <= sum_program_q;
          Errors:     s_axi_control_rdata <= errors_q;
          default:    s_axi_control_rdata <= '0;
        endcase
      end
    end
  end

  // --------------------------------------------------------------------------------- streams
  logic [31:0] burst_bytes;
  assign burst_bytes = beats_q << 3;
  assign m_axi_maps_arlen = 8'(beats_q - 1);
  assign m_axi_program_arlen = 8'(beats_q - 1);
  assign m_axi_maps_awlen = 8'(beats_q - 1);
  assign m_axi_maps_arsize = misbehaviour_q == 5 ? 3'd2 : 3'd3;
  assign m_axi_program_arsize = 3'd3;
  assign m_axi_maps_awsize = 3'd3;
  assign m_axi_maps_arburst = misbehaviour_q == 4 ? 2'd2 : 2'd1;
  assign m_axi_program_arburst = 2'd1;
  assign m_axi_maps_awburst = 2'd1;
  assign m_axi_maps_wstrb = 8'hff;
  assign m_axi_maps_wdata = {8{write_count_q[7:0]}};
  assign m_axi_maps_rready = 1'b1;
  assign m_axi_program_rready = 1'b1;
  assign m_axi_maps_bready = 1'b1;
  assign m_axi_maps_wvalid = write_beats_q != 0;
  assign m_axi_maps_wlast = write_beat_q == (misbehaviour_q == 1 ? beats_q - 2 : beats_q - 1);

  logic withdrawn_q;
  assign m_axi_maps_arvalid = ask_maps_q != 0 && !(misbehaviour_q == 3 && withdrawn_q);
  assign m_axi_program_arvalid = ask_program_q != 0;
  assign m_axi_maps_awvalid = ask_write_q != 0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ask_maps_q <= '0;
      ask_program_q <= '0;
      ask_write_q <= '0;
      wait_maps_q <= '0;
      wait_program_q <= '0;
      wait_write_q <= '0;
      write_beats_q <= '0;
      withdrawn_q <= 1'b0;
      irq_o <= 1'b0;
    end else begin
      withdrawn_q <= m_axi_maps_arvalid && !m_axi_maps_arready;
      if (busy) cycles_q <= cycles_q + 1;
      irq_o <= (irq_o || busy) && !start;
      if (start) begin
        cycles_q <= '0;
        sum_maps_q <= '0;
        sum_program_q <= '0;
        errors_q <= '0;
        write_count_q <= '0;
        write_beat_q <= '0;
        m_axi_maps_araddr <= source_q;
        m_axi_program_araddr <= source_q;
        m_axi_maps_awaddr <= destination_q;
        ask_maps_q <= streams_q[0] ? bursts_q : '0;
        wait_maps_q <= streams_q[0] ? bursts_q : '0;
        ask_program_q <= streams_q[1] ? bursts_q : '0;
        wait_program_q <= streams_q[1] ? bursts_q : '0;
        ask_write_q <= streams_q[2] ? bursts_q : '0;
        wait_write_q <= streams_q[2] ? bursts_q : '0;
        write_beats_q <= streams_q[2] ? bursts_q * beats_q : '0;
        assert (misbehaviour_q != 6);
      end
      if (m_axi_maps_arvalid && m_axi_maps_arready) begin
        ask_maps_q <= ask_maps_q - 1;
        m_axi_maps_araddr <= m_axi_maps_araddr + burst_bytes;
      end else if (misbehaviour_q == 2 && m_axi_maps_arvalid) begin
        m_axi_maps_araddr <= m_axi_maps_araddr + 8;
      end
      if (m_axi_program_arvalid && m_axi_program_arready) begin
        ask_program_q <= ask_program_q - 1;
        m_axi_program_araddr <= m_axi_program_araddr + burst_bytes;
      end
      if (m_axi_maps_awvalid && m_axi_maps_awready) begin
        ask_write_q <= ask_write_q - 1;
        m_axi_maps_awaddr <= m_axi_maps_awaddr + burst_bytes;
      end
      if (m_axi_maps_rvalid) begin
        sum_maps_q <= sum_maps_q + m_axi_maps_rdata[31:0] + m_axi_maps_rdata[63:32];
        if (m_axi_maps_rlast) wait_maps_q <= wait_maps_q - 1;
        if (m_axi_maps_rresp != 0) errors_q <= errors_q + 1;
      end
      if (m_axi_program_rvalid) begin
        sum_program_q <= sum_program_q + m_axi_program_rdata[31:0] + m_axi_program_rdata[63:32];
        if (m_axi_program_rlast) wait_program_q <= wait_program_q - 1;
      end
      if (m_axi_maps_wvalid && m_axi_maps_wready) begin
        write_beats_q <= write_beats_q - 1;
        write_count_q <= write_count_q + 1;
        write_beat_q <= write_beat_q == beats_q - 1 ? '0 : write_beat_q + 1;
      end
      if (m_axi_maps_bvalid) begin
        wait_write_q <= wait_write_q - 1;
        if (m_axi_maps_bresp != 0) errors_q <= errors_q + 1;
      end
    end
  end
endmodule

`default_nettype wire
