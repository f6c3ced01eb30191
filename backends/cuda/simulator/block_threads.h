// The threads of one block as fibres: each runs until it waits or ends, then the next one runs.
//
// A barrier opens when all threads of the block wait at it, a warp operation when all lanes of its mask do. When no
// thread can continue, that is an error with names and numbers, where a GPU would hang or give a wrong result.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <ucontext.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace simulator {

struct Failure {
  char text[200];
  explicit Failure(const char* format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
  }
};

// A place in the source text. As the default of a parameter it is the place of the call.
struct Place {
  const char* file;
  int line;
  static constexpr Place here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
  bool operator==(const Place& other) const { return line == other.line && strcmp(file, other.file) == 0; }
};

inline uint3 thread_index(unsigned t) {
  return {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
}

enum class State : char { ready, at_barrier, at_warp, done };
constexpr unsigned MOST_THREADS = 1024;
#ifdef __SANITIZE_ADDRESS__
constexpr size_t STACK = 256 << 10;  // bytes; pages are allocated when first touched
#else
constexpr size_t STACK = 64 << 10;
#endif
constexpr unsigned long long END_OF_STACK = 0x5afe5afe5afe5afe;

struct Thread {
  State state;
  bool started, opens;
  Place at;                          // where it waits
  unsigned mask;                     // the lanes it waits for
  unsigned long long given, agreed;  // its value in a warp operation: as passed in, as the other lanes see it
  char* stack;
  ucontext_t context;
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack;
#else
  jmp_buf place;
#endif
};

class Block {
 public:
  // The block whose threads run now; null while threads are iterations of a loop.
  static Block*& running() {
    static Block* block;
    return block;
  }

  // All blocks use the same threads, one block after the other: call `run` once for each.
  Block(void (*kernel)(void**), void** args, unsigned count, int order)
      : kernel_(kernel), args_(args), count_(count), order_(order), threads_(count ? kept_threads(count) : nullptr) {
    for (unsigned t = 0; t < count; ++t) threads_[t].started = false;
    running() = count ? this : nullptr;
  }
  ~Block() { running() = nullptr; }
  Block(const Block&) = delete;

  void run(unsigned long long number) {
    for (unsigned t = 0; t < count_; ++t) threads_[t].state = State::ready;
    for (unsigned phase = 0;; ++phase) {
      take_turns(phase + 977 * unsigned(number));
      if (open_warps()) continue;
      if (number_in(State::done) == count_) return check_stacks();
      if (number_in(State::at_barrier) < count_) fail();
      for (unsigned t = 0; t < count_; ++t) {
        const Place one = threads_[0].at, other = threads_[t].at;
        if (!(one == other))
          throw Failure("barrier at %s:%d while others wait at %s:%d", one.file, one.line, other.file, other.line);
        threads_[t].state = State::ready;
      }
    }
  }

  // Called by a kernel: let the other threads run until this one may continue.
  void wait(State state, Place at, unsigned mask = 0) {
    Thread& me = threads_[current_];
    me.state = state, me.at = at, me.mask = mask;
    leave(me);
  }
  unsigned lane() const { return current_ % warpSize; }
  Thread& of_lane(unsigned lane) { return threads_[current_ / warpSize * warpSize + lane]; }

 private:
  void (*kernel_)(void**);
  void** args_;
  unsigned count_, current_ = 0;
  int order_;
  Thread* threads_;

  // Stacks are kept until a larger block runs, because touching fresh memory is slow.
  static Thread* kept_threads(unsigned count) {
    static Thread kept[MOST_THREADS];
    static unsigned have;
    if (have >= count) return kept;
    if (have) munmap(kept[0].stack - STACK, (have + 1) * STACK);
    have = 0;
    const size_t size = (count + 1) * STACK;  // one to spare, since stacks grow downwards: an overflow of the first
    void* found = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED) throw Failure("no memory for the stacks of its threads");
    madvise(found, size, MADV_NOHUGEPAGE);
    for (have = 0; have < count; ++have) {
      kept[have].stack = static_cast<char*>(found) + (have + 1) * STACK;
      memcpy(kept[have].stack, &END_OF_STACK, sizeof END_OF_STACK);
    }
    return kept;
  }

  // Every thread that can runs once, in an order that changes from phase to phase: a kernel without a needed barrier
  // must not be right only because thread 3 always runs before thread 4.
  void take_turns(unsigned phase) {
    const unsigned draw = (phase + order_ + 1) * 2654435761u;  // Knuth's multiplicative hash
    unsigned step = 1 + draw % count_, at = (draw >> 8) % count_;
    while (greatest_divisor(step, count_) != 1) ++step;
    for (unsigned i = 0; i < count_; ++i, at = (at + step) % count_)
      if (threads_[at].state == State::ready) enter(at);
  }
  static unsigned greatest_divisor(unsigned a, unsigned b) { return b ? greatest_divisor(b, a % b) : a; }

  bool open_warps() {
    bool any = false;
    for (unsigned t = 0; t < count_; ++t) {
      threads_[t].opens = threads_[t].state == State::at_warp && names_itself(t) && lanes_met(t) == lanes_named(t);
      any = any || threads_[t].opens;
    }
    for (unsigned t = 0; any && t < count_; ++t) {
      Thread& one = threads_[t];
      if (one.opens) one.agreed = one.given, one.state = State::ready;
    }
    return any;
  }
  bool names_itself(unsigned t) const { return threads_[t].mask >> (t % warpSize) & 1; }
  unsigned lanes_named(unsigned t) const { return unsigned(__builtin_popcount(threads_[t].mask)); }
  unsigned lanes_met(unsigned t) const {  // how many lanes of its mask wait at the same call for the same mask
    const unsigned first = t / warpSize * warpSize;
    unsigned met = 0;
    for (unsigned k = 0; k < warpSize && first + k < count_; ++k) {
      const Thread& other = threads_[first + k];
      const bool named = threads_[t].mask >> k & 1, waits = other.state == State::at_warp;
      met += named && waits && other.mask == threads_[t].mask && other.at == threads_[t].at;
    }
    return met;
  }

  void check_stacks() const {
    for (unsigned t = 0; t < count_; ++t)
      if (memcmp(threads_[t].stack, &END_OF_STACK, sizeof END_OF_STACK) != 0)
        throw Failure("more than %zu bytes of local variables in a thread", STACK);
  }
  unsigned number_in(State state) const {
    unsigned number = 0;
    for (unsigned t = 0; t < count_; ++t) number += threads_[t].state == state;
    return number;
  }
  [[noreturn]] void fail() const {
    Place at{"", 0};
    for (unsigned t = 0; t < count_; ++t) {
      const Thread& one = threads_[t];
      if (one.state == State::at_barrier) at = one.at;
      if (one.state != State::at_warp) continue;
      char text[sizeof Failure::text];
      snprintf(text, sizeof text, "warp operation at %s:%d reached by ", one.at.file, one.at.line);
      if (!names_itself(t)) throw Failure("%slane %u, which its mask leaves out", text, t % warpSize);
      throw Failure("%s%u of %u lanes", text, lanes_met(t), lanes_named(t));
    }
    const unsigned here = number_in(State::at_barrier);
    throw Failure("barrier at %s:%d reached by %u of %u threads", at.file, at.line, here, count_);
  }

  static void fibre() {
    running()->arrived(nullptr);
    for (;;) {  // once per block
      Block& block = *running();
      block.kernel_(block.args_);
      block.threads_[block.current_].state = State::done;
      block.leave(block.threads_[block.current_]);
    }
  }
  void prepare(Thread& thread) {
    thread.started = true;
#ifdef __SANITIZE_ADDRESS__
    ASAN_UNPOISON_MEMORY_REGION(thread.stack, STACK);  // a launch that failed left red zones here
#endif
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack;
    thread.context.uc_stack.ss_size = STACK;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, fibre, 0);
  }

  ucontext_t home_;
