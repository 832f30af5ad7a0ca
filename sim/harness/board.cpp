// The simulated board: the Verilated engine, its memory, and an AXI4-Lite master for its
// registers, behind a C interface. Every call returns after a bounded number of cycles.

#include <verilated.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "Vtop.h"
#include "memory.h"

namespace {

using firebrick::AddressPins;
using firebrick::Config;
using firebrick::Failure;
using firebrick::Memory;
using firebrick::WritePins;

constexpr uint64_t kRegisterLimit = 2000;  // cycles that a register access may take
constexpr uint64_t kStallShare = 8;        // back-pressure: at most so many cycles a handshake
constexpr int kResetCycles = 16;

enum Status : int { kDone = 0, kNoAnswer = 1, kErrorResponse = 2, kFailed = 3 };

class SimulationError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Board {
   public:
    explicit Board(const Config& config) : memory_(config, failure_) {
        // Registers without reset start with random values, as they may on the board.
        context_.randReset(2);
        context_.randSeed(static_cast<int>(config.seed % 0x7fffffff) + 1);
        context_.fatalOnError(false);
        top_ = std::make_unique<Vtop>(&context_, "top");
        top_->clk_i = 0;
        top_->clk_fast_i = 0;
        top_->clock_lost_i = 0;
        idle_registers();
        reset();
    }

    ~Board() { top_->final(); }

    // `in_flight`: the ports know nothing of the reset and go on to answer what they were asked to
    // read, as those of a processor do; else they are reset as well.
    void reset(bool in_flight = false) {
        top_->rst_ni = 0;
        if (in_flight) {
            memory_.abandon();
        } else {
            memory_.clear();
        }
        for (int i = 0; i < kResetCycles; ++i) tick();
        top_->rst_ni = 1;
        tick();
    }

    uint64_t run(uint64_t cycles, bool until_irq) {
        uint64_t done = 0;
        while (done < cycles && failed() == false && !(until_irq && top_->irq_o)) {
            tick();
            ++done;
        }
        return done;
    }

    Status write(uint32_t addr, uint32_t data) {
        pause();
        top_->s_axi_control_awaddr = addr;
        top_->s_axi_control_wdata = data;
        top_->s_axi_control_wstrb = 0xf;
        // Address and data may come in either order.
        uint64_t address_in = delay(), data_in = delay(), response_in = delay();
        bool address_done = false, data_done = false;
        for (uint64_t i = 0; i < kRegisterLimit && !failed(); ++i) {
            top_->s_axi_control_awvalid = !address_done && i >= address_in;
            top_->s_axi_control_wvalid = !data_done && i >= data_in;
            top_->s_axi_control_bready = address_done && data_done && i >= response_in;
            tick();
            address_done |= seen_.awready && top_->s_axi_control_awvalid;
            data_done |= seen_.wready && top_->s_axi_control_wvalid;
            if (top_->s_axi_control_bready && seen_.bvalid) {
                idle_registers();
                return seen_.bresp == firebrick::kOkay ? kDone : kErrorResponse;
            }
        }
        idle_registers();
        return failed() ? kFailed : kNoAnswer;
    }

    Status read(uint32_t addr, uint32_t& data) {
        pause();
        top_->s_axi_control_araddr = addr;
        uint64_t address_in = delay(), response_in = delay();
        bool address_done = false;
        for (uint64_t i = 0; i < kRegisterLimit && !failed(); ++i) {
            top_->s_axi_control_arvalid = !address_done && i >= address_in;
            top_->s_axi_control_rready = address_done && i >= response_in;
            tick();
            address_done |= seen_.arready && top_->s_axi_control_arvalid;
            if (top_->s_axi_control_rready && seen_.rvalid) {
                data = seen_.rdata;
                idle_registers();
                return seen_.rresp == firebrick::kOkay ? kDone : kErrorResponse;
            }
        }
        idle_registers();
        return failed() ? kFailed : kNoAnswer;
    }

    bool failed() const { return !failure_.text().empty(); }
    // The engine's clocks go and come back: it is reset, and told why.
    void lose_clock() {
        top_->clock_lost_i = 1;
        reset();
        top_->clock_lost_i = 0;
    }

    bool irq() const { return top_->irq_o; }
    Memory& memory() { return memory_; }
    const std::string& failure() const { return failure_.text(); }

   private:
    // One clock cycle: inputs settle with the clock low, what the engine shows then is what the
    // rising edge takes. Two evaluations, the fewest that let an output depend on an input; where
    // the engine has a clock of twice the frequency, two more for its edges.
    void tick() {
        try {
            drive();
            top_->clk_i = 0;
            tick_fast();
            sample();
            top_->clk_i = 1;
            tick_fast();
        } catch (const SimulationError& error) {
            failure_.record(memory_.cycle, error.what());
        }
        context_.timeInc(1);
        memory_.finish_cycle();
    }

    // Half a cycle: the fast clock rises with the slow one, and with its falling edge.
    void tick_fast() {
#ifdef FIREBRICK_TWO_CLOCKS
        top_->clk_fast_i = 1;
        top_->eval();
        top_->clk_fast_i = 0;
#endif
        top_->eval();
    }

