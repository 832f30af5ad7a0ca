// The cycle model of cycles.py and streams.py, statement for statement, for sweeps: the same sums
// in the same order, so that every figure is the same to the last bit (a test compares them).
// What the parts mean is said there.

#include "streams.h"

namespace firebrick {

struct Row {
  const std::vector<int>& passes;
  int64_t index, count, source;
  const std::vector<double>& ring;
  bool stored;
};

class Engine {
 public:
  Engine(const Constants& k, const Group* fields, int64_t groups, int64_t images, Result* results)
      : k(k), memory(k, fields, groups, images), results(results) {}

  double finish = 0.0, last_ack = 0.0;

  void Run() {
    for (int64_t seq = 0; seq < memory.total; ++seq) {
      const double before = finish;
      Result& result = results[seq % memory.groups];
      OneGroup(seq, result);
      result.cycles += std::nearbyint(finish) - std::nearbyint(before);
    }
    while (!memory.chunks.empty()) memory.NextEvent();
    last_ack = memory.last_ack;
  }

 private:
  const Constants& k;
  Streams memory;
  Result* results;
  double planner = 1.0, room = 0.0, start = 0.0;
  int64_t reserved = 0;
  std::deque<int64_t> segments;
  int64_t added = 0, adder = 0;

  void OneGroup(int64_t seq, Result& result) {
    const Group& f = memory.fields[seq % memory.groups];
    const double seen = memory.WaitGroup(seq, planner);
    memory.planner_took.push_back(seen);
    planner = seen + 8;
    const double weight_base = memory.weight_start[seq];
    const double weight_last = weight_base + f.weight_words * memory.weight_beats;
    if (f.add_enable) adder = k.ADDER;
    int layer_of[PASSES], layers = 0;
    for (int i = 0; i < PASSES; ++i)
      if (f.pass[i].enable) layer_of[i] = layers++;
    const int tail_pass = static_cast<int>(k.TAIL);
    const bool squeeze = f.pass[0].enable, tail = f.pass[tail_pass].enable;
    const std::vector<int> squeezes = {0}, tails = {tail_pass};
    const std::vector<double> no_ring;
    std::vector<int> main;
    for (int i = 1; i < 3; ++i)
      if (f.pass[i].enable) main.push_back(i);
    int64_t ahead = 0, row = 0, tail_row = 0, in_row = 0;
    std::vector<double> ring_rows, tail_rows;
    while ((tail ? tail_row : row) < f.rows) {
      int64_t advance = 1;
      if (squeeze && ahead < f.mid_total && ahead <= row + f.lead) {
        OneRow(seq, result, f, {squeezes, ahead, f.mid_total, in_row, no_ring, false}, layer_of,
               weight_base, weight_last);
        ring_rows.push_back(InRing(f.pass[0]));
        ++ahead;
        ++in_row;
        memory.freed.push_back({finish + 1, 1, false});
      } else if (tail && (row == f.rows || tail_row < row - 1)) {
        OneRow(seq, result, f, {tails, tail_row, f.rows, 0, tail_rows, true}, layer_of,
               weight_base, weight_last);
        ++tail_row;
      } else {
        OneRow(seq, result, f, {main, row, f.rows, in_row, ring_rows, !tail}, layer_of,
               weight_base, weight_last);
        const Pass& last = f.pass[main.back()];
        if (tail) tail_rows.push_back(InRing(last));
        if (!squeeze) {
          const int64_t stride = last.stride * (f.load_fold ? 2 : 1);
          in_row += stride;
          const int64_t free = stride - (row == 0 ? last.pad : 0);
          if (row < f.rows - 1) memory.freed.push_back({finish + 1, free, false});
          advance = f.load_fold ? 4 * stride - 3 : stride;
        }
        ++row;
      }
      const bool more = (tail ? tail_row : row) < f.rows;
      planner += 1 + std::max<int64_t>(advance, 1) + (more ? 6 : 2);
    }
    memory.freed.push_back({finish + 1, 0, true});
    memory.pair_frees.push_back({finish + k.FREE_BIASES + k.channels, f.bias_pairs});
  }

  double InRing(const Pass& last) const { return finish + (k.FINISH_TO_RING + k.pixels + last.last); }

  bool Writes(const Group& f, int64_t row, int64_t tile) const {
    const bool last = row == f.rows - 1;
    if (f.mode == k.MODE_SUM) return last && tile == 0;
    if (f.mode == k.MODE_DIRECT) return true;
    const bool edge = last && f.pool_last_emit;
    const bool odd = (row + f.pool_padded) % 2 == 1;
    const bool emit = f.pool_kernel3 ? (row > 0 && !odd) || (odd && edge) : odd || edge;
    const bool ends = (tile + f.pool_padded) % 2 == 0 || tile == 0;
    return emit && ends && (tile + f.pool_padded) / 2 < f.out_tiles;
  }

