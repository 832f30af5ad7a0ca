// What the planner tells the issuer about a block, and the issuer the drain.
//
// A block is one run of K steps that gives C output channels of one tile.  Widths are those of
// the group descriptor, so that every legal descriptor fits whatever the engine's depths are.

package fb_block_pkg;
  // Where the results of a block go.
  typedef enum logic [1:0] {
    ToMemory = 2'd0,
    ToPool   = 2'd1,
    ToSum    = 2'd2,
    ToRing   = 2'd3
  } target_e;

  // Everything that happens to a block's results, kept until the array has drained them.
  typedef struct packed {
    target_e     target;
    logic [11:0] bias_addr;   // first bias pair, modulo the bias memory
    logic [7:0]  channels;    // channels to drain, 1..C
    logic [5:0]  pixels;      // valid pixels of the computed tile
    logic        relu;
    logic [12:0] addr;        // ring: word of channel 0; pool: line-buffer word of channel 0
    logic [12:0] chan;        // pool, sum: index of channel 0
    logic        tile_odd;
    logic        tile_first;  // rightmost tile of the row
    logic        tile_last;   // leftmost tile of the row
    logic [5:0]  out_pixels;  // valid pixels of the pooled tile
    logic        v_use;
    logic        v_store_row;
    logic        v_emit;
    logic        kernel3;
    logic        padded;      // pooling windows begin a row and a column ahead of the map
    logic        out_signed;
    logic        sum_init;
    logic        sum_emit;
    logic        row_end;     // the last block of a row
    logic        tail;        // ring: the tail's, else the squeeze rows'
    logic        add;         // a stored map is added to the results
    logic [2:0]  add_left;
    logic        add_shifts_own;
    logic [3:0]  add_shift;
    logic        add_signed;
  } token_t;

  typedef struct packed {
    logic [12:0] row_base;    // ring word of the first kernel row
    logic [12:0] ring_base;
    logic [13:0] ring_end;
    logic [12:0] row_words;
    logic [12:0] tile_off;
    logic [12:0] tile_words;
    logic        top_zero;    // the first kernel row lies above the map
    logic        bottom_zero; // the last kernel row lies below the map
    logic        left_zero;
    logic        right_zero;
    logic [12:0] channels0;   // channels of the first phase
    logic [12:0] channels1;   // channels of the second phase, 0 if there is none
    logic        half_first;  // the first kernel row has the upper half of each phase's channels
    logic        half_last;   // the last one has the lower half
    logic        fold;        // a word's halves are pixels of two rows
    logic [3:0]  kh;
    logic [2:0]  taps0;
    logic [2:0]  taps1;
    logic [1:0]  words0;
    logic [1:0]  words1;
    logic        left;
    logic        src_signed;
    logic [15:0] steps;
    logic [15:0] weight_addr; // modulo the weight memory
    logic [3:0]  free_rows;   // rows of the input ring that are free when the block has been issued
    logic        group_end;   // the group's last block
    logic        program_end; // ... and the program's
    logic [15:0] weights_used; // words of the run that no block behind this one reads
    logic [11:0] bias_pairs;
    token_t      token;
  } block_t;
endpackage