    void drive() {
        memory_.drive();
        const auto& maps = memory_.maps_read;
        top_->m_axi_maps_arready = maps.address_ready;
        top_->m_axi_maps_rvalid = maps.valid;
        top_->m_axi_maps_rdata = maps.data;
        top_->m_axi_maps_rresp = maps.response;
        top_->m_axi_maps_rlast = maps.last;
        const auto& program = memory_.program_read;
        top_->m_axi_program_arready = program.address_ready;
        top_->m_axi_program_rvalid = program.valid;
        top_->m_axi_program_rdata = program.data;
        top_->m_axi_program_rresp = program.response;
        top_->m_axi_program_rlast = program.last;
        const auto& write = memory_.maps_write;
        top_->m_axi_maps_awready = write.address_ready;
        top_->m_axi_maps_wready = write.data_ready;
        top_->m_axi_maps_bvalid = write.response_valid;
        top_->m_axi_maps_bresp = write.response;
    }

    void sample() {
        seen_ = {top_->s_axi_control_awready != 0, top_->s_axi_control_wready != 0,
                 top_->s_axi_control_bvalid != 0,  top_->s_axi_control_bresp,
                 top_->s_axi_control_arready != 0, top_->s_axi_control_rvalid != 0,
                 top_->s_axi_control_rresp,        top_->s_axi_control_rdata};
        if (!top_->rst_ni) {
            memory_.maps_read.sample({}, top_->m_axi_maps_rready);
            memory_.program_read.sample({}, top_->m_axi_program_rready);
            return;
        }
        memory_.maps_read.sample(
            {top_->m_axi_maps_arvalid != 0, top_->m_axi_maps_araddr, top_->m_axi_maps_arlen,
             top_->m_axi_maps_arsize, top_->m_axi_maps_arburst},
            top_->m_axi_maps_rready);
        memory_.program_read.sample(
            {top_->m_axi_program_arvalid != 0, top_->m_axi_program_araddr,
             top_->m_axi_program_arlen, top_->m_axi_program_arsize, top_->m_axi_program_arburst},
            top_->m_axi_program_rready);
        memory_.maps_write.sample(
            {top_->m_axi_maps_awvalid != 0, top_->m_axi_maps_awaddr, top_->m_axi_maps_awlen,
             top_->m_axi_maps_awsize, top_->m_axi_maps_awburst},
            {top_->m_axi_maps_wvalid != 0, top_->m_axi_maps_wdata, top_->m_axi_maps_wstrb,
             top_->m_axi_maps_wlast != 0},
            top_->m_axi_maps_bready);
    }

    void idle_registers() {
        top_->s_axi_control_awvalid = 0;
        top_->s_axi_control_wvalid = 0;
        top_->s_axi_control_bready = 0;
        top_->s_axi_control_arvalid = 0;
        top_->s_axi_control_rready = 0;
    }

    uint64_t delay() {
        return memory_.config.stall > 0 ? memory_.random.next() % kStallShare : 0;
    }

    void pause() {
        for (uint64_t i = delay(); i > 0; --i) tick();
    }

    struct ControlPins {
        bool awready, wready, bvalid;
        uint8_t bresp;
        bool arready, rvalid;
        uint8_t rresp;
        uint32_t rdata;
    };

    VerilatedContext context_;
    Failure failure_;
    Memory memory_;
    std::unique_ptr<Vtop> top_;
    ControlPins seen_{};
};

std::string located(const char* file, int line, const char* message) {
    return std::string(file && *file ? file : "simulation") + ":" + std::to_string(line) + ": " +
           (message ? message : "stopped");
}

}  // namespace

// Called by Verilator for a failed assertion, $stop, $finish and its own fatal errors. The
// defaults end the process; here they end the call.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw SimulationError(located(file, line, message));
}
void vl_stop(const char* file, int line, const char*) {
    throw SimulationError(located(file, line, "assertion failed or $stop"));
}
void vl_finish(const char* file, int line, const char*) {
    throw SimulationError(located(file, line, "$finish"));
}

#pragma GCC visibility push(default)
extern "C" {

void* fb_create(const Config* config) {
    try {
        return new Board(*config);
    } catch (const std::exception&) {
        return nullptr;
    }
}

void fb_destroy(void* board) { delete static_cast<Board*>(board); }

uint8_t* fb_memory(void* board) { return static_cast<Board*>(board)->memory().bytes(); }

int fb_write(void* board, uint32_t addr, uint32_t data) {
    return static_cast<Board*>(board)->write(addr, data);
}

int fb_read(void* board, uint32_t addr, uint32_t* data) {
    return static_cast<Board*>(board)->read(addr, *data);
}

uint64_t fb_run(void* board, uint64_t cycles, int until_irq) {
    return static_cast<Board*>(board)->run(cycles, until_irq != 0);
}

void fb_reset(void* board, int in_flight) { static_cast<Board*>(board)->reset(in_flight != 0); }

void fb_lose_clock(void* board) { static_cast<Board*>(board)->lose_clock(); }

int fb_irq(void* board) { return static_cast<Board*>(board)->irq(); }

uint64_t fb_cycles(void* board) { return static_cast<Board*>(board)->memory().cycle; }

const char* fb_failure(void* board) { return static_cast<Board*>(board)->failure().c_str(); }

void fb_hang(void* board, uint32_t channels) {
    static_cast<Board*>(board)->memory().hang = channels;
}

void fb_add_fault(void* board, uint64_t first, uint64_t last, int reads, int writes) {
    static_cast<Board*>(board)->memory().faults.push_back(
        {first, last, reads != 0, writes != 0, firebrick::kSlaveError});
}

void fb_clear_faults(void* board) { static_cast<Board*>(board)->memory().faults.clear(); }

void fb_statistics(void* board, firebrick::Statistics* out) {
    *out = static_cast<Board*>(board)->memory().statistics;
}

}  // extern "C"
#pragma GCC visibility pop
