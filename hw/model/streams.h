// Memory streams of the cycle model: streams.py statement for statement, see cycles.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <limits>
#include <vector>

namespace firebrick {

constexpr double kEps = 1e-6;
constexpr double kRounding = 1e-4;
constexpr double kNever = std::numeric_limits<double>::infinity();
enum Kind { kDescriptor, kBiases, kWeights, kDone };
enum Cause { kByWeights, kByInput, kByOutput, kByDrain, kBySwitch, kCauses };

// CONSTANTS and FIELDS are lists of names from compiled.py, which fills these structures; PASSES is
// the number of passes.
struct Constants {
  int64_t CONSTANTS;
};

struct Pass {
  int64_t PASS_FIELDS;
};

struct Group {
  int64_t FIELDS;
  Pass pass[PASSES];
};

struct Layer {
  double active, idle;
};

struct Result {
  double cycles, active;
  double stalls[kCauses];
  Layer layers[PASSES];
};

struct Freed {
  double at;
  int64_t rows;
  bool group_end;
};
struct Ack {
  double at;
  bool group_end;
};
struct Chunk {
  double at, beats;
  bool row_end, group_end;
};
struct Flight {
  double at, beats;
};
struct Span {
  double from, to;
};
struct Free {
  double at;
  int64_t count;
};
struct Pop {
  double at;
  int64_t beats;
};
struct Adding {
  int64_t seq;
  double first, end, row;
};

// Raised where the model would wait for ever.
struct Forever {
  double now;
  int64_t p_seq, l_seq, written_seq;
};

class Streams {
 public:
  Streams(const Constants& k, const Group* fields, int64_t groups, int64_t images)
      : k(k), fields(fields), groups(groups), total(groups * images) {
    word_beats = k.word_bytes / 8;
    weight_beats = k.weight_bytes / 8;
    latency = k.read_latency;
    write_latency = k.write_latency;
    const double busy = k.refresh_interval ? static_cast<double>(k.refresh_cycles) /
                                                 static_cast<double>(k.refresh_interval)
                                           : 0.0;
    const double beats = static_cast<double>(k.bytes_per_cycle) / 8;
    rates[0] = 1.0;
    for (int n = 1; n <= 3; ++n) rates[n] = std::min(1.0, beats / n) * (1 - busy);
    const int64_t bursts = std::min(k.READER_BURSTS, k.max_outstanding);
    read_cap = static_cast<double>(bursts * k.BURST_BEATS) /
               static_cast<double>(k.read_latency + k.BURST_TURNAROUND);
    p_ready = k.START_TO_STREAM + 2 * (k.read_latency - 40.0);
    double position = 0.0, asked = 0.0;
    for (int64_t seq = 0; seq < total; ++seq) {
      const Group& f = fields[seq % groups];
      if (f.add_enable) {
        const int64_t row = f.tiles * f.segment_words * word_beats;
        a_groups.push_back({seq, position, position + row * f.rows, static_cast<double>(row)});
        position += row * f.rows;
        asked = position - (f.segment_words * word_beats + k.COMMAND_LATENCY + latency);
      }
      a_asked.push_back(asked);
    }
    a_room = k.fifo_words * word_beats + k.ADDEND_FIFO;
    NextStage();
  }

  const Constants& k;
  const Group* fields;
  int64_t groups, total;
  int64_t word_beats, weight_beats, latency, write_latency;
  double rates[4], read_cap;
  double now = 0.0;

  double consumed = 0.0, fetched = 0.0, image_end = 0.0, p_ready = 0.0, p_pause = 0.0;
  int64_t p_seq = -1;
  Kind p_kind = kWeights;
  double p_end = 0.0, p_limit = 0.0;
  int64_t pairs_before = 0, weight_free = 0, pair_free = 0;
  std::deque<Free> weight_frees, pair_frees;
  std::deque<double> planner_took;
  int64_t taken = 0, described = 0;
  std::vector<double> group_seen, weight_start;
  double p_target = kNever, p_asked = 0.0;

  int64_t l_seq = -1;
  double l_ask = 0.0;
  int64_t asked = 0, rows = 0, l_rows = 0, l_step = 1;
  double l_rate = 1.0;
  std::deque<Flight> flight;
  double in_flight = 0.0, behind = 0.0;
  std::deque<double> loading;
  std::deque<Span> ring_writes;
  std::deque<Freed> freed;
  int64_t freed_rows = 0, issue_seq = 0;

  std::vector<Adding> a_groups;
  std::vector<double> a_asked;
  int64_t a_room = 0;
  size_t a_index = 0;
  double a_allowed = 0.0, a_fetched = 0.0;
  int64_t a_popped = 0;
  std::deque<Pop> a_pops;
  double a_ready = 0.0, a_target = kNever;

