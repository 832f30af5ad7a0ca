#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

namespace firebrick {

namespace {

constexpr uint8_t kIncrementing = 1;
constexpr uint8_t kEightBytes = 3;
constexpr uint64_t kPage = 4096;
constexpr size_t kBufferedBeats = 64;
constexpr uint64_t kUnmapped = 0xdeadbeefdeadbeefull;

std::string hex(uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

}  // namespace

void Failure::record(uint64_t cycle, const std::string& what) {
    if (text_.empty()) text_ = "cycle " + std::to_string(cycle) + ": " + what;
}

// ------------------------------------------------------------------------------------- reading

void ReadPort::drive() {
    if (!valid && !bursts_.empty() && memory_.may_move && !memory_.hangs(kR)) {
        Burst& burst = bursts_.front();
        if (burst.ready_cycle <= memory_.cycle && !memory_.hold_back(kR)) {
            response = memory_.read_beat(burst.addr, data);
            burst.addr += kBeatBytes;
            last = --burst.beats == 0;
            valid = true;
            memory_.tokens -= kBeatBytes;
            ++memory_.statistics.read_beats[index_];
            if (last) bursts_.pop_front();
        }
    }
    address_ready = bursts_.size() < memory_.config.max_outstanding && !memory_.hangs(kAr) &&
                    !memory_.hold_back(kAr);
}

void ReadPort::sample(const AddressPins& address, bool data_ready) {
    memory_.check_address(address, held_, name_, "read");
    held_ = address;
    if (address.valid && address_ready) {
        held_.valid = false;
        ++memory_.statistics.read_bursts[index_];
        bursts_.push_back(
            {address.addr, address.len + 1u, memory_.cycle + memory_.config.read_latency});
    }
    if (valid && data_ready) valid = false;
}

void ReadPort::clear() {
    bursts_.clear();
    held_ = {};
    address_ready = valid = last = false;
}

// ------------------------------------------------------------------------------------- writing

void WritePort::drive() {
    if (!response_valid && !written_.empty() && written_.front().ready_cycle <= memory_.cycle &&
        !memory_.hangs(kB) && !memory_.hold_back(kB)) {
        response = memory_.write_burst(written_.front().addr, written_.front().beats);
        written_.pop_front();
        response_valid = true;
    }
    address_ready = addresses_.size() + written_.size() < memory_.config.max_outstanding &&
                    !memory_.hangs(kAw) && !memory_.hold_back(kAw);
    data_ready = memory_.may_move && beats_.size() < kBufferedBeats && !memory_.hangs(kW) &&
                 !memory_.hold_back(kW);
}

void WritePort::sample(const AddressPins& address, const WritePins& data, bool response_ready) {
    memory_.check_address(address, held_address_, name_, "write");
    held_address_ = address;
    if (address.valid && address_ready) {
        held_address_.valid = false;
        ++memory_.statistics.write_bursts;
        addresses_.push_back({address.addr, address.len + 1u});
    }
    if (held_data_.valid && !(held_data_ == data)) {
        memory_.violation(name_, "write data withdrawn or changed before it was taken");
    }
    held_data_ = data;
    if (data.valid && data_ready) {
        held_data_.valid = false;
        beats_.push_back(data);
        memory_.tokens -= kBeatBytes;
        ++memory_.statistics.write_beats;
    }
    if (!beats_.empty() && !addresses_.empty()) match_beats();
    if (response_valid && response_ready) response_valid = false;
}

void WritePort::match_beats() {
    while (!beats_.empty() && !addresses_.empty()) {
        const Burst& burst = addresses_.front();
        burst_beats_.push_back(beats_.front());
        beats_.pop_front();
        const bool complete = burst_beats_.size() == burst.beats;
        if (burst_beats_.back().last != complete) {
            memory_.violation(name_, "wlast at beat " + std::to_string(burst_beats_.size()) +
                                         " of " + std::to_string(burst.beats) + " at " +
                                         hex(burst.addr));
        }
        if (complete) {
            written_.push_back({burst.addr, std::move(burst_beats_),
                                memory_.cycle + memory_.config.write_latency});
            burst_beats_.clear();
            addresses_.pop_front();
        }
    }
}

void WritePort::clear() {
    addresses_.clear();
    beats_.clear();
    burst_beats_.clear();
    written_.clear();
    held_address_ = {};
    held_data_ = {};
    address_ready = data_ready = response_valid = false;
}

// -------------------------------------------------------------------------------------- memory

Memory::Memory(const Config& c, Failure& f)
    : config(c),
      failure(f),
      tokens(static_cast<int64_t>(c.bytes_per_cycle)),
      maps_read(*this, "m_axi_maps", 0),
      program_read(*this, "m_axi_program", 1),
      maps_write(*this, "m_axi_maps"),
      random(c.seed),
      stall_threshold_(static_cast<uint64_t>(c.stall * 4294967296.0)) {
    // Anonymous pages: no memory is used before it is touched.
    void* pages = mmap(nullptr, c.size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    bytes_ = static_cast<uint8_t*>(pages);
}

Memory::~Memory() { munmap(bytes_, config.size); }

void Memory::drive() {
    tokens = std::min<int64_t>(tokens + static_cast<int64_t>(config.bytes_per_cycle),
                               static_cast<int64_t>(config.bytes_per_cycle));
    const bool refresh =
        config.refresh_interval && cycle % config.refresh_interval < config.refresh_cycles;
    may_move = tokens > 0 && !refresh;
    statistics.refresh_cycles += refresh;
    statistics.limited_cycles += tokens <= 0;
    maps_read.drive();
    program_read.drive();
    maps_write.drive();
}

void Memory::clear() {
    maps_read.clear();
    program_read.clear();
    maps_write.clear();
}

void Memory::abandon() {
    maps_read.abandon();
    program_read.abandon();
    maps_write.clear();
}

bool Memory::hold_back(Channel) { return stall_threshold_ && random.chance(stall_threshold_); }

uint8_t Memory::response_at(uint64_t addr, bool write) const {
    for (const Fault& fault : faults) {
        if ((write ? fault.writes : fault.reads) && addr <= fault.last &&
            addr + kBeatBytes > fault.first) {
            return fault.response;
        }
    }
    const uint64_t offset = addr - config.base;
    const bool inside = addr >= config.base && offset + kBeatBytes <= config.size;
    return inside ? kOkay : kDecodeError;
}

uint8_t Memory::read_beat(uint64_t addr, uint64_t& data) {
    const uint8_t answer = response_at(addr, false);
    if (answer == kOkay) {
        std::memcpy(&data, bytes_ + (addr - config.base), kBeatBytes);
    } else {
        data = kUnmapped;
        ++statistics.error_responses;
    }
    return answer;
}

uint8_t Memory::write_burst(uint64_t addr, const std::vector<WritePins>& beats) {
    uint8_t answer = kOkay;
    for (const WritePins& beat : beats) {
        const uint8_t here = beat.strobe ? response_at(addr, true) : kOkay;
        if (here != kOkay) {
            answer = here;
        } else if (beat.strobe == 0xff) {
            std::memcpy(bytes_ + (addr - config.base), &beat.data, kBeatBytes);
        } else {
            for (uint32_t i = 0; i < kBeatBytes; ++i) {
                if (beat.strobe >> i & 1) {
                    bytes_[addr - config.base + i] = static_cast<uint8_t>(beat.data >> 8 * i);
                }
            }
        }
        addr += kBeatBytes;
    }
    statistics.error_responses += answer != kOkay;
    return answer;
}

void Memory::check_address(const AddressPins& pins, const AddressPins& held, const char* port,
                           const char* channel) {
    if (held.valid && !(held == pins)) {
        violation(port, std::string(channel) + " address withdrawn or changed before it was taken");
    }
    if (!pins.valid || held.valid) return;
    const std::string what = std::string(channel) + " burst at " + hex(pins.addr);
    if (pins.burst != kIncrementing) violation(port, what + " is not incrementing");
    if (pins.size != kEightBytes) violation(port, what + " does not have 8-byte beats");
    if (pins.addr % kBeatBytes) violation(port, what + " is not aligned to 8 bytes");
    if (pins.len >= kMaxBurstBeats) {
        violation(port, what + " has " + std::to_string(pins.len + 1) + " beats, more than " +
                            std::to_string(kMaxBurstBeats));
    }
    if (pins.addr / kPage != (pins.addr + (pins.len + 1ull) * kBeatBytes - 1) / kPage) {
        violation(port, what + " of " + std::to_string(pins.len + 1) +
                            " beats crosses a 4 KB boundary");
    }
}

void Memory::violation(const char* port, const std::string& what) {
    failure.record(cycle, std::string("AXI protocol violation on ") + port + ": " + what);
}

}  // namespace firebrick
