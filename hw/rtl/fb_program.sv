// Reads the program: checks its header, hands over one group descriptor after the other, and
// fills the bias and weight memories, which are rings, in the order in which the array uses them.
//
// The program is one linear stream - per group a descriptor, biases, weights - so that loading
// runs ahead of the array as far as the memories have room.  For every further image of a run
// the stream is read again.
//
// Every group is bound to its program and its place: its descriptor's CRC continues from the
// header's seal and the group's number.  The stream must hold as many groups and beats as the
// header says; a group that would end elsewhere, or breaks a rule of fb_rules, is refused before
// anybody sees its descriptor.
//
// A descriptor is shown to planner, row loader and addend fetcher (group_o with one valid each)
// only after its CRC was found right, and stays until all have taken it.  The planner's waits in a
// register of its own, so that the weights of the group after the next one load as well where rows
// of the next are in the ring, which small groups need.  Weights count as loaded when written; that
// the payload's CRC is right is known at its end, and a wrong one ends the run.
// Latency: a beat a cycle; 5 cycles from a group's descriptor to its payload, 3 to the next one.
`default_nettype none

module fb_program #(
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
  input  wire                           clk_i,
  input  wire                           rst_ni,

  input  wire                           start_i,
  input  wire  [31:0]                   program_addr_i,
  input  wire  [31:0]                   program_end_i,       // nothing behind it is read
  input  wire  [15:0]                   images_i,

  output logic                          cmd_valid_o,
  input  wire                           cmd_ready_i,
  output logic [31:0]                   cmd_addr_o,
  output logic [23:0]                   cmd_beats_o,
  input  wire                           data_valid_i,
  output logic                          data_ready_o,
  input  wire  [63:0]                   data_i,

  output firebrick_pkg::group_t                        group_o,         // for loader and addend
  output firebrick_pkg::group_t                        planner_group_o,
  output logic                          planner_valid_o,
  input  wire                           planner_ready_i,
  output logic                          loader_valid_o,
  input  wire                           loader_ready_i,
  output logic                          addend_valid_o,
  input  wire                           addend_ready_i,

  output logic                          bias_wr_en_o,
  output logic [$clog2(BiasPairs)-1:0]  bias_wr_addr_o,
  output logic [63:0]                   bias_wr_data_o,
  output logic                          weight_wr_en_o,
  output logic [$clog2(WeightWords)-1:0] weight_wr_addr_o,
  output logic [Channels*Pump*8-1:0]    weight_wr_data_o,
  output logic [15:0]                   weights_loaded_o,

  input  wire                           used_i,              // a block has been issued:
  input  wire  [15:0]                   weights_used_i,      // ... no later one reads these words
  input  wire                           free_i,              // a group has been executed
  input  wire  [11:0]                   free_bias_pairs_i,

  output logic                          all_loaded_o,        // nothing of this run is left to read
  output logic [15:0]                   groups_o,            // groups read since start
  output logic                          error_o,             // one pulse
  output logic [7:0]                    error_code_o
);
  localparam int unsigned WeightBits = Channels * Pump * 8;
  localparam int unsigned WeightBeats = WeightBits / 64;
  localparam int unsigned LaneBits = (WeightBeats > 1) ? $clog2(WeightBeats) : 1;
  // A block's last weights and a group's last biases are still being read when the last K step has
  // been issued: biases for as long as the array drains C channels, behind the latencies of window
  // and array.
  localparam int unsigned WeightDelay = 8;
  localparam int unsigned FreeDelay = Channels + 32;
  localparam int unsigned DelayBits = $clog2(FreeDelay + 1);

  typedef enum logic [3:0] {
    Idle, HeaderCmd, HeaderRead, HeaderCrc, HeaderCheck, StreamCmd, DescRead, DescCrc, DescCheck,
    BiasRead, WeightRead, PayloadCrc, PayloadCheck, Halt
  } state_e;

  state_e      state_q;
  firebrick_pkg::header_t     header_q;
  firebrick_pkg::group_t      group_q;
  firebrick_pkg::group_t      planner_group_q;
  logic        for_planner_q, for_loader_q, for_addend_q;
  logic        planner_valid_q;
  logic [4:0]  beat_q;
  logic [11:0] bias_left_q;
  logic [15:0] words_left_q;
  logic [LaneBits-1:0] lane_q;
  logic [15:0] images_left_q;
  logic [15:0] bias_count_q, bias_free_q;
  logic [15:0] weight_count_q, weight_free_q;
  logic        bias_room_q, weight_room_q;
  logic [15:0] bias_used_q;   // by groups that have been executed
  logic [15:0] weight_used_q, weight_seen_q;  // by blocks that have been issued, and are soon free
  logic [$clog2(WeightDelay+1)-1:0] weight_delay_q;
  logic [DelayBits-1:0] free_delay_q;
  logic [15:0] group_count_q;
  logic [15:0] index_q;       // of the group within the program
  logic [23:0] stream_left_q; // beats of the stream behind the descriptor that was read last
  logic [19:0] payload_q;     // beats of the group's payload
  logic        exact_q;       // the payload ends where the stream does
  logic        more_q;        // ... or leaves at least one more descriptor
  logic        final_q;       // the group is the last one that the header counts
  logic        no_payload_q;
  logic        misplaced;     // the group does not end where header and group_last say
  logic        no_stream_q;   // the header's stream cannot be
  logic [32:0] stream_end_q;
  logic        beyond_q;      // ... ends behind the program's buffer
  logic        too_large, senseless;
  logic [15:0] next_index, following_q;
  logic        take;
  logic        lane_last;
  logic        crc_clear_q, crc_valid;
  logic [31:0] crc_seed_q;
  logic [31:0] crc, crc_expected;
  logic        crc_wrong_q;
  logic        take_q;
  logic [63:0] data_q;
  logic [1:0]  crc_wait_q;

  // Room is looked up a cycle late, and words are counted when they are written, a cycle or two
  // after they have been taken: two words of slack keep the rings from overrunning.
  assign take = data_valid_i && data_ready_o;
  assign lane_last = lane_q == LaneBits'(WeightBeats - 1);

  always_comb begin
    unique case (state_q)
      HeaderRead: data_ready_o = 1'b1;
      DescRead:   data_ready_o = !for_planner_q && !for_loader_q && !for_addend_q;
      BiasRead:   data_ready_o = bias_room_q;
      WeightRead: data_ready_o = weight_room_q;
      default:    data_ready_o = 1'b0;
    endcase
  end

  assign cmd_valid_o = (state_q == HeaderCmd) || (state_q == StreamCmd);
  assign cmd_addr_o = (state_q == HeaderCmd) ? program_addr_i
                                             : program_addr_i + firebrick_pkg::HeaderBeats * 8;
  assign cmd_beats_o = (state_q == HeaderCmd) ? 24'(firebrick_pkg::HeaderBeats) : header_q.stream_bytes[26:3];

  // The CRC leaves out the beat that carries it.
  assign crc_valid = take && ((state_q == HeaderRead && beat_q != 5'(firebrick_pkg::HeaderBeats - 1)) ||
                              (state_q == DescRead && beat_q != 5'(firebrick_pkg::DescriptorBeats - 1)) ||
                              state_q == BiasRead || state_q == WeightRead);

  // The CRC of the last beat is there in the second cycle of PayloadCrc, and compared before it is
  // looked at; header and descriptor, which are stored a cycle late, take one more.
  always_comb begin
    unique case (state_q)
      HeaderCrc: crc_expected = header_q.header_crc;
      DescCrc:   crc_expected = group_q.descriptor_crc;
      default:   crc_expected = group_q.payload_crc;
    endcase
  end
  always_ff @(posedge clk_i) begin
    crc_wrong_q <= crc != crc_expected;
    // A cycle late: the CRC takes a cycle for the beat by itself.
    crc_clear_q <= (state_q == HeaderCmd) || (state_q == StreamCmd) || (state_q == DescCheck) ||
                   (state_q == PayloadCheck);
    crc_seed_q <= ((state_q == StreamCmd) || (state_q == PayloadCheck)) ?
                  header_q.seal ^ {16'd0, next_index} : '0;
    data_q <= data_i;
    take_q <= take && rst_ni;
  end

  // Header and descriptor, beat by beat: each has an enable of its own, where one for all of a
  // shift register would have a thousand loads.
  logic [firebrick_pkg::HeaderBeats-1:0]           header_wr_q;
  logic [firebrick_pkg::DescriptorBeats-1:0]       group_wr_q;
  logic [firebrick_pkg::HeaderBeats-1:0][63:0]     header_beats_q;
  logic [firebrick_pkg::DescriptorBeats-1:0][63:0] group_beats_q;
  assign header_q = firebrick_pkg::header_t'(header_beats_q);
  assign group_q = firebrick_pkg::group_t'(group_beats_q);
  for (genvar i = 0; i < firebrick_pkg::HeaderBeats; i++) begin : gen_header
    always_ff @(posedge clk_i) begin
      header_wr_q[i] <= take && (state_q == HeaderRead) && (beat_q == unsigned'(5'(i)));
      if (header_wr_q[i]) header_beats_q[i] <= data_q;
    end
  end
  for (genvar i = 0; i < firebrick_pkg::DescriptorBeats; i++) begin : gen_group
    always_ff @(posedge clk_i) begin
      group_wr_q[i] <= take && (state_q == DescRead) && (beat_q == unsigned'(5'(i)));
      if (group_wr_q[i]) group_beats_q[i] <= data_q;
    end
  end

  // What a group's descriptor says of its end, in the two cycles in which its CRC is awaited.
  assign next_index = (state_q == StreamCmd) ? '0 : following_q;
  always_ff @(posedge clk_i) begin
    payload_q <= 20'(group_q.bias_pairs) + (20'(group_q.weight_words) << $clog2(WeightBeats));
    more_q <= stream_left_q >= 24'(payload_q) + 24'(firebrick_pkg::DescriptorBeats);
    exact_q <= stream_left_q == 24'(payload_q);
    no_payload_q <= (group_q.bias_pairs == '0) || (group_q.weight_words == '0);
    // Rests since the group before.
    following_q <= index_q + 16'd1;
    final_q <= following_q == header_q.groups;
  end
  assign misplaced = no_payload_q || !(group_q.group_last ? exact_q : more_q) ||
                     (final_q != group_q.group_last);

  // Two cycles, as above.
  always_ff @(posedge clk_i) begin
    no_stream_q <= (header_q.groups == '0) || (|header_q.stream_bytes[31:27]) ||
                   (|header_q.stream_bytes[2:0]) || (header_q.stream_bytes[26:3] < 24'(firebrick_pkg::DescriptorBeats));
    stream_end_q <= 33'(program_addr_i) + 33'(header_q.stream_bytes) +
                    33'(firebrick_pkg::HeaderBeats * 8);
    beyond_q <= stream_end_q > 33'(program_end_i);
  end

  fb_rules #(
    .Pixels(Pixels),
    .Channels(Channels),
    .Pump(Pump),
    .ActWords(ActWords),
    .WeightWords(WeightWords),
    .BiasPairs(BiasPairs),
    .PoolChannels(PoolChannels),
    .PoolLineWords(PoolLineWords),
    .Sums(Sums)
  ) u_rules (
    .clk_i,
    .group_i    (group_q),
    .too_large_o(too_large),
    .senseless_o(senseless)
  );

  fb_crc32 u_crc (
    .clk_i,
    .clear_i(crc_clear_q),
    .seed_i (crc_seed_q),
    .valid_i(crc_valid && rst_ni),
    .data_i (data_i),
    .crc_o  (crc)
  );

  assign group_o = group_q;
  assign planner_group_o = planner_group_q;
  assign planner_valid_o = planner_valid_q;
  assign loader_valid_o = for_loader_q;
  assign addend_valid_o = for_addend_q;
  assign weights_loaded_o = weight_count_q;
  assign groups_o = group_count_q;
  assign all_loaded_o = (state_q == Idle);

  logic bias_write_q;
  assign bias_wr_en_o = bias_write_q;
  assign bias_wr_addr_o = bias_count_q[$clog2(BiasPairs)-1:0];
  assign bias_wr_data_o = data_q;

  logic [WeightBits-1:0] lanes_q;
  logic                  weight_write_q;

  for (genvar i = 0; i < WeightBeats; i++) begin : gen_lane
    always_ff @(posedge clk_i) if (take && (lane_q == unsigned'(LaneBits'(i)))) lanes_q[64*i+:64] <= data_i;
  end

  assign weight_wr_en_o = weight_write_q;
  assign weight_wr_addr_o = weight_count_q[$clog2(WeightWords)-1:0];
  assign weight_wr_data_o = lanes_q;

  always_ff @(posedge clk_i) begin
    error_o <= 1'b0;
    weight_write_q <= take && (state_q == WeightRead) && lane_last;
    if (weight_write_q) weight_count_q <= weight_count_q + 16'd1;
    bias_write_q <= take && (state_q == BiasRead);
    if (bias_write_q) bias_count_q <= bias_count_q + 16'd1;
    // What is used while the delay runs waits for the next one.
    if (used_i) weight_used_q <= weights_used_i;
    if (weight_delay_q != '0) begin
      weight_delay_q <= weight_delay_q - ($bits(weight_delay_q))'(1);
    end else begin
      weight_free_q <= weight_seen_q;
      weight_seen_q <= weight_used_q;
      if (weight_seen_q != weight_used_q) weight_delay_q <= ($bits(weight_delay_q))'(WeightDelay);
    end
    if (free_i) begin
      bias_used_q <= bias_used_q + {4'b0, free_bias_pairs_i};
      free_delay_q <= DelayBits'(FreeDelay);
    end else if (free_delay_q != '0) begin
      free_delay_q <= free_delay_q - DelayBits'(1);
      if (free_delay_q == DelayBits'(1)) bias_free_q <= bias_used_q;
    end
    weight_room_q <= (weight_count_q - weight_free_q) < 16'(WeightWords - 2);
    bias_room_q <= (bias_count_q - bias_free_q) < 16'(BiasPairs - 2);
    if (!planner_valid_q) begin
      planner_group_q <= group_q;
      planner_valid_q <= for_planner_q;
      for_planner_q <= 1'b0;
    end else if (planner_ready_i) begin
      planner_valid_q <= 1'b0;
    end
    if (loader_ready_i) for_loader_q <= 1'b0;
    if (addend_ready_i) for_addend_q <= 1'b0;
    if (take) beat_q <= beat_q + 5'd1;
    // In time for what the descriptor says of its end.
    if (take_q) stream_left_q <= stream_left_q - 24'd1;

    unique case (state_q)
      Idle: ;
      HeaderCmd: begin
        beat_q <= '0;
        if (cmd_ready_i) state_q <= HeaderRead;
      end
      HeaderRead: if (take) begin
        if (beat_q == 5'(firebrick_pkg::HeaderBeats - 1)) state_q <= HeaderCrc;
      end
      HeaderCrc: begin
        crc_wait_q <= crc_wait_q + 2'd1;
        if (crc_wait_q[1]) begin
          crc_wait_q <= '0;
          state_q <= HeaderCheck;
        end
      end
      HeaderCheck: begin
        state_q <= StreamCmd;
        if (header_q.magic != firebrick_pkg::ProgramMagic) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrMagic;
          state_q <= Halt;
        end else if (32'(header_q.version) != firebrick_pkg::FormatVersion) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrVersion;
          state_q <= Halt;
        end else if (crc_wrong_q) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrHeaderCrc;
          state_q <= Halt;
        end else if (header_q.pixels != 8'(Pixels) || header_q.channels != 8'(Channels) ||
                     header_q.acc_bits != 8'(AccBits) || header_q.word_bytes != 6'(WordBytes) ||
                     header_q.pump != 2'(Pump)) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrShape;
          state_q <= Halt;
        end else if (no_stream_q) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrGroups;
          state_q <= Halt;
        end else if (beyond_q) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrBounds;
          state_q <= Halt;
        end
      end
      StreamCmd: begin
        beat_q <= '0;
        index_q <= '0;
        stream_left_q <= header_q.stream_bytes[26:3];
        if (cmd_ready_i) state_q <= DescRead;
      end
      DescRead: if (take) begin
        if (beat_q == 5'(firebrick_pkg::DescriptorBeats - 1)) state_q <= DescCrc;
      end
      DescCrc: begin
        crc_wait_q <= crc_wait_q + 2'd1;
        if (crc_wait_q[1]) begin
          crc_wait_q <= '0;
          state_q <= DescCheck;
        end
      end
      DescCheck: begin
        beat_q <= '0;
        lane_q <= '0;
        bias_left_q <= group_q.bias_pairs;
        words_left_q <= group_q.weight_words;
        if (crc_wrong_q) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrDescriptorCrc;
          state_q <= Halt;
        end else if (too_large || senseless) begin
          error_o <= 1'b1;
          error_code_o <= too_large ? firebrick_pkg::ErrCapacity : firebrick_pkg::ErrFields;
          state_q <= Halt;
        end else if (misplaced) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrGroups;
          state_q <= Halt;
        end else begin
          for_planner_q <= 1'b1;
          for_loader_q <= 1'b1;
          for_addend_q <= 1'b1;
          group_count_q <= group_count_q + 16'd1;
          state_q <= BiasRead;
        end
      end
      BiasRead: if (take) begin
        bias_left_q <= bias_left_q - 12'd1;
        if (bias_left_q == 12'd1) state_q <= WeightRead;
      end
      WeightRead: if (take) begin
        lane_q <= lane_last ? '0 : lane_q + LaneBits'(1);
        if (lane_last) words_left_q <= words_left_q - 16'd1;
        if (lane_last && (words_left_q == 16'd1)) state_q <= PayloadCrc;
      end
      PayloadCrc: begin
        crc_wait_q[0] <= !crc_wait_q[0];
        if (crc_wait_q[0]) state_q <= PayloadCheck;
      end
      PayloadCheck: begin
        beat_q <= '0;
        index_q <= next_index;
        if (crc_wrong_q) begin
          error_o <= 1'b1;
          error_code_o <= firebrick_pkg::ErrPayloadCrc;
          state_q <= Halt;
        end else if (!group_q.group_last) begin
          state_q <= DescRead;
        end else begin
          images_left_q <= images_left_q - 16'd1;
          state_q <= (images_left_q == 16'd1) ? Idle : StreamCmd;
        end
      end
      default: ;  // Halt: the run has failed
    endcase

    if (start_i) begin
      state_q <= HeaderCmd;
      images_left_q <= images_i;
      group_count_q <= '0;
      weight_count_q <= '0;
      weight_free_q <= '0;
      bias_count_q <= '0;
      bias_free_q <= '0;
      weight_used_q <= '0;
      weight_seen_q <= '0;
      bias_used_q <= '0;
    end
    if (!rst_ni) begin
      state_q <= Idle;
      for_planner_q <= 1'b0;
      planner_valid_q <= 1'b0;
      for_loader_q <= 1'b0;
      for_addend_q <= 1'b0;
      crc_wait_q <= '0;
      weight_write_q <= 1'b0;
      bias_write_q <= 1'b0;
      error_o <= 1'b0;
    end
  end

  // Sizes, hash and the host's part of the header concern only the driver; most of a group's
  // fields only planner, loader and addend fetcher.
  logic unused_fields;
  assign unused_fields = &{1'b0, header_q, group_q};
endmodule

`default_nettype wire
