// hls::stream for models of what the C++ becomes in hardware, in place of the tool's own.
//
// As long as no process runs it is an endless queue, and a run can be ended at any read: the kernel
// is left by an exception, as a reset leaves it, and static variables keep what they held.
//
// With firebrick_model::Dataflow every call of a DATAFLOW region is a process with a stack of its
// own, and a stream a FIFO of `depth` entries that blocks: a write to a full one and a read of an
// empty one wait.  Processes are coroutines of one thread: no clock and no load of the machine has
// a say in their order, which is the same in every run, or that of a seed.  A deadlock is a round in
// which every process that has not ended was run, and none moved an entry or ended: each then stands
// at a FIFO that is still as it found it.
#pragma once
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

namespace firebrick_model {
struct Reset {};

struct Deadlock : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Fifo {
 public:
  virtual ~Fifo() {}
  virtual size_t size() const = 0;
  virtual const char *entry() const = 0;
  size_t depth() const { return depth_; }
  // Whether a write, or a read, has to wait.
  bool blocks(bool writes) const { return writes ? size() >= depth_ : size() == 0; }

 protected:
  explicit Fifo(size_t depth) : depth_(depth) {}
  size_t depth_;
};

// What a process waits for; nothing, where it has only let the others run.
struct Waiting {
  const Fifo *fifo;
  bool writes;
};

// Memory for the stack of a process, below which nothing may be written: one that grows too large
// ends the program, and does not change what others hold.
class Stack {
 public:
  static const size_t kBytes = 1 << 18, kGuard = 1 << 16;

  Stack() : all_(mmap(nullptr, kGuard + kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (all_ == MAP_FAILED || mprotect(all_, kGuard, PROT_NONE) != 0) throw std::bad_alloc();
  }
  Stack(Stack &&other) : all_(other.all_) { other.all_ = nullptr; }
  Stack(const Stack &) = delete;
  ~Stack() {
    if (all_) munmap(all_, kGuard + kBytes);
  }
  char *begin() const { return (char *)all_ + kGuard; }

 private:
  void *all_;
};

struct State {
  long reads_left = -1;  // reads until the kernel is left; never, if negative
  long reads = 0;
  bool running = false;  // processes exist
  long moved = 0;  // entries that went into or out of a FIFO: progress
  long left_over = 0;  // entries in FIFOs at the end of their regions
  size_t forced_depth = 0;  // of all FIFOs, if not zero
  uint64_t seed = 0;  // of the processes' order, and of when one lets the others run, if not zero
  ucontext_t scheduler, *current = nullptr;
  Waiting *waiting = nullptr;  // of the process that runs
  std::vector<Stack> stacks;  // for all regions, one after the other

  // A number below `count`.
  size_t random(size_t count) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed >> 33) % count;
  }
};

inline State &state() {
  static State one;
  return one;
}

// Another process runs; this one does not go on before `fifo` lets it, if there is one.
inline void wait(const Fifo *fifo, bool writes) {
  State &s = state();
  s.waiting->fifo = fifo;
  s.waiting->writes = writes;
  swapcontext(s.current, &s.scheduler);
}

// After an entry was moved.
inline void progress() {
  State &s = state();
  ++s.moved;
  if (s.running && s.seed != 0 && s.random(4) == 0) wait(nullptr, false);
}

// The processes of one region: run() returns when all have ended.
class Dataflow {
 public:
  void process(std::function<void()> body) { bodies_.push_back(std::move(body)); }

