// Xilinx' RAMB18E1 for simulation, as far as netlists of this project use it: the model that yosys
// ships has ports and delays only.  Written from UG473, chapter 1.  Whatever is not modelled -
// output registers, resets, cascades, inverted pins, initial content, write modes other than
// READ_FIRST - ends the simulation.
//
// RAM_MODE "SDP" joins the ports: A reads and B writes, up to 36 bits, of which DOBDO and DIBDI
// carry the upper half.
`default_nettype none

/* verilator lint_off DECLFILENAME */
module RAMB18E1 #(
  parameter int DOA_REG = 0,
  parameter int DOB_REG = 0,
  parameter RAM_MODE = "TDP",
  parameter int READ_WIDTH_A = 0,
  parameter int READ_WIDTH_B = 0,
  parameter int WRITE_WIDTH_A = 0,
  parameter int WRITE_WIDTH_B = 0,
  parameter WRITE_MODE_A = "WRITE_FIRST",
  parameter WRITE_MODE_B = "WRITE_FIRST",
  parameter IS_CLKARDCLK_INVERTED = 1'b0,
  parameter IS_CLKBWRCLK_INVERTED = 1'b0,
  parameter IS_ENARDEN_INVERTED = 1'b0,
  parameter IS_ENBWREN_INVERTED = 1'b0,
  parameter IS_RSTRAMARSTRAM_INVERTED = 1'b0,
  parameter IS_RSTRAMB_INVERTED = 1'b0,
  parameter IS_RSTREGARSTREG_INVERTED = 1'b0,
  parameter IS_RSTREGB_INVERTED = 1'b0,
  // Outputs after configuration and after a reset.
  parameter INIT_A = 0,
  parameter INIT_B = 0,
  parameter SRVAL_A = 0,
  parameter SRVAL_B = 0,
  parameter logic [255:0]
    INITP_00 = {256{1'bx}}, INITP_01 = {256{1'bx}}, INITP_02 = {256{1'bx}},
    INITP_03 = {256{1'bx}}, INITP_04 = {256{1'bx}}, INITP_05 = {256{1'bx}},
    INITP_06 = {256{1'bx}}, INITP_07 = {256{1'bx}}, INIT_00 = {256{1'bx}}, INIT_01 = {256{1'bx}},
    INIT_02 = {256{1'bx}}, INIT_03 = {256{1'bx}}, INIT_04 = {256{1'bx}}, INIT_05 = {256{1'bx}},
    INIT_06 = {256{1'bx}}, INIT_07 = {256{1'bx}}, INIT_08 = {256{1'bx}}, INIT_09 = {256{1'bx}},
    INIT_0A = {256{1'bx}}, INIT_0B = {256{1'bx}}, INIT_0C = {256{1'bx}}, INIT_0D = {256{1'bx}},
    INIT_0E = {256{1'bx}}, INIT_0F = {256{1'bx}}, INIT_10 = {256{1'bx}}, INIT_11 = {256{1'bx}},
    INIT_12 = {256{1'bx}}, INIT_13 = {256{1'bx}}, INIT_14 = {256{1'bx}}, INIT_15 = {256{1'bx}},
    INIT_16 = {256{1'bx}}, INIT_17 = {256{1'bx}}, INIT_18 = {256{1'bx}}, INIT_19 = {256{1'bx}},
    INIT_1A = {256{1'bx}}, INIT_1B = {256{1'bx}}, INIT_1C = {256{1'bx}}, INIT_1D = {256{1'bx}},
    INIT_1E = {256{1'bx}}, INIT_1F = {256{1'bx}}, INIT_20 = {256{1'bx}}, INIT_21 = {256{1'bx}},
    INIT_22 = {256{1'bx}}, INIT_23 = {256{1'bx}}, INIT_24 = {256{1'bx}}, INIT_25 = {256{1'bx}},
    INIT_26 = {256{1'bx}}, INIT_27 = {256{1'bx}}, INIT_28 = {256{1'bx}}, INIT_29 = {256{1'bx}},
    INIT_2A = {256{1'bx}}, INIT_2B = {256{1'bx}}, INIT_2C = {256{1'bx}}, INIT_2D = {256{1'bx}},
    INIT_2E = {256{1'bx}}, INIT_2F = {256{1'bx}}, INIT_30 = {256{1'bx}}, INIT_31 = {256{1'bx}},
    INIT_32 = {256{1'bx}}, INIT_33 = {256{1'bx}}, INIT_34 = {256{1'bx}}, INIT_35 = {256{1'bx}},
    INIT_36 = {256{1'bx}}, INIT_37 = {256{1'bx}}, INIT_38 = {256{1'bx}}, INIT_39 = {256{1'bx}},
    INIT_3A = {256{1'bx}}, INIT_3B = {256{1'bx}}, INIT_3C = {256{1'bx}}, INIT_3D = {256{1'bx}},
    INIT_3E = {256{1'bx}}, INIT_3F = {256{1'bx}}
) (
  input  wire logic        CLKARDCLK,
  input  wire logic        CLKBWRCLK,
  input  wire logic        ENARDEN,
  input  wire logic        ENBWREN,
  input  wire logic        REGCEAREGCE,
  input  wire logic        REGCEB,
  input  wire logic        RSTRAMARSTRAM,
  input  wire logic        RSTRAMB,
  input  wire logic        RSTREGARSTREG,
  input  wire logic        RSTREGB,
  input  wire logic [13:0] ADDRARDADDR,
  input  wire logic [13:0] ADDRBWRADDR,
  input  wire logic [15:0] DIADI,
  input  wire logic [15:0] DIBDI,
  input  wire logic [1:0]  DIPADIP,
  input  wire logic [1:0]  DIPBDIP,
  input  wire logic [1:0]  WEA,
  input  wire logic [3:0]  WEBWE,
  output      logic [15:0] DOADO,
  output      logic [15:0] DOBDO,
  output      logic [1:0]  DOPADOP,
  output      logic [1:0]  DOPBDOP
);
  localparam bit Joined = RAM_MODE == "SDP";

  logic [7:0]  we_a;
  logic [63:0] write_b, read_a, read_b;
  logic [7:0]  write_parity_b, read_parity_a, read_parity_b;

  assign we_a = Joined ? 8'd0 : 8'(WEA);
  assign write_b = (Joined && WRITE_WIDTH_B == 36) ? 64'({DIBDI, DIADI}) : 64'(DIBDI);
  assign write_parity_b = (Joined && WRITE_WIDTH_B == 36) ? 8'({DIPBDIP, DIPADIP}) : 8'(DIPBDIP);
  assign DOADO = read_a[15:0];
  assign DOPADOP = read_parity_a[1:0];
  assign DOBDO = Joined ? read_a[31:16] : read_b[15:0];
  assign DOPBDOP = Joined ? read_parity_a[3:2] : read_parity_b[1:0];

  fb_block_ram #(
    .Words(32'd256),
    .ReadWidthA(READ_WIDTH_A),
    .WriteWidthA(Joined ? 0 : WRITE_WIDTH_A),
    .ReadWidthB(Joined ? 0 : READ_WIDTH_B),
    .WriteWidthB(WRITE_WIDTH_B)
  ) u_ram (
    .clk_a_i   (CLKARDCLK),
    .en_a_i    (ENARDEN),
    .addr_a_i  (ADDRARDADDR),
    .we_a_i    (we_a),
    .data_a_i  (64'(DIADI)),
    .parity_a_i(8'(DIPADIP)),
    .data_a_o  (read_a),
    .parity_a_o(read_parity_a),
    .clk_b_i   (CLKBWRCLK),
    .en_b_i    (ENBWREN),
    .addr_b_i  (ADDRBWRADDR),
    .we_b_i    (8'(WEBWE)),
    .data_b_i  (write_b),
    .parity_b_i(write_parity_b),
    .data_b_o  (read_b),
    .parity_b_o(read_parity_b)
  );

  localparam logic [18431:0] Content = {
    INITP_00, INITP_01, INITP_02, INITP_03, INITP_04, INITP_05, INITP_06, INITP_07, INIT_00,
    INIT_01, INIT_02, INIT_03, INIT_04, INIT_05, INIT_06, INIT_07, INIT_08, INIT_09, INIT_0A,
    INIT_0B, INIT_0C, INIT_0D, INIT_0E, INIT_0F, INIT_10, INIT_11, INIT_12, INIT_13, INIT_14,
    INIT_15, INIT_16, INIT_17, INIT_18, INIT_19, INIT_1A, INIT_1B, INIT_1C, INIT_1D, INIT_1E,
    INIT_1F, INIT_20, INIT_21, INIT_22, INIT_23, INIT_24, INIT_25, INIT_26, INIT_27, INIT_28,
    INIT_29, INIT_2A, INIT_2B, INIT_2C, INIT_2D, INIT_2E, INIT_2F, INIT_30, INIT_31, INIT_32,
    INIT_33, INIT_34, INIT_35, INIT_36, INIT_37, INIT_38, INIT_39, INIT_3A, INIT_3B, INIT_3C,
    INIT_3D, INIT_3E, INIT_3F
  };

  initial begin
    if (RAM_MODE != "TDP" && !Joined) $fatal(1, "%m: RAM_MODE %s is not modelled", RAM_MODE);
    if (DOA_REG != 0 || DOB_REG != 0) $fatal(1, "%m: output registers are not modelled");
    if ((WRITE_WIDTH_A != 0 && WRITE_MODE_A != "READ_FIRST")
        || (WRITE_WIDTH_B != 0 && WRITE_MODE_B != "READ_FIRST")) begin
      $fatal(1, "%m: only the write mode READ_FIRST is modelled");
    end
    if (Content !== {18432{1'bx}}) $fatal(1, "%m: initial content is not modelled");
    if ({IS_CLKARDCLK_INVERTED, IS_CLKBWRCLK_INVERTED, IS_ENARDEN_INVERTED, IS_ENBWREN_INVERTED,
         IS_RSTRAMARSTRAM_INVERTED, IS_RSTRAMB_INVERTED, IS_RSTREGARSTREG_INVERTED,
         IS_RSTREGB_INVERTED} != 8'd0) begin
      $fatal(1, "%m: inverted pins are not modelled");
    end
  end

  always_ff @(posedge CLKARDCLK) begin
    if (RSTRAMARSTRAM || RSTREGARSTREG) $fatal(1, "%m: a reset is not modelled");
  end

  always_ff @(posedge CLKBWRCLK) begin
    if (RSTRAMB || RSTREGB) $fatal(1, "%m: a reset is not modelled");
  end
endmodule
/* verilator lint_on DECLFILENAME */

`default_nettype wire
