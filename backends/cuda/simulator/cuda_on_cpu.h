// CUDA C++ for g++: what a kernel of this package may use of the language, for one thread of the CPU.
//
// A kernel runs as in CUDA: a grid of blocks, one block after the other, the threads of a block in turn. Threads that
// wait for one another (barriers, shuffles) are fibres, see block_threads.h; others are iterations of a loop.
// It is slow; its purpose is to test, without a GPU, whether a kernel is right.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <type_traits>
#include <utility>

#undef INFINITY  // NVRTC defines neither
#undef NAN

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __constant__ static

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

#include "shared_memory.h"
#include "block_threads.h"
#include "device_functions.h"

namespace simulator {

// ---- The parameters of a kernel as NumPy type codes: "*f4" an array of float32, "r*f4" one that is only read, "i8" a
// ---- long long by value. The compiler knows the types, so the text need not be parsed for this.

// A 16-bit number of half.cuh says how many bits its exponent has.
template <class T, class = void> struct is_half : std::false_type {};
template <class T> struct is_half<T, std::void_t<decltype(T::exponent)>> : std::true_type {
  static constexpr int bits = T::exponent;
};

template <class T> void describe(char*& text) {
  if constexpr (std::is_pointer_v<T>) {
    using Item = std::remove_pointer_t<T>;
    text = stpcpy(text, std::is_const_v<Item> ? "r*" : "*");
    describe<std::remove_cv_t<Item>>(text);
  } else if constexpr (std::is_void_v<T>) {
    text = stpcpy(text, "void ");
  } else if constexpr (std::is_same_v<T, bool>) {
    text = stpcpy(text, "? ");
  } else if constexpr (is_half<T>::value) {
    text = stpcpy(text, is_half<T>::bits == 8 ? "bfloat16 " : "f2 ");
  } else if constexpr (!std::is_arithmetic_v<T>) {
    text = stpcpy(text, "V ");  // another structure
  } else {
    const char kind = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
    text += sprintf(text, "%c%zu ", kind, sizeof(T));
  }
}

// ---- A kernel of any signature, called with the addresses of its arguments.

template <auto Kernel> struct Call;
template <class... Args, void (*Kernel)(Args...)> struct Call<Kernel> {
  template <size_t... I> static void with(void** args, std::index_sequence<I...>) {
    Kernel(*static_cast<Args*>(args[I])...);
  }
  static void run(void** args) { with(args, std::index_sequence_for<Args...>{}); }
  static const char* signature() {
    static char text[sizeof...(Args) * 12 + 1];
    [[maybe_unused]] char* end = text;
    (describe<Args>(end), ...);
    return text;
  }
};

// Run a grid; return null, or an error message. `order` 1 runs blocks and threads from the last to the first.
template <auto Kernel, bool Waits>
const char* launch(
    const char* name, const unsigned* grid, const unsigned* block, void** args, size_t bytes, int order) {
  gridDim = {grid[0], grid[1], grid[2]};
  blockDim = {block[0], block[1], block[2]};
  const unsigned long long blocks = 1ull * grid[0] * grid[1] * grid[2];
  const unsigned threads = block[0] * block[1] * block[2];
  static char failure[300];
  try {
    Block members(Call<Kernel>::run, args, Waits ? threads : 0, order);
    for (unsigned long long i = 0; i < blocks; ++i) {
      const unsigned long long b = order ? blocks - 1 - i : i;
      blockIdx = {unsigned(b % grid[0]), unsigned(b / grid[0] % grid[1]), unsigned(b / grid[0] / grid[1])};
      const DynamicShared memory(bytes);
      poison_shared();
      if constexpr (Waits) {
        members.run(i);
      } else {
        for (unsigned t = 0; t < threads; ++t) {
          threadIdx = thread_index(order ? threads - 1 - t : t);
          Call<Kernel>::run(args);
        }
      }
    }
  } catch (const Failure& error) {
    snprintf(failure, sizeof failure, "kernel %s: %s", name, error.text);
    return failure;
  }
  return nullptr;
}

}  // namespace simulator

// Two entry points for each kernel; the text that uses this is written by compiler.py.
#define SIMULATE(kernel, waits)                                                                              \
  extern "C" __attribute__((visibility("default"))) const char* simulate_##kernel(                           \
      const unsigned* grid, const unsigned* block, void** args, size_t bytes, int order) {                   \
    return simulator::launch<kernel, waits>(#kernel, grid, block, args, bytes, order);                       \
  }                                                                                                          \
  extern "C" __attribute__((visibility("default"))) const char* signature_##kernel() {                       \
    return simulator::Call<kernel>::signature();                                                             \
  }
