// The board's DDR memory as an AXI4 port of the programmable logic sees it.
//
// Timing, counted in cycles of the engine's clock:
//  - a read burst's first beat comes `read_latency` cycles after its address was taken;
//  - a port moves at most one 64-bit beat a cycle each way;
//  - all ports and both directions share `bytes_per_cycle`, kept by a token bucket that a cycle's
//    beats may overdraw (the debt is paid before the next beat moves, so the average holds);
//  - for `refresh_cycles` of every `refresh_interval` cycles no beat moves at all;
//  - a write's response comes `write_latency` cycles after its last beat, and only then reads
//    see its data: the latest moment that AXI allows, so that a reader that does not wait for
//    the response is found out.
//
// Bursts that a Zynq HP port would not take (other than INCR of 8-byte beats, more than 16 beats,
// across a 4 KB boundary) and breaches of the handshake are recorded by `Failure`.

#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace firebrick {

inline constexpr uint32_t kBeatBytes = 8;
inline constexpr uint32_t kMaxBurstBeats = 16;
inline constexpr uint8_t kOkay = 0, kSlaveError = 2, kDecodeError = 3;

// Numbers of this struct are set from Python (sim/board.py holds the same list).
struct Config {
    uint64_t base;              // address of the memory's first byte
    uint64_t size;              // bytes
    uint64_t read_latency;      // cycles
    uint64_t write_latency;     // cycles
    uint64_t bytes_per_cycle;   // both directions, all ports
    uint64_t refresh_interval;  // cycles, 0 = never
    uint64_t refresh_cycles;    // cycles
    uint64_t max_outstanding;   // bursts a port and direction
    uint64_t seed;              // of back-pressure and of registers without reset
    double stall;               // probability a cycle and channel of holding back
};

enum Channel : uint32_t { kAr = 1, kR = 2, kAw = 4, kW = 8, kB = 16 };

struct Statistics {
    uint64_t read_beats[2];    // by port: maps, program
    uint64_t write_beats;
    uint64_t read_bursts[2];
    uint64_t write_bursts;
    uint64_t refresh_cycles;
    uint64_t limited_cycles;   // the token bucket was empty
    uint64_t error_responses;
};

// The first thing that went wrong; what follows it is not recorded.
class Failure {
   public:
    void record(uint64_t cycle, const std::string& what);
    const std::string& text() const { return text_; }

   private:
    std::string text_;
};

// xorshift64*: a few instructions a draw, reproducible from its seed.
class Random {
   public:
    explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 0x1234567ull) {}
    uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545f4914f6cdd1dull;
    }
    bool chance(uint64_t threshold) { return (next() >> 32) < threshold; }

   private:
    uint64_t state_;
};

// Address range that answers with an error.
struct Fault {
    uint64_t first, last;
    bool reads, writes;
    uint8_t response;
};

struct AddressPins {
    bool valid = false;
    uint32_t addr = 0;
    uint8_t len = 0, size = 0, burst = 0;
    bool operator==(const AddressPins& o) const {
        return valid == o.valid && addr == o.addr && len == o.len && size == o.size &&
               burst == o.burst;
    }
};

struct WritePins {
    bool valid = false;
    uint64_t data = 0;
    uint8_t strobe = 0;
    bool last = false;
    bool operator==(const WritePins& o) const {
        return valid == o.valid && data == o.data && strobe == o.strobe && last == o.last;
    }
};

class Memory;

class ReadPort {
   public:
    ReadPort(Memory& memory, const char* name, int index)
        : memory_(memory), name_(name), index_(index) {}
    void drive();
    void sample(const AddressPins& address, bool data_ready);
    void clear();
    void abandon() { held_ = {}; }

    bool address_ready = false, valid = false, last = false;
    uint64_t data = 0;
    uint8_t response = 0;

   private:
    struct Burst {
        uint64_t addr;
        uint32_t beats;
        uint64_t ready_cycle;
    };
    Memory& memory_;
    const char* name_;
    int index_;
    std::deque<Burst> bursts_;
    AddressPins held_;
};

class WritePort {
   public:
    WritePort(Memory& memory, const char* name) : memory_(memory), name_(name) {}
    void drive();
    void sample(const AddressPins& address, const WritePins& data, bool response_ready);
    void clear();

    bool address_ready = false, data_ready = false, response_valid = false;
    uint8_t response = 0;

   private:
    struct Burst {
        uint64_t addr;
        uint32_t beats;
    };
    struct Written {
        uint64_t addr;
        std::vector<WritePins> beats;
        uint64_t ready_cycle;
    };
    void match_beats();

    Memory& memory_;
    const char* name_;
    std::deque<Burst> addresses_;
    std::deque<WritePins> beats_;
    std::vector<WritePins> burst_beats_;
    std::deque<Written> written_;
    AddressPins held_address_;
    WritePins held_data_;
};

class Memory {
   public:
    Memory(const Config& config, Failure& failure);
    ~Memory();
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    // Outputs of the next clock cycle; then what the engine answered in it.
    void drive();
    void finish_cycle() { ++cycle; }
    // Forgets every burst in flight: the ports' reset.
    void clear();
    // The engine is reset and the ports are not: what was asked to be read still comes.
    void abandon();

    bool hold_back(Channel channel);
    bool hangs(Channel channel) const { return (hang & channel) != 0; }
    uint8_t read_beat(uint64_t addr, uint64_t& data);
    uint8_t write_burst(uint64_t addr, const std::vector<WritePins>& beats);
    void check_address(const AddressPins& pins, const AddressPins& held, const char* port,
                       const char* channel);
    void violation(const char* port, const std::string& what);

    uint8_t* bytes() { return bytes_; }

    const Config config;
    Failure& failure;
    Statistics statistics{};
    std::vector<Fault> faults;
    uint32_t hang = 0;  // channels that do not answer
    uint64_t cycle = 0;
    int64_t tokens;
    bool may_move = false;  // a data beat may move in this cycle
    ReadPort maps_read, program_read;
    WritePort maps_write;
    Random random;

   private:
    uint8_t response_at(uint64_t addr, bool write) const;
    uint8_t* bytes_;
    uint64_t stall_threshold_;
};

}  // namespace firebrick