  std::deque<Chunk> chunks;
  double moved = 0.0, w_target = kNever;
  std::deque<Ack> acks;
  int64_t written_seq = 0, written_rows = 0;
  double last_ack = 0.0;

  void NextStage() {
    if (p_kind == kWeights) {
      ++p_seq;
      if (p_seq == total) {
        p_kind = kDone, p_end = kNever, p_limit = -1.0;
        return;
      }
      if (p_seq % groups == 0) {
        int64_t beats = 0;
        for (int64_t g = 0; g < groups; ++g) {
          const Group& f = fields[g];
          weight_start.push_back(consumed + static_cast<double>(beats) + k.DESCRIPTOR_BEATS +
                                 f.bias_pairs);
          beats += k.DESCRIPTOR_BEATS + f.bias_pairs;
          beats += f.weight_words * weight_beats;
        }
        image_end = consumed + beats;
        if (p_seq) p_ready = now + k.BEAT_TO_WEIGHT + k.COMMAND_LATENCY + latency;
      }
      p_kind = kDescriptor;
      p_end = consumed + k.DESCRIPTOR_BEATS;
      p_pause = now + k.GROUP_TO_DESCRIPTOR;
    } else if (p_kind == kDescriptor) {
      p_kind = kBiases;
      ++described;
      group_seen.push_back(now + k.DESCRIPTOR_TO_GROUP);
      p_end = consumed + fields[p_seq % groups].bias_pairs;
      p_pause = now + 2;
    } else {
      p_kind = kWeights;
      const Group& f = fields[p_seq % groups];
      pairs_before += f.bias_pairs;
      p_end = consumed + f.weight_words * weight_beats;
    }
    Limit();
  }

  void Limit() {
    if (p_kind == kDescriptor) {
      // One that the planner has not taken waits in a register of its own.
      const bool ready = taken >= p_seq - 1 && l_seq >= p_seq - 1;
      p_asked = p_seq > 1 ? a_asked[p_seq - 2] : 0.0;
      p_limit = ready && a_fetched >= p_asked - kEps ? p_end : -1.0;
    } else if (p_kind == kBiases) {
      // Two fewer hold fb_program back, which takes two more meanwhile.
      const int64_t room = pair_free + k.bias_pairs;
      const int64_t left = pairs_before + fields[p_seq % groups].bias_pairs - room;
      p_limit = p_end - std::max<int64_t>(0, left);
    } else if (p_kind == kWeights) {
      const int64_t room = weight_free + k.weight_words - 2;
      p_limit = p_end - std::max<int64_t>(0, WeightsEnd() - room) * weight_beats;
    }
  }

  int64_t WeightsEnd() const {
    int64_t per_image = 0, part = 0;
    for (int64_t g = 0; g < groups; ++g) {
      per_image += fields[g].weight_words;
      if (g < p_seq % groups + 1) part += fields[g].weight_words;
    }
    return p_seq / groups * per_image + part;
  }

  double Ask() {
    for (;;) {
      if (l_seq < 0 || asked == l_rows) {
        if (l_seq >= 0 && rows < l_rows) return kNever;
        if (l_seq + 1 >= std::min(total, described)) return kNever;
        const double seen = group_seen[l_seq + 1];
        if (seen > now + kEps) return seen;
        ++l_seq;
        const Group& f = fields[l_seq % groups];
        l_rows = f.src_rows;
        l_step = f.load_fold == k.FOLD_STORED ? 2 : 1;
        const bool twice = l_step == 2 || f.load_phases == 2;
        l_rate = twice ? std::min(1.0, static_cast<double>(word_beats) / 2) : 1.0;
        asked = rows = 0;
        l_ask = now + 4;
        if (p_kind == kDescriptor) Limit();
      }
      const int64_t ahead = l_seq - issue_seq;
      if (ahead > 1) return kNever;
      const Group& f = fields[l_seq % groups];
      if (asked - (ahead ? 0 : freed_rows) >= f.in_rows) return kNever;
      if (f.wait_enable) {
        const int64_t lag = written_seq - (l_seq - f.wait_back);
        const int64_t row = asked * (f.load_skip ? 2 : 1) / l_step;
        if (lag < 0 || (lag == 0 && written_rows <= row)) return kNever;
      }
      if (in_flight > (k.READER_BURSTS - 1) * k.BURST_BEATS) return kNever;
      if (l_ask > now + kEps) return l_ask;
      const int64_t beats = f.load_row_words * word_beats;
      const int64_t bursts = (beats + k.BURST_BEATS - 1) / k.BURST_BEATS;
      flight.push_back({now + k.COMMAND_LATENCY + latency, static_cast<double>(beats)});
      in_flight += beats;
      loading.push_back(static_cast<double>(beats));
      asked += l_step;
      l_ask = now + k.ROW_COMMAND + 2 * std::min(bursts, k.READER_BURSTS);
    }
  }