  void OneRow(int64_t seq, Result& result, const Group& f, const Row& row, const int* layer_of,
              double weight_base, double weight_last) {
    const std::vector<int>& passes = row.passes;
    const bool last = row.index == row.count - 1;
    const int64_t channels = k.channels;
    const int64_t fifo = k.fifo_words * memory.word_beats + k.WRITER_FIFO - k.BURST_BEATS;
    const int64_t beats_of = f.mode == k.MODE_SUM ? 1 : memory.word_beats;
    const int64_t to_bus = k.FINISH_TO_BUS + k.pixels + adder;
    const bool adds = row.stored && f.add_enable;
    const int64_t to_addend = k.FINISH_TO_ADDEND + k.pixels;
    const int64_t to_port = k.FINISH_TO_PORT + k.pixels;
    const bool weights_here = memory.consumed >= weight_last && memory.now <= planner;
    for (int64_t tile = f.tiles - 1; tile >= 0; --tile) {
      const bool writes = row.stored && Writes(f, row.index, tile);
      for (const int index : passes) {
        const Pass& p = f.pass[index];
        const int64_t steps = p.steps;
        const int64_t gap = std::max<int64_t>(0, channels - steps);
        Layer& layer = result.layers[layer_of[index]];
        double position = weight_base + p.weights * memory.weight_beats;
        int64_t need = (p.mid ? row.index : row.source) + p.kh - p.pad + f.load_reach;
        need = std::min(need, p.mid ? static_cast<int64_t>(row.ring.size()) : f.src_rows);
        for (int64_t block = 0; block < p.blocks; ++block) {
          double push = planner;
          if (room > push) push = room;
          double after_weights = push;
          position += steps * memory.weight_beats;
          if (!weights_here) after_weights = memory.WaitWeights(position, push);
          double after_input = after_weights, after_ring = after_weights;
          double after_output = after_weights;
          if (block == 0) {
            if (p.mid) {
              const double ready = row.ring[need - 1];
              if (ready > after_ring) after_ring = after_output = ready;
            } else if (memory.l_seq < seq || (memory.l_seq == seq && memory.rows < need)) {
              after_input = memory.WaitRows(seq, need, after_weights);
              after_ring = after_output = after_input;
            }
          }
          const int64_t words = block == p.blocks - 1 ? p.last : channels;
          if (adds) {
            added += words * memory.word_beats;
            if (memory.a_fetched < added || memory.now > after_input) {
              after_input = memory.WaitAddends(added, after_input);
              after_ring = after_output = std::max(after_ring, after_input);
            }
          }
          int64_t beats = 0;
          if (writes) {
            beats = words * beats_of;
            reserved += beats;
            int64_t needed = reserved - fifo;
            if (block == 0 && index == passes.front()) {
              if (static_cast<int64_t>(segments.size()) >= k.SEGMENTS) {
                needed = std::max(needed, segments.front());
                segments.pop_front();
              }
              segments.push_back(0);
            }
            segments.back() = reserved;
            if (needed > memory.moved) after_output = memory.WaitMoved(needed, after_ring);
          }
          push = after_output;
          double begin = push + 1;
          const double pace = finish + gap;
          if (pace > begin) begin = pace;
          if (begin > finish) {
            Charge(result.stalls, begin, std::max(planner, room), after_weights, after_input,
                   after_ring, after_output);
            layer.idle += begin - finish;
          }
          room = start + 1;
          start = begin;
          finish = begin + steps;
          planner = push + 2;
          if (last && tile == 0)
            memory.weight_frees.push_back({finish + k.FREE_WEIGHTS, steps});
          if (adds)
            memory.a_pops.push_back({finish + to_addend + words, words * memory.word_beats});
          if (!row.stored) memory.ToRing(finish + to_port, words);
          layer.active += steps;
          result.active += steps;
          if (writes) {
            const bool row_end = tile == 0 && index == passes.back() && block == p.blocks - 1;
            memory.chunks.push_back({finish + to_bus, static_cast<double>(beats), row_end,
                                     row_end && last});
          }
        }
        planner += 2;
      }
      planner += 1;
    }
    planner -= 5;
  }

  void Charge(double* stalls, double begin, double asked, double weights, double inputs,
              double ring, double output) const {
    double at = finish;
    const struct {
      Cause cause;
      double until;
    } shares[] = {
        {kBySwitch, asked},
        {kByWeights, weights},
        {kByInput, inputs},
        {kByDrain, ring},
        {kByOutput, output},
        {kBySwitch, std::min(output + 1, begin)},
        {kByDrain, begin - 1},
        {kBySwitch, begin},
    };
    for (const auto& share : shares)
      if (share.until > at) {
        stalls[share.cause] += share.until - at;
        at = share.until;
      }
  }
};

}  // namespace firebrick

// Results of every group; ends[0] is the last K step's end, ends[1] the last acknowledged row's
// time.  0, or 1 where the model waits for ever: ends then has cycle and groups.
extern "C" int firebrick_predict(const firebrick::Constants* constants,
                                 const firebrick::Group* groups, int64_t count, int64_t images,
                                 firebrick::Result* results, double* ends) {
  try {
    firebrick::Engine engine(*constants, groups, count, images, results);
    engine.Run();
    ends[0] = engine.finish;
    ends[1] = engine.last_ack;
    return 0;
  } catch (const firebrick::Forever& f) {
    ends[0] = f.now;
    ends[1] = f.p_seq;
    ends[2] = f.l_seq;
    ends[3] = f.written_seq;
    return 1;
  }
}
