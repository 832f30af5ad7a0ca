// Run control as a driver and the engine's parts see it, whatever is written when, whatever the
// parts report and however long the AXI masters take: a start is taken when nothing runs and ignored
// while something does; a run ends through abort and reset of the engine, and so does a soft reset,
// also one while resetting; DONE and ERROR exclude each other and what is under way; DONE is said of
// a run that has written everything and met no error; an interrupt comes only if it is enabled, of
// an event of a run since the last soft reset, and goes when it is acknowledged; what describes a
// run cannot change while it runs. STATUS is read all the time (its value is 3 cycles old).
//
// A lost clock may be the reason of any reset, or of none.
//
// Taken for granted: nothing but a reset in the first cycle.
`default_nettype none

module control_properties (
  input wire logic        clk_i,
  input wire logic        rst_ni,
  input wire logic        clock_lost_i,
  input wire logic        wr_en_i,
  input wire logic [12:0] wr_addr_i,
  input wire logic [31:0] wr_data_i,
  input wire logic        masters_idle_i,
  input wire logic        all_loaded_i,
  input wire logic [15:0] groups_i, written_seq_i,
  input wire logic        group_done_i, image_done_i,
  input wire logic        error_program_i, error_fields_i, error_bounds_i, error_program_read_i,
  input wire logic        error_map_read_i, error_map_write_i,
  input wire logic [7:0]  error_program_code_i,
  input wire logic [8:0]  events_i
);
  logic        irq, core_rst_n, abort, start;
  logic [31:0] status, program_addr, input_addr, output_addr, scratch_addr;
  logic [31:0] program_end, input_end, output_end, scratch_end, input_stride, output_stride;
  logic [15:0] images;

  fb_control dut (
    .clk_i,
    .rst_ni,
    .clock_lost_i,
    .irq_o          (irq),
    .wr_en_i,
    .wr_addr_i,
    .wr_data_i,
    .rd_en_i        (1'b1),
    .rd_addr_i      (firebrick_pkg::RegStatus),
    .rd_data_o      (status),
    .core_rst_no    (core_rst_n),
    .abort_o        (abort),
    .masters_idle_i,
    .start_o        (start),
    .program_addr_o (program_addr),
    .input_addr_o   (input_addr),
    .output_addr_o  (output_addr),
    .scratch_addr_o (scratch_addr),
    .program_end_o  (program_end),
    .input_end_o    (input_end),
    .output_end_o   (output_end),
    .scratch_end_o  (scratch_end),
    .input_stride_o (input_stride),
    .output_stride_o(output_stride),
    .images_o       (images),
    .all_loaded_i,
    .groups_i,
    .written_seq_i,
    .group_done_i,
    .image_done_i,
    .error_program_i,
    .error_program_code_i,
    .error_fields_i,
    .error_bounds_i,
    .error_program_read_i,
    .error_map_read_i,
    .error_map_write_i,
    .active_i       (events_i[0]),
    .pacing_i       (events_i[1]),
    .wait_weights_i (events_i[2]),
    .wait_input_i   (events_i[3]),
    .wait_output_i  (events_i[4]),
    .wait_ring_i    (events_i[5]),
    .beat_program_i (events_i[6]),
    .beat_read_i    (events_i[7]),
    .beat_write_i   (events_i[8])
  );

  logic started_q = 1'b0;
  logic write_control, soft_reset, ask, error, resetting, done, failed, busy;
  assign write_control = wr_en_i && wr_addr_i == firebrick_pkg::RegControl;
  assign soft_reset = write_control && wr_data_i[1];
  assign ask = write_control && wr_data_i[0] && !wr_data_i[1];
  assign error = error_program_i || error_fields_i || error_bounds_i || error_program_read_i ||
                 error_map_read_i || error_map_write_i;
  assign {resetting, failed, done, busy} = status[3:0];

  logic        run_q, reset_q, soft_reset_q, ask_q, free_q, abort_q, idle_q;
  logic [31:0] program_addr_q;
  logic [15:0] images_q;
  logic        wrote_all_q, erred_q;      // in the run that was started last
  logic [3:0]  whole_q, fault_q, valid_q; // .. 3 cycles ago
  logic [1:0]  enable_q;
  logic        event_q;                   // a run since the last soft reset
  logic [2:0]  slow_q;
  logic        acknowledged_q;

  always_ff @(posedge clk_i) begin
    started_q <= 1'b1;
    reset_q <= !rst_ni;
    soft_reset_q <= soft_reset;
    ask_q <= ask;
    abort_q <= abort;
    idle_q <= masters_idle_i;
    program_addr_q <= program_addr;
    images_q <= images;
    // nothing runs, nothing is being reset
    free_q <= !run_q && !start && !abort && core_rst_n && rst_ni;
    if (start) run_q <= 1'b1;
    else if (abort) run_q <= 1'b0;
    if (start) event_q <= 1'b1;
    if (soft_reset) event_q <= 1'b0;
    // a run's first cycle does not count: what is finished then is the last run
    if (start) wrote_all_q <= 1'b0;
    else if (run_q && !abort && all_loaded_i && written_seq_i == groups_i) wrote_all_q <= 1'b1;
    if (start) erred_q <= error;
    else if (run_q && !abort && error) erred_q <= 1'b1;
    whole_q <= {whole_q[2:0], wrote_all_q};
    fault_q <= {fault_q[2:0], erred_q};
    valid_q <= {valid_q[2:0], 1'b1};
    if (wr_en_i && wr_addr_i == firebrick_pkg::RegIrqEnable) enable_q <= wr_data_i[1:0];
    acknowledged_q <= wr_en_i && wr_addr_i == firebrick_pkg::RegIrqStatus && (&wr_data_i[1:0]) &&
                      !run_q && !start && !abort && core_rst_n;
    slow_q <= (masters_idle_i && !soft_reset && (abort || !core_rst_n)) ? slow_q + 3'd1 : '0;
    if (!rst_ni) begin
      run_q <= 1'b0;
      enable_q <= '0;
      event_q <= 1'b0;
      slow_q <= '0;
      valid_q <= '0;
      free_q <= 1'b0;
      ask_q <= 1'b0;
      soft_reset_q <= 1'b0;
      acknowledged_q <= 1'b0;
      {abort_q, wrote_all_q, erred_q} <= '0;
    end
  end

  logic twice_q, again_q;
  always_ff @(posedge clk_i) begin
    if (soft_reset && abort) twice_q <= 1'b1;
    if (ask && run_q) again_q <= 1'b1;
    if (!rst_ni) {twice_q, again_q} <= '0;
  end

  always_comb begin
    if (!started_q) assume (!rst_ni);
    if (started_q && rst_ni && !reset_q) begin
      if (start) a_start_asked: assert (ask_q && !run_q && !abort && core_rst_n);
      if (ask_q && free_q && !soft_reset_q && !abort) a_start_taken: assert (start);
      if (soft_reset_q) a_soft_reset: assert (abort && !start && !irq);
      if (abort_q && !idle_q) a_drains: assert (abort);
      if (abort_q) a_engine_reset: assert (!core_rst_n && !start);
      a_prompt: assert (slow_q < 3'd5);
      if (run_q && !abort) begin
        a_fixed: assert (program_addr == program_addr_q && images == images_q);
      end
      if (irq) a_irq_enabled: assert (enable_q != '0);
      if (irq) a_irq_cause: assert (event_q);
      if (acknowledged_q) a_irq_goes: assert (!irq);
      if (valid_q[3]) begin
        a_one: assert ({2'd0, busy} + {2'd0, done} + {2'd0, failed} < 3'd2 && !(busy && resetting));
        if (done) a_done: assert (whole_q[2] && !fault_q[2]);
      end

      c_done: cover (valid_q[3] && done && irq);
      c_failed: cover (valid_q[3] && failed && irq && core_rst_n);
      c_reset_twice: cover (twice_q && core_rst_n && start);
      c_start_twice: cover (again_q && valid_q[3] && done);
      c_next_run: cover (valid_q[3] && done && start);
    end
  end
endmodule

`default_nettype wire