  void ToRing(double at, int64_t words) {
    if (!ring_writes.empty() && at <= ring_writes.back().to)
      ring_writes.back().to = at + words;
    else
      ring_writes.push_back({at + k.PORT_SLACK * word_beats, at + words});
  }

  double Allow() {
    const double due = now + kEps;
    while (!a_pops.empty() && a_pops.front().at <= due) {
      a_popped += a_pops.front().beats;
      a_pops.pop_front();
    }
    double allowed = a_allowed, again = kNever;
    int64_t fresh = 0;
    while (a_index < a_groups.size()) {
      const Adding& a = a_groups[a_index];
      if (static_cast<int64_t>(group_seen.size()) <= a.seq) break;
      if (group_seen[a.seq] > due) {
        again = group_seen[a.seq];
        break;
      }
      const Group& f = fields[a.seq % groups];
      int64_t count = f.rows;
      if (f.add_wait_enable) {
        const int64_t lag = written_seq - (a.seq - f.add_wait_back);
        count = lag < 0 ? 0 : lag == 0 ? std::min(count, written_rows) : count;
      }
      fresh = allowed <= a.first ? k.ADDEND_GROUP : 0;
      allowed = a.first + count * a.row;
      if (allowed < a.end) break;
      ++a_index;
    }
    if (allowed > a_allowed) {
      if (a_fetched >= a_allowed - kEps) a_ready = now + fresh + k.COMMAND_LATENCY + latency;
      a_allowed = allowed;
    }
    if (!a_pops.empty() && static_cast<double>(a_popped + a_room) < a_allowed)
      again = std::min(again, a_pops.front().at);
    return again;
  }

