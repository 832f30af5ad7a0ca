// Entries for the models of hls_stream.h in this folder: a run that a reset ends, and figures.
//
// All else is hidden: static variables of inline functions would be one for all libraries of a
// process, so that the memories of two shapes would be the same, with the size of the first.
#include <cstdint>
#include <cstdio>

#include "hls_stream.h"

#define FIREBRICK_VISIBLE __attribute__((visibility("default")))

extern "C" void firebrick_run(uint64_t *memory, uint32_t *registers);

// Runs until stream read number `reads` (to the end, if negative), FIFOs of `depth` and processes in
// the order of `seed` (as declared and last to first, if zero).  Returns the stream reads, -1 for a
// run that was left, -2 for a deadlock, -3 for another fault.
extern "C" FIREBRICK_VISIBLE long firebrick_model_run(uint64_t *memory, uint32_t *registers,
                                                      long reads, long depth, long seed) {
  firebrick_model::State &s = firebrick_model::state();
  s.reads_left = reads;
  s.reads = 0;
  s.left_over = 0;
  s.forced_depth = (size_t)depth;
  s.seed = (uint64_t)seed * 0x9e3779b97f4a7c15u;
  try {
    firebrick_run(memory, registers);
  } catch (const firebrick_model::Reset &) {
    return -1;
  } catch (const firebrick_model::Deadlock &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return -2;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return -3;
  }
  return s.reads;
}

extern "C" FIREBRICK_VISIBLE long firebrick_model_left_over() {
  return firebrick_model::state().left_over;
}
