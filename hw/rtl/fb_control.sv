// Registers, run control, interrupt, error handling, performance counters and profile.
//
// A run goes Ready -> Running -> Ready; an error or a soft reset ends it through Stopping, in
// which the AXI masters finish what they have begun before everything else is reset.  A run that
// ends well goes the same way, so that nothing of it can reach the next one; it is done when that
// is over.  While a run is under way the registers that describe it cannot be written.
// Register reads take 3 cycles, as fb_axil expects.
`default_nettype none

module fb_control #(
  parameter int unsigned Pixels = 14,
  parameter int unsigned Channels = 32,
  parameter int unsigned AccBits = 24,
  parameter int unsigned WordBytes = 16,
  parameter int unsigned Pump = 1,
  parameter int unsigned ActWords = 4096,
  parameter int unsigned WeightWords = 8192,
  parameter int unsigned BiasPairs = 1024,
  parameter int unsigned PoolChannels = 512,
  parameter int unsigned PoolLineWords = 1024,
  parameter int unsigned Sums = 1024
) (
  input  wire         clk_i,
  input  wire         rst_ni,
  input  wire         clock_lost_i,    // in reset: why it is
  output logic        irq_o,

  input  wire         wr_en_i,
  input  wire  [12:0] wr_addr_i,
  input  wire  [31:0] wr_data_i,
  input  wire         rd_en_i,
  input  wire  [12:0] rd_addr_i,
  output logic [31:0] rd_data_o,

  output logic        core_rst_no,     // resets all but the AXI masters
  output logic        abort_o,         // the AXI masters finish what they have begun
  input  wire         masters_idle_i,
  output logic        start_o,
  output logic [31:0] program_addr_o,
  output logic [31:0] input_addr_o,
  output logic [31:0] output_addr_o,
  output logic [31:0] scratch_addr_o,
  output logic [31:0] program_end_o,
  output logic [31:0] input_end_o,
  output logic [31:0] output_end_o,
  output logic [31:0] scratch_end_o,
  output logic [31:0] input_stride_o,
  output logic [31:0] output_stride_o,
  output logic [15:0] images_o,

  input  wire         all_loaded_i,    // the program has been read for the last time
  input  wire  [15:0] groups_i,        // groups read so far
  input  wire  [15:0] written_seq_i,   // groups completely written
  input  wire         group_done_i,    // a group's last K step has been issued
  input  wire         image_done_i,    // ... and it was the program's last group

  input  wire         error_program_i,
  input  wire  [7:0]  error_program_code_i,
  input  wire         error_fields_i,
  input  wire         error_bounds_i,
  input  wire         error_program_read_i,
  input  wire         error_map_read_i,
  input  wire         error_map_write_i,

  input  wire         active_i,
  input  wire         pacing_i,
  input  wire         wait_weights_i,
  input  wire         wait_input_i,
  input  wire         wait_output_i,
  input  wire         wait_ring_i,
  input  wire         beat_program_i,
  input  wire         beat_read_i,
  input  wire         beat_write_i
);
  localparam int unsigned GroupBits = $clog2(firebrick_pkg::ProfileGroups);
  localparam int unsigned WordIndexBits = $clog2(firebrick_pkg::ProfileWords);
  localparam logic [31:0] DefaultTimeout = 32'd1048576;

  typedef enum logic [1:0] {Ready, Running, Stopping, Clearing} state_e;

  state_e      state_q;
  logic        start_q;
  logic        done_q, error_q;
  logic        ended_q;       // well, but not cleared yet
  logic [7:0]  error_code_q;
  logic [15:0] error_group_q;
  logic [1:0]  irq_enable_q, irq_status_q;
  logic [31:0] program_addr_q, input_addr_q, output_addr_q, scratch_addr_q;
  logic [31:0] program_end_q, input_end_q, output_end_q, scratch_end_q;
  logic [31:0] input_stride_q, output_stride_q, timeout_q;
  logic [15:0] images_q;
  logic [63:0] cycles_q;
  logic [31:0] active_q, weights_q, input_q, output_q, drain_q, switch_q;
  logic [31:0] beats_read_q, beats_program_q, beats_write_q;
  logic [15:0] images_done_q, group_q;
  logic [31:0] quiet_q;
  logic        timed_out_q;
  logic        soft_reset, start;
  logic        misaligned_q;
  logic        finished;
  logic        fail;
  logic [7:0]  fail_code;

  assign soft_reset = wr_en_i && (wr_addr_i == firebrick_pkg::RegControl) && wr_data_i[1];
  assign start = wr_en_i && (wr_addr_i == firebrick_pkg::RegControl) && wr_data_i[0] && !wr_data_i[1] &&
                 (state_q == Ready);
  assign finished = all_loaded_i && (written_seq_i == groups_i) && !start_q;

  assign start_o = start_q;
  assign program_addr_o = program_addr_q;
  assign input_addr_o = input_addr_q;
  assign output_addr_o = output_addr_q;
  assign scratch_addr_o = scratch_addr_q;
  assign program_end_o = program_end_q;
  assign input_end_o = input_end_q;
  assign output_end_o = output_end_q;
  assign scratch_end_o = scratch_end_q;
  assign input_stride_o = input_stride_q;
  assign output_stride_o = output_stride_q;
  assign images_o = images_q;
  assign abort_o = state_q == Stopping;
  assign irq_o = |(irq_status_q & irq_enable_q);

  always_comb begin
    fail = 1'b1;
    if (error_program_read_i) fail_code = firebrick_pkg::ErrProgramRead;
    else if (error_map_read_i) fail_code = firebrick_pkg::ErrMapRead;
    else if (error_map_write_i) fail_code = firebrick_pkg::ErrMapWrite;
    else if (error_program_i) fail_code = error_program_code_i;
    else if (error_bounds_i) fail_code = firebrick_pkg::ErrBounds;
    else if (error_fields_i) fail_code = firebrick_pkg::ErrFields;
    else if (misaligned_q) fail_code = firebrick_pkg::ErrAlignment;
    else if (timed_out_q) fail_code = firebrick_pkg::ErrTimeout;
    else begin
      fail = 1'b0;
      fail_code = firebrick_pkg::ErrNone;
    end
  end

  // ---------------------------------------------------------------------------------- run control
  always_ff @(posedge clk_i) begin
    start_q <= 1'b0;
    misaligned_q <= start_q && ((|program_addr_q[6:0]) || (|input_addr_q[6:0]) ||
                                (|output_addr_q[6:0]) || (|scratch_addr_q[6:0]) ||
                                (|input_stride_q[6:0]) || (|output_stride_q[6:0]) ||
                                (images_q == '0));
    unique case (state_q)
      Ready: if (start) begin
        state_q <= Running;
        start_q <= 1'b1;
        done_q <= 1'b0;
        error_q <= 1'b0;
        error_code_q <= firebrick_pkg::ErrNone;
      end
      Running: begin
        if (fail) begin
          error_q <= 1'b1;
          error_code_q <= fail_code;
          error_group_q <= group_q;
          state_q <= Stopping;
        end else if (finished) begin
          ended_q <= 1'b1;
          state_q <= Stopping;
        end
      end
      Stopping: if (masters_idle_i) state_q <= Clearing;
      default: begin  // Clearing
        done_q <= done_q || ended_q;
        ended_q <= 1'b0;
        state_q <= Ready;
      end
    endcase
    if (soft_reset) state_q <= Stopping;

    if (wr_en_i && (wr_addr_i == firebrick_pkg::RegIrqStatus)) irq_status_q <= irq_status_q & ~wr_data_i[1:0];
    if ((state_q == Running) && fail) irq_status_q[1] <= 1'b1;
    else if ((state_q == Clearing) && ended_q) irq_status_q[0] <= 1'b1;

    if (soft_reset) begin
      done_q <= 1'b0;
      ended_q <= 1'b0;
      error_q <= 1'b0;
      error_code_q <= firebrick_pkg::ErrNone;
      irq_status_q <= '0;
    end

    if (!rst_ni) begin
      state_q <= Clearing;
      start_q <= 1'b0;
      misaligned_q <= 1'b0;
      done_q <= 1'b0;
      ended_q <= 1'b0;
      error_q <= clock_lost_i;
      error_code_q <= clock_lost_i ? firebrick_pkg::ErrClock : firebrick_pkg::ErrNone;
      error_group_q <= '0;
      irq_status_q <= '0;
    end
  end

  // The engine is held in reset from an error on, so that nothing new reaches the masters.
  always_ff @(posedge clk_i) begin
    core_rst_no <= rst_ni && (state_q != Stopping) && (state_q != Clearing);
  end

  // ------------------------------------------------------------------------------------ registers
  always_ff @(posedge clk_i) begin
    if (wr_en_i && (wr_addr_i == firebrick_pkg::RegIrqEnable)) irq_enable_q <= wr_data_i[1:0];
    if (wr_en_i && (wr_addr_i == firebrick_pkg::RegTimeout)) timeout_q <= wr_data_i;
    if (wr_en_i && (state_q == Ready)) begin
      unique case (wr_addr_i)
        firebrick_pkg::RegProgramAddr:  program_addr_q <= wr_data_i;
        firebrick_pkg::RegInputAddr:    input_addr_q <= wr_data_i;
        firebrick_pkg::RegOutputAddr:   output_addr_q <= wr_data_i;
        firebrick_pkg::RegScratchAddr:  scratch_addr_q <= wr_data_i;
        firebrick_pkg::RegImages:       images_q <= wr_data_i[15:0];
        firebrick_pkg::RegInputStride:  input_stride_q <= wr_data_i;
        firebrick_pkg::RegOutputStride: output_stride_q <= wr_data_i;
        firebrick_pkg::RegProgramEnd:   program_end_q <= wr_data_i;
        firebrick_pkg::RegInputEnd:     input_end_q <= wr_data_i;
        firebrick_pkg::RegOutputEnd:    output_end_q <= wr_data_i;
        firebrick_pkg::RegScratchEnd:   scratch_end_q <= wr_data_i;
        default: ;
      endcase
    end
    if (!rst_ni) begin
      irq_enable_q <= '0;
      images_q <= 16'd1;
      program_end_q <= '0;
      input_end_q <= '0;
      output_end_q <= '0;
      scratch_end_q <= '0;
      input_stride_q <= '0;
      output_stride_q <= '0;
      timeout_q <= DefaultTimeout;
    end
  end

  // ------------------------------------------------------------------------------------- counters
  logic progress;
  assign progress = active_i || beat_program_i || beat_read_i || beat_write_i;

  always_ff @(posedge clk_i) begin
    if (state_q == Running) begin
      cycles_q <= cycles_q + 64'd1;
      // Every cycle is charged to exactly one of these.
      if (active_i) active_q <= active_q + 32'd1;
      else if (pacing_i || wait_ring_i) drain_q <= drain_q + 32'd1;
      else if (wait_weights_i) weights_q <= weights_q + 32'd1;
      else if (wait_input_i) input_q <= input_q + 32'd1;
      else if (wait_output_i) output_q <= output_q + 32'd1;
      else switch_q <= switch_q + 32'd1;
      if (beat_read_i) beats_read_q <= beats_read_q + 32'd1;
      if (beat_program_i) beats_program_q <= beats_program_q + 32'd1;
      if (beat_write_i) beats_write_q <= beats_write_q + 32'd1;
      if (group_done_i) group_q <= group_q + 16'd1;
      if (image_done_i) images_done_q <= images_done_q + 16'd1;
      quiet_q <= progress ? '0 : quiet_q + 32'd1;
    end
    timed_out_q <= (state_q == Running) && (quiet_q >= timeout_q);
    if (start_q) begin
      cycles_q <= '0;
      active_q <= '0;
      drain_q <= '0;
      weights_q <= '0;
      input_q <= '0;
      output_q <= '0;
      switch_q <= '0;
      beats_read_q <= '0;
      beats_program_q <= '0;
      beats_write_q <= '0;
      group_q <= '0;
      images_done_q <= '0;
      quiet_q <= '0;
      timed_out_q <= 1'b0;
    end
    if (!rst_ni) timed_out_q <= 1'b0;
  end

  // ------------------------------------------------------- profile: counters at each group's end
  logic [WordIndexBits-1:0] snap_index_q;
  logic                     snap_run_q;
  logic [GroupBits-1:0]     snap_group_q;
  logic [firebrick_pkg::ProfileWords-1:0][31:0] snap_q;
  logic [31:0]              profile_data;

  logic image_last_q;
  always_ff @(posedge clk_i) if (group_done_i) image_last_q <= image_done_i;

  always_ff @(posedge clk_i) begin
    if (group_done_i) begin
      snap_q <= {beats_write_q, switch_q, drain_q, output_q, input_q, weights_q, active_q,
                 cycles_q[31:0]};
      snap_index_q <= '0;
    end else begin
      snap_q <= {32'd0, snap_q[firebrick_pkg::ProfileWords-1:1]};
      snap_index_q <= snap_index_q + WordIndexBits'(1);
    end
    if (!rst_ni || start_q) begin
      snap_run_q <= 1'b0;
      snap_group_q <= '0;
    end else begin
      if (group_done_i) snap_run_q <= 1'b1;
      else if (snap_index_q == WordIndexBits'(firebrick_pkg::ProfileWords - 1)) snap_run_q <= 1'b0;
      if (snap_run_q && (snap_index_q == WordIndexBits'(firebrick_pkg::ProfileWords - 1))) begin
        // A record per group of the program: every image writes the same ones.
        snap_group_q <= image_last_q ? '0 : snap_group_q + GroupBits'(1);
      end
    end
  end

  fb_ram #(
    .Width(32),
    .Depth(firebrick_pkg::ProfileGroups * firebrick_pkg::ProfileWords)
  ) u_profile (
    .clk_i,
    .wr_en_i   (snap_run_q),
    .wr_addr_i ({snap_group_q, snap_index_q}),
    .wr_data_i (snap_q[0]),
    .rd_en_i   (1'b1),
    .rd_addr_i (rd_addr_i[GroupBits+WordIndexBits+1:2]),
    .rd_data_o (profile_data)
  );

  // ---------------------------------------------------------------------------------------- reads
  // In two steps: the word of each bank that the address names within 256 bytes, then one of the
  // banks if the address is one of a register at all.
  logic        resetting;
  assign resetting = ((state_q == Stopping) || (state_q == Clearing)) && !ended_q;

  logic [5:0]  word;
  logic [31:0] identity, setup, counters;
  logic [31:0] identity_q, setup_q, counters_q;
  logic [12:0] addr_1_q, addr_2_q;
  logic        register_q;

  assign word = rd_addr_i[7:2];

  always_comb begin
    unique case (word)
      6'(firebrick_pkg::RegId >> 2):           identity = firebrick_pkg::EngineId;
      6'(firebrick_pkg::RegVersion >> 2):      identity = firebrick_pkg::FormatVersion;
      6'(firebrick_pkg::RegShape >> 2):        identity = {2'(Pump), 6'(WordBytes), 8'(AccBits), 8'(Channels), 8'(Pixels)};
      6'(firebrick_pkg::RegCapacity >> 2):     identity = {8'($clog2(Sums)), 8'($clog2(BiasPairs)), 8'($clog2(WeightWords)),
                                   8'($clog2(ActWords))};
      6'(firebrick_pkg::RegPoolCapacity >> 2): identity = {16'd0, 8'($clog2(PoolLineWords)), 8'($clog2(PoolChannels))};
      6'(firebrick_pkg::RegDefinition >> 2):   identity = firebrick_pkg::Definition;
      6'(firebrick_pkg::RegStatus >> 2):       identity = {28'd0, resetting, error_q, done_q,
                                   (state_q == Running) || ended_q};
      6'(firebrick_pkg::RegError >> 2):        identity = {8'd0, error_group_q, error_code_q};
      default:         identity = '0;
    endcase
    unique case (word)
      6'(firebrick_pkg::RegIrqEnable >> 2):    setup = {30'd0, irq_enable_q};
      6'(firebrick_pkg::RegIrqStatus >> 2):    setup = {30'd0, irq_status_q};
      6'(firebrick_pkg::RegProgramAddr >> 2):  setup = program_addr_q;
      6'(firebrick_pkg::RegInputAddr >> 2):    setup = input_addr_q;
      6'(firebrick_pkg::RegOutputAddr >> 2):   setup = output_addr_q;
      6'(firebrick_pkg::RegScratchAddr >> 2):  setup = scratch_addr_q;
      6'(firebrick_pkg::RegImages >> 2):       setup = {16'd0, images_q};
      6'(firebrick_pkg::RegProgramEnd >> 2):   setup = program_end_q;
      6'(firebrick_pkg::RegInputEnd >> 2):     setup = input_end_q;
      6'(firebrick_pkg::RegOutputEnd >> 2):    setup = output_end_q;
      6'(firebrick_pkg::RegScratchEnd >> 2):   setup = scratch_end_q;
      6'(firebrick_pkg::RegInputStride >> 2):  setup = input_stride_q;
      6'(firebrick_pkg::RegOutputStride >> 2): setup = output_stride_q;
      6'(firebrick_pkg::RegTimeout >> 2):      setup = timeout_q;
      default:         setup = '0;
    endcase
    unique case (word)
      6'(firebrick_pkg::RegCyclesLo >> 2):         counters = cycles_q[31:0];
      6'(firebrick_pkg::RegCyclesHi >> 2):         counters = cycles_q[63:32];
      6'(firebrick_pkg::RegActive >> 2):           counters = active_q;
      6'(firebrick_pkg::RegStallWeights >> 2):     counters = weights_q;
      6'(firebrick_pkg::RegStallInput >> 2):       counters = input_q;
      6'(firebrick_pkg::RegStallOutput >> 2):      counters = output_q;
      6'(firebrick_pkg::RegStallDrain >> 2):       counters = drain_q;
      6'(firebrick_pkg::RegStallSwitch >> 2):      counters = switch_q;
      6'(firebrick_pkg::RegReadBeatsMaps >> 2):    counters = beats_read_q;
      6'(firebrick_pkg::RegReadBeatsProgram >> 2): counters = beats_program_q;
      6'(firebrick_pkg::RegWriteBeats >> 2):       counters = beats_write_q;
      6'(firebrick_pkg::RegImagesDone >> 2):       counters = {16'd0, images_done_q};
      6'(firebrick_pkg::RegGroup >> 2):            counters = {16'd0, group_q};
      default:             counters = '0;
    endcase
  end

  always_ff @(posedge clk_i) begin
    identity_q <= identity;
    setup_q <= setup;
    counters_q <= counters;
    addr_1_q <= rd_addr_i;
    register_q <= (rd_addr_i[12:8] == '0) && (rd_addr_i[1:0] == '0);
    addr_2_q <= addr_1_q;
  end

  logic [31:0] banks_q;
  always_ff @(posedge clk_i) begin
    banks_q <= register_q ? identity_q | setup_q | counters_q : '0;
    rd_data_o <= (addr_2_q >= firebrick_pkg::ProfileBase) ? profile_data : banks_q;
  end

  logic unused_bits;
  assign unused_bits = &{1'b0, rd_en_i};
endmodule

`default_nettype wire
