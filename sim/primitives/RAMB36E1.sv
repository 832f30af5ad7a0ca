// Xilinx' RAMB36E1 for simulation, as far as netlists of this project use it: the model that yosys
// ships has ports and delays only.  Written from UG473, chapter 1.  Whatever is not modelled -
// output registers, resets, cascades, inverted pins, initial content, write modes other than
// READ_FIRST - ends the simulation.
//
// RAM_MODE "SDP" joins the ports: A reads and B writes, up to 72 bits, of which DOBDO and DIBDI
// carry the upper half.
`default_nettype none

/* verilator lint_off DECLFILENAME */
module RAMB36E1 #(
  parameter int DOA_REG = 0,
  parameter int DOB_REG = 0,
  parameter RAM_MODE = "TDP",
  parameter int READ_WIDTH_A = 0,
  parameter int READ_WIDTH_B = 0,
  parameter int WRITE_WIDTH_A = 0,
  parameter int WRITE_WIDTH_B = 0,
  parameter WRITE_MODE_A = "WRITE_FIRST",
  parameter WRITE_MODE_B = "WRITE_FIRST",
  parameter RAM_EXTENSION_A = "NONE",
  parameter RAM_EXTENSION_B = "NONE",
  parameter EN_ECC_READ = "FALSE",
  parameter EN_ECC_WRITE = "FALSE",
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
    INITP_06 = {256{1'bx}}, INITP_07 = {256{1'bx}}, INITP_08 = {256{1'bx}},
    INITP_09 = {256{1'bx}}, INITP_0A = {256{1'bx}}, INITP_0B = {256{1'bx}},
    INITP_0C = {256{1'bx}}, INITP_0D = {256{1'bx}}, INITP_0E = {256{1'bx}},
    INITP_0F = {256{1'bx}}, INIT_00 = {256{1'bx}}, INIT_01 = {256{1'bx}}, INIT_02 = {256{1'bx}},
    INIT_03 = {256{1'bx}}, INIT_04 = {256{1'bx}}, INIT_05 = {256{1'bx}}, INIT_06 = {256{1'bx}},
    INIT_07 = {256{1'bx}}, INIT_08 = {256{1'bx}}, INIT_09 = {256{1'bx}}, INIT_0A = {256{1'bx}},
    INIT_0B = {256{1'bx}}, INIT_0C = {256{1'bx}}, INIT_0D = {256{1'bx}}, INIT_0E = {256{1'bx}},
    INIT_0F = {256{1'bx}}, INIT_10 = {256{1'bx}}, INIT_11 = {256{1'bx}}, INIT_12 = {256{1'bx}},
    INIT_13 = {256{1'bx}}, INIT_14 = {256{1'bx}}, INIT_15 = {256{1'bx}}, INIT_16 = {256{1'bx}},
    INIT_17 = {256{1'bx}}, INIT_18 = {256{1'bx}}, INIT_19 = {256{1'bx}}, INIT_1A = {256{1'bx}},
    INIT_1B = {256{1'bx}}, INIT_1C = {256{1'bx}}, INIT_1D = {256{1'bx}}, INIT_1E = {256{1'bx}},
    INIT_1F = {256{1'bx}}, INIT_20 = {256{1'bx}}, INIT_21 = {256{1'bx}}, INIT_22 = {256{1'bx}},
    INIT_23 = {256{1'bx}}, INIT_24 = {256{1'bx}}, INIT_25 = {256{1'bx}}, INIT_26 = {256{1'bx}},
    INIT_27 = {256{1'bx}}, INIT_28 = {256{1'bx}}, INIT_29 = {256{1'bx}}, INIT_2A = {256{1'bx}},
    INIT_2B = {256{1'bx}}, INIT_2C = {256{1'bx}}, INIT_2D = {256{1'bx}}, INIT_2E = {256{1'bx}},
    INIT_2F = {256{1'bx}}, INIT_30 = {256{1'bx}}, INIT_31 = {256{1'bx}}, INIT_32 = {256{1'bx}},
    INIT_33 = {256{1'bx}}, INIT_34 = {256{1'bx}}, INIT_35 = {256{1'bx}}, INIT_36 = {256{1'bx}},
    INIT_37 = {256{1'bx}}, INIT_38 = {256{1'bx}}, INIT_39 = {256{1'bx}}, INIT_3A = {256{1'bx}},
    INIT_3B = {256{1'bx}}, INIT_3C = {256{1'bx}}, INIT_3D = {256{1'bx}}, INIT_3E = {256{1'bx}},
    INIT_3F = {256{1'bx}}, INIT_40 = {256{1'bx}}, INIT_41 = {256{1'bx}}, INIT_42 = {256{1'bx}},
    INIT_43 = {256{1'bx}}, INIT_44 = {256{1'bx}}, INIT_45 = {256{1'bx}}, INIT_46 = {256{1'bx}},
    INIT_47 = {256{1'bx}}, INIT_48 = {256{1'bx}}, INIT_49 = {256{1'bx}}, INIT_4A = {256{1'bx}},
    INIT_4B = {256{1'bx}}, INIT_4C = {256{1'bx}}, INIT_4D = {256{1'bx}}, INIT_4E = {256{1'bx}},
    INIT_4F = {256{1'bx}}, INIT_50 = {256{1'bx}}, INIT_51 = {256{1'bx}}, INIT_52 = {256{1'bx}},
    INIT_53 = {256{1'bx}}, INIT_54 = {256{1'bx}}, INIT_55 = {256{1'bx}}, INIT_56 = {256{1'bx}},
    INIT_57 = {256{1'bx}}, INIT_58 = {256{1'bx}}, INIT_59 = {256{1'bx}}, INIT_5A = {256{1'bx}},
    INIT_5B = {256{1'bx}}, INIT_5C = {256{1'bx}}, INIT_5D = {256{1'bx}}, INIT_5E = {256{1'bx}},
    INIT_5F = {256{1'bx}}, INIT_60 = {256{1'bx}}, INIT_61 = {256{1'bx}}, INIT_62 = {256{1'bx}},
    INIT_63 = {256{1'bx}}, INIT_64 = {256{1'bx}}, INIT_65 = {256{1'bx}}, INIT_66 = {256{1'bx}},
    INIT_67 = {256{1'bx}}, INIT_68 = {256{1'bx}}, INIT_69 = {256{1'bx}}, INIT_6A = {256{1'bx}},
    INIT_6B = {256{1'bx}}, INIT_6C = {256{1'bx}}, INIT_6D = {256{1'bx}}, INIT_6E = {256{1'bx}},
    INIT_6F = {256{1'bx}}, INIT_70 = {256{1'bx}}, INIT_71 = {256{1'bx}}, INIT_72 = {256{1'bx}},
    INIT_73 = {256{1'bx}}, INIT_74 = {256{1'bx}}, INIT_75 = {256{1'bx}}, INIT_76 = {256{1'bx}},
    INIT_77 = {256{1'bx}}, INIT_78 = {256{1'bx}}, INIT_79 = {256{1'bx}}, INIT_7A = {256{1'bx}},
    INIT_7B = {256{1'bx}}, INIT_7C = {256{1'bx}}, INIT_7D = {256{1'bx}}, INIT_7E = {256{1'bx}},
    INIT_7F = {256{1'bx}}
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
  input  wire logic        CASCADEINA,
  input  wire logic        CASCADEINB,
  input  wire logic        INJECTDBITERR,
  input  wire logic        INJECTSBITERR,
  input  wire logic [15:0] ADDRARDADDR,
  input  wire logic [15:0] ADDRBWRADDR,
  input  wire logic [31:0] DIADI,
  input  wire logic [31:0] DIBDI,
  input  wire logic [3:0]  DIPADIP,
  input  wire logic [3:0]  DIPBDIP,
  input  wire logic [3:0]  WEA,
  input  wire logic [7:0]  WEBWE,
  output      logic        CASCADEOUTA,
  output      logic        CASCADEOUTB,
  output      logic        DBITERR,
  output      logic        SBITERR,
  output      logic [7:0]  ECCPARITY,
  output      logic [8:0]  RDADDRECC,
  output      logic [31:0] DOADO,
  output      logic [31:0] DOBDO,
  output      logic [3:0]  DOPADOP,
  output      logic [3:0]  DOPBDOP
);
  localparam bit Joined = RAM_MODE == "SDP";

  logic [7:0]  we_a;
  logic [63:0] write_b, read_a, read_b;
  logic [7:0]  write_parity_b, read_parity_a, read_parity_b;

  assign we_a = Joined ? 8'd0 : 8'(WEA);
  assign write_b = (Joined && WRITE_WIDTH_B == 72) ? 64'({DIBDI, DIADI}) : 64'(DIBDI);
  assign write_parity_b = (Joined && WRITE_WIDTH_B == 72) ? 8'({DIPBDIP, DIPADIP}) : 8'(DIPBDIP);
  assign DOADO = read_a[31:0];
  assign DOPADOP = read_parity_a[3:0];
  assign DOBDO = Joined ? read_a[63:32] : read_b[31:0];
  assign DOPBDOP = Joined ? read_parity_a[7:4] : read_parity_b[3:0];

  fb_block_ram #(
    .Words(32'd512),
    .ReadWidthA(READ_WIDTH_A),
    .WriteWidthA(Joined ? 0 : WRITE_WIDTH_A),
    .ReadWidthB(Joined ? 0 : READ_WIDTH_B),
    .WriteWidthB(WRITE_WIDTH_B)
  ) u_ram (
    .clk_a_i   (CLKARDCLK),
    .en_a_i    (ENARDEN),
    .addr_a_i  (ADDRARDADDR[14:0]),
    .we_a_i    (we_a),
    .data_a_i  (64'(DIADI)),
    .parity_a_i(8'(DIPADIP)),
    .data_a_o  (read_a),
    .parity_a_o(read_parity_a),
    .clk_b_i   (CLKBWRCLK),
    .en_b_i    (ENBWREN),
    .addr_b_i  (ADDRBWRADDR[14:0]),
    .we_b_i    (8'(WEBWE)),
    .data_b_i  (write_b),
    .parity_b_i(write_parity_b),
    .data_b_o  (read_b),
    .parity_b_o(read_parity_b)
  );

  localparam logic [36863:0] Content = {
    INITP_00, INITP_01, INITP_02, INITP_03, INITP_04, INITP_05, INITP_06, INITP_07, INITP_08,
    INITP_09, INITP_0A, INITP_0B, INITP_0C, INITP_0D, INITP_0E, INITP_0F, INIT_00, INIT_01,
    INIT_02, INIT_03, INIT_04, INIT_05, INIT_06, INIT_07, INIT_08, INIT_09, INIT_0A, INIT_0B,
    INIT_0C, INIT_0D, INIT_0E, INIT_0F, INIT_10, INIT_11, INIT_12, INIT_13, INIT_14, INIT_15,
    INIT_16, INIT_17, INIT_18, INIT_19, INIT_1A, INIT_1B, INIT_1C, INIT_1D, INIT_1E, INIT_1F,
    INIT_20, INIT_21, INIT_22, INIT_23, INIT_24, INIT_25, INIT_26, INIT_27, INIT_28, INIT_29,
    INIT_2A, INIT_2B, INIT_2C, INIT_2D, INIT_2E, INIT_2F, INIT_30, INIT_31, INIT_32, INIT_33,
    INIT_34, INIT_35, INIT_36, INIT_37, INIT_38, INIT_39, INIT_3A, INIT_3B, INIT_3C, INIT_3D,
    INIT_3E, INIT_3F, INIT_40, INIT_41, INIT_42, INIT_43, INIT_44, INIT_45, INIT_46, INIT_47,
    INIT_48, INIT_49, INIT_4A, INIT_4B, INIT_4C, INIT_4D, INIT_4E, INIT_4F, INIT_50, INIT_51,
    INIT_52, INIT_53, INIT_54, INIT_55, INIT_56, INIT_57, INIT_58, INIT_59, INIT_5A, INIT_5B,
    INIT_5C, INIT_5D, INIT_5E, INIT_5F, INIT_60, INIT_61, INIT_62, INIT_63, INIT_64, INIT_65,
    INIT_66, INIT_67, INIT_68, INIT_69, INIT_6A, INIT_6B, INIT_6C, INIT_6D, INIT_6E, INIT_6F,
    INIT_70, INIT_71, INIT_72, INIT_73, INIT_74, INIT_75, INIT_76, INIT_77, INIT_78, INIT_79,
    INIT_7A, INIT_7B, INIT_7C, INIT_7D, INIT_7E, INIT_7F
  };

  initial begin
    if (RAM_MODE != "TDP" && !Joined) $fatal(1, "%m: RAM_MODE %s is not modelled", RAM_MODE);
    if (DOA_REG != 0 || DOB_REG != 0) $fatal(1, "%m: output registers are not modelled");
    if ((WRITE_WIDTH_A != 0 && WRITE_MODE_A != "READ_FIRST")
        || (WRITE_WIDTH_B != 0 && WRITE_MODE_B != "READ_FIRST")) begin
      $fatal(1, "%m: only the write mode READ_FIRST is modelled");
    end
    if (Content !== {36864{1'bx}}) $fatal(1, "%m: initial content is not modelled");
    if (RAM_EXTENSION_A != "NONE" || RAM_EXTENSION_B != "NONE") begin
      $fatal(1, "%m: a cascade is not modelled");
    end
    if (EN_ECC_READ != "FALSE" || EN_ECC_WRITE != "FALSE") $fatal(1, "%m: ECC is not modelled");
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