#ifdef __SANITIZE_ADDRESS__  // AddressSanitizer must know of each change of stacks
  const void* home_stack_ = nullptr;
  size_t home_size_ = 0;
  void arrived(void* fake) { __sanitizer_finish_switch_fiber(fake, &home_stack_, &home_size_); }
  __attribute__((noinline)) void enter(unsigned t) {
    Thread& thread = threads_[current_ = t];
    threadIdx = thread_index(t);
    if (!thread.started) prepare(thread);
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, thread.stack, STACK);
    swapcontext(&home_, &thread.context);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
  }
  __attribute__((noinline)) void leave(Thread& me) {
    __sanitizer_start_switch_fiber(&me.fake_stack, home_stack_, home_size_);
    swapcontext(&me.context, &home_);
    arrived(me.fake_stack);
  }
#else  // setjmp costs a fraction of swapcontext, which asks the kernel for the signal mask each time
  jmp_buf home_place_;
  void arrived(void*) {}
  __attribute__((noinline)) void enter(unsigned t) {
    Thread& thread = threads_[current_ = t];
    threadIdx = thread_index(t);
    const bool first = !thread.started;
    if (first) prepare(thread);
    if (_setjmp(home_place_)) return;
    if (first) setcontext(&thread.context);
    _longjmp(thread.place, 1);
  }
  __attribute__((noinline)) void leave(Thread& me) {
    if (!_setjmp(me.place)) _longjmp(home_place_, 1);
  }
#endif
};

}  // namespace simulator
