// hls::stream for models of what the C++ becomes in hardware, in place of the tool's own.
//
// As long as no process runs it is an endless queue, and a run can be ended at any read: the kernel
// is left by an exception, as a reset leaves it, and static variables keep what they held.
//
// With firebrick_model::Dataflow every call of a DATAFLOW region is a process with a stack of its
// own, and a stream a FIFO of `depth` entries that blocks: a write to a full one and a read of an
// empty one wait.  Processes are coroutines, so that the order is the same in every run and a
// deadlock is seen: all wait.
#pragma once
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

namespace firebrick_model {
struct Reset {};

struct Deadlock : std::runtime_error {
  Deadlock() : std::runtime_error("all processes wait") {}
};

struct State {
  long reads_left = -1;  // reads until the kernel is left; never, if negative
  long reads = 0;
  bool running = false;  // processes exist
  long moved = 0;  // entries that went into or out of a FIFO: progress
  long left_over = 0;  // entries in FIFOs at the end of their regions
  size_t forced_depth = 0;  // of all FIFOs, if not zero
  ucontext_t scheduler, *current = nullptr;
};

inline State &state() {
  static State one;
  return one;
}

// Waits: another process runs.
inline void wait() {
  State &s = state();
  swapcontext(s.current, &s.scheduler);
}

// The processes of one region: run() returns when all have ended.
class Dataflow {
 public:
  void process(std::function<void()> body) { bodies_.push_back(std::move(body)); }

  void run() {
    State &s = state();
    const size_t count = bodies_.size();
    contexts_.resize(count);
    stacks_.resize(count);
    done_.assign(count, false);
    for (size_t n = 0; n < count; ++n) {
      stacks_[n].reset(new char[kStack]);
      getcontext(&contexts_[n]);
      contexts_[n].uc_stack.ss_sp = stacks_[n].get();
      contexts_[n].uc_stack.ss_size = kStack;
      contexts_[n].uc_link = &s.scheduler;
      const uintptr_t self = reinterpret_cast<uintptr_t>(this);
      makecontext(&contexts_[n], reinterpret_cast<void (*)()>(&Dataflow::enter), 3,
                  (unsigned)(self >> 32), (unsigned)self, (unsigned)n);
    }
    s.running = true;
    for (size_t ended = 0; ended < count;) {
      const long before = s.moved;
      const size_t ended_before = ended;
      // The last one first: the consumers make room.
      for (size_t n = count; n-- > 0;) {
        if (done_[n]) continue;
        s.current = &contexts_[n];
        swapcontext(&s.scheduler, &contexts_[n]);
        if (done_[n]) ++ended;
      }
      if (s.moved == before && ended == ended_before) {
        s.running = false;
        throw Deadlock();
      }
    }
    s.running = false;
  }

 private:
  static void enter(unsigned high, unsigned low, unsigned number) {
    Dataflow *self = reinterpret_cast<Dataflow *>((uintptr_t)high << 32 | low);
    self->bodies_[number]();
    self->done_[number] = true;
  }

  static const size_t kStack = 1 << 18;
  std::vector<std::function<void()>> bodies_;
  std::vector<ucontext_t> contexts_;
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::vector<bool> done_;
};
}  // namespace firebrick_model

namespace hls {
template <typename T>
class stream {
 public:
  // A stream without a depth of its own has two entries.
  explicit stream(size_t depth = 2) : depth_(depth) {
    const size_t forced = firebrick_model::state().forced_depth;
    if (forced != 0) depth_ = forced;
  }
  stream(const stream &) = delete;
  ~stream() { firebrick_model::state().left_over += (long)items_.size(); }

  void read(T &value) {
    firebrick_model::State &s = firebrick_model::state();
    while (items_.empty()) {
      if (!s.running) throw std::runtime_error("read of an empty stream");
      firebrick_model::wait();
    }
    ++s.reads;
    if (s.reads_left > 0 && --s.reads_left == 0) {
      items_.clear();
      throw firebrick_model::Reset();
    }
    value = items_.front();
    items_.pop_front();
    ++s.moved;
  }

  T read() {
    T value;
    read(value);
    return value;
  }

  void write(const T &value) {
    firebrick_model::State &s = firebrick_model::state();
    while (s.running && items_.size() >= depth_) firebrick_model::wait();
    items_.push_back(value);
    ++s.moved;
  }

  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }

 private:
  size_t depth_;
  std::deque<T> items_;
};
}  // namespace hls