  void run() {
    State &s = state();
    const size_t count = bodies_.size();
    contexts_.resize(count);
    waiting_.assign(count, Waiting());
    done_.assign(count, false);
    std::vector<size_t> order(count);
    while (s.stacks.size() < count) s.stacks.emplace_back();
    for (size_t n = 0; n < count; ++n) {
      prepare(n);
      // The last one first: the consumers make room.
      order[n] = count - 1 - n;
    }
    s.running = true;
    for (size_t ended = 0; ended < count;) {
      const long before = s.moved;
      const size_t ended_before = ended;
      for (size_t n = count; s.seed != 0 && n > 1; --n) std::swap(order[n - 1], order[s.random(n)]);
      for (const size_t n : order) {
        if (done_[n]) continue;
        s.current = &contexts_[n];
        s.waiting = &waiting_[n];
        swapcontext(&s.scheduler, &contexts_[n]);
        if (done_[n]) ++ended;
      }
      if (s.moved == before && ended == ended_before) {
        s.running = false;
        tell_deadlock();
      }
    }
    s.running = false;
  }

 private:
  void prepare(size_t n) {
    getcontext(&contexts_[n]);
    contexts_[n].uc_stack.ss_sp = state().stacks[n].begin();
    contexts_[n].uc_stack.ss_size = Stack::kBytes;
    contexts_[n].uc_link = &state().scheduler;
    const uintptr_t self = reinterpret_cast<uintptr_t>(this);
    makecontext(&contexts_[n], reinterpret_cast<void (*)()>(&Dataflow::enter), 3,
                (unsigned)(self >> 32), (unsigned)self, (unsigned)n);
  }

  static void enter(unsigned high, unsigned low, unsigned number) {
    Dataflow *self = reinterpret_cast<Dataflow *>((uintptr_t)high << 32 | low);
    self->bodies_[number]();
    self->done_[number] = true;
  }

  // Throws Deadlock with what each process waits for, or something else if one could go on.
  void tell_deadlock() const {
    std::string told = "all processes wait:";
    bool could_go_on = false;
    for (size_t n = 0; n < bodies_.size(); ++n) {
      if (done_[n]) continue;
      const Waiting &w = waiting_[n];
      could_go_on = could_go_on || !w.fifo || !w.fifo->blocks(w.writes);
      char line[256];
      std::snprintf(line, sizeof line, " process %zu to %s %s, %zu of %zu entries;", n,
                    w.writes ? "write" : "read", w.fifo ? w.fifo->entry() : "nothing",
                    w.fifo ? w.fifo->size() : 0, w.fifo ? w.fifo->depth() : 0);
      told += line;
    }
    if (could_go_on) throw std::logic_error("no deadlock, the model is at fault: " + told);
    throw Deadlock(told);
  }

  std::vector<std::function<void()>> bodies_;
  std::vector<ucontext_t> contexts_;
  std::vector<Waiting> waiting_;
  std::vector<bool> done_;
};
}  // namespace firebrick_model

namespace hls {
template <typename T>
class stream : public firebrick_model::Fifo {
 public:
  // A stream without a depth of its own has two entries.
  explicit stream(size_t depth = 2) : Fifo(depth) {
    const size_t forced = firebrick_model::state().forced_depth;
    if (forced != 0) depth_ = forced;
  }
  stream(const stream &) = delete;
  ~stream() { firebrick_model::state().left_over += (long)items_.size(); }

  void read(T &value) {
    firebrick_model::State &s = firebrick_model::state();
    while (items_.empty()) {
      if (!s.running) throw std::runtime_error("read of an empty stream");
      firebrick_model::wait(this, false);
    }
    ++s.reads;
    if (s.reads_left > 0 && --s.reads_left == 0) {
      items_.clear();
      throw firebrick_model::Reset();
    }
    value = items_.front();
    items_.pop_front();
    firebrick_model::progress();
  }

  T read() {
    T value;
    read(value);
    return value;
  }

  void write(const T &value) {
    firebrick_model::State &s = firebrick_model::state();
    while (s.running && items_.size() >= depth_) firebrick_model::wait(this, true);
    items_.push_back(value);
    firebrick_model::progress();
  }

  bool empty() const { return items_.empty(); }
  size_t size() const override { return items_.size(); }
  const char *entry() const override { return typeid(T).name(); }

 private:
  std::deque<T> items_;
};
}  // namespace hls
