// Writes what Verilator counted in a simulated board, as long as the board is there.

#include <verilated.h>
#include <verilated_cov.h>

#pragma GCC visibility push(default)
extern "C" {

// Counts of the board that ran last in this thread.
void fb_write_coverage(const char* path) { Verilated::threadContextp()->coveragep()->write(path); }

}  // extern "C"
#pragma GCC visibility pop