  void Step(double limit) {
    const double now = this->now;
    const double due = now + kEps;
    while (!weight_frees.empty() && weight_frees.front().at <= due) {
      weight_free += weight_frees.front().count;
      weight_frees.pop_front();
      Limit();
    }
    while (!pair_frees.empty() && pair_frees.front().at <= due) {
      pair_free += pair_frees.front().count;
      pair_frees.pop_front();
      Limit();
    }
    while (!planner_took.empty() && planner_took.front() <= due) {
      planner_took.pop_front();
      ++taken;
      Limit();
    }
    while (!freed.empty() && freed.front().at <= due) {
      if (freed.front().group_end) {
        freed_rows = 0;
        ++issue_seq;
      } else {
        freed_rows += freed.front().rows;
      }
      freed.pop_front();
    }
    while (!acks.empty() && acks.front().at <= due) {
      if (acks.front().group_end) {
        ++written_seq;
        written_rows = 0;
      } else {
        ++written_rows;
      }
      acks.pop_front();
    }
    while (p_kind != kDone && consumed >= p_end - kEps) NextStage();
    const double next_ask = Ask();

    const double room = std::min(image_end, consumed + k.READER_FIFO) - fetched;
    const bool fetch = room > kEps && p_ready <= due;
    const bool read = !flight.empty() && flight.front().at <= due;
    const bool write = !chunks.empty() && chunks.front().at <= due;
    double add_room = 0.0;
    double end = std::min(limit, next_ask);
    if (!a_groups.empty()) {
      end = std::min(end, Allow());
      add_room = std::min(a_allowed, static_cast<double>(a_popped + a_room)) - a_fetched;
    }
    const bool add = add_room > kEps && a_ready <= due;
    while (!ring_writes.empty() && ring_writes.front().to <= due) ring_writes.pop_front();
    const bool port_taken = !ring_writes.empty() && ring_writes.front().from <= due;
    const double rate = rates[(fetch || add) + read + write];
    const double read_rate = std::min(rate, read_cap);
    const double port_rate = fetch && add ? read_rate / 2 : read_rate;
    const double arrive = read ? read_rate : 0.0;
    const double load = port_taken || loading.empty() ? 0.0
                        : behind > kEps               ? l_rate
                                                      : std::min(arrive, l_rate);
    const double backlog = fetched - consumed;
    double consume = 0.0;
    if (p_limit > consumed + kEps && p_pause <= due)
      consume = backlog > kEps ? 1.0 : fetch ? port_rate : 0.0;

    if (consume != 0.0) {
      const double left = std::min(std::min(p_limit, p_end), p_target) - consumed;
      if (left > kEps) end = std::min(end, now + left / consume);
      if (backlog > kEps && (!fetch || port_rate < 1.0))
        end = std::min(end, now + backlog / (1.0 - (fetch ? port_rate : 0.0)));
    } else if (p_pause > due) {
      end = std::min(end, p_pause);
    }
    if (fetch) {
      if (consume < port_rate) end = std::min(end, now + room / (port_rate - consume));
      end = std::min(end, now + std::max(image_end - fetched, 1.0) / port_rate);
    } else if (p_ready > due) {
      end = std::min(end, p_ready);
    }
    if (add) {
      end = std::min(end, now + add_room / port_rate);
      if (a_target > a_fetched + kEps)
        end = std::min(end, now + (a_target - a_fetched) / port_rate);
      if (p_asked > a_fetched + kEps) end = std::min(end, now + (p_asked - a_fetched) / port_rate);
    } else if (add_room > kEps) {
      end = std::min(end, a_ready);
    }
    if (read) {
      end = std::min(end, now + flight.front().beats / read_rate);
      const double spare = in_flight - (k.READER_BURSTS - 1) * k.BURST_BEATS;
      if (spare > kEps) end = std::min(end, now + spare / read_rate);
    } else if (!flight.empty()) {
      end = std::min(end, flight.front().at);
    }
    if (load != 0.0) {
      end = std::min(end, now + loading.front() / load);
      if (load > arrive) end = std::min(end, now + behind / (load - arrive));
    }
    if (!ring_writes.empty() && (read || behind > kEps))
      end = std::min(end, port_taken ? ring_writes.front().to : ring_writes.front().from);
    if (write) {
      end = std::min(end, now + chunks.front().beats / rate);
      if (w_target > moved + kEps) end = std::min(end, now + (w_target - moved) / rate);
    } else if (!chunks.empty()) {
      end = std::min(end, chunks.front().at);
    }
    if (!weight_frees.empty()) end = std::min(end, weight_frees.front().at);
    if (!pair_frees.empty()) end = std::min(end, pair_frees.front().at);
    if (!freed.empty()) end = std::min(end, freed.front().at);
    if (!acks.empty()) end = std::min(end, acks.front().at);
    if (!planner_took.empty()) end = std::min(end, planner_took.front());

    if (end == kNever) throw Forever{now, p_seq, l_seq, written_seq};
    const double span = end - now;
    this->now = end;
    const double went = span * rate;
    const double arrived = span * read_rate;
    consumed += span * consume;
    if (fetch) fetched += span * port_rate;
    if (add) {
      const bool waits = a_fetched < p_asked - kEps;
      a_fetched += span * port_rate;
      if (waits) Limit();
    }
    if (read) {
      flight.front().beats -= arrived;
      in_flight -= arrived;
      behind += arrived;
      if (flight.front().beats <= kEps) {
        behind += flight.front().beats;
        flight.pop_front();
      }
    }
    if (load != 0.0) {
      const double loaded = span * load;
      behind -= loaded;
      loading.front() -= loaded;
      if (loading.front() <= kRounding) {
        behind -= loading.front();
        loading.pop_front();
        rows += l_step;
      }
    }
    if (write) {
      Chunk& chunk = chunks.front();
      chunk.beats -= went;
      moved += went;
      if (chunk.beats <= kEps) {
        if (chunk.row_end) {
          last_ack = end + write_latency + k.RESPONSE_TO_ROW;
          acks.push_back({last_ack, chunk.group_end});
        }
        chunks.pop_front();
      }
    }
  }

  void NextEvent() { Step(kNever); }

  void Run(double until) {
    while (now < until - kEps) Step(until);
  }

  double WaitWeights(double position, double at) {
    Run(at - k.BEAT_TO_WEIGHT);
    if (consumed < position - kEps) {
      p_target = position;
      while (consumed < position - kEps) NextEvent();
      p_target = kNever;
      return std::max(at, now + k.BEAT_TO_WEIGHT);
    }
    return at;
  }

  double WaitRows(int64_t seq, int64_t count, double at) {
    Run(at - k.BEAT_TO_ROW);
    bool waited = false;
    while (l_seq < seq || (l_seq == seq && rows < count)) {
      NextEvent();
      waited = true;
    }
    return waited ? std::max(at, now + k.BEAT_TO_ROW) : at;
  }

  double WaitAddends(double position, double at) {
    Run(at - k.BEAT_TO_ADDEND);
    if (a_fetched < position - kEps) {
      a_target = position;
      while (a_fetched < position - kEps) NextEvent();
      a_target = kNever;
      return std::max(at, now + k.BEAT_TO_ADDEND);
    }
    return at;
  }

  double WaitMoved(double beats, double at) {
    Run(at);
    if (moved < beats - kEps) {
      w_target = beats;
      while (moved < beats - kEps) NextEvent();
      w_target = kNever;
      return std::max(at, now);
    }
    return at;
  }

  double WaitGroup(int64_t seq, double at) {
    while (static_cast<int64_t>(group_seen.size()) <= seq) NextEvent();
    return std::max(at, group_seen[seq]);
  }
};

}  // namespace firebrick
