// Shared memory. On a GPU its initial content is arbitrary; here it is NaN (as an integer: -1).
#pragma once

#include <link.h>

#ifdef __SANITIZE_ADDRESS__
#define __shared__ static  // with a red zone on both sides
#else
#define __shared__ static thread_local  // thread-local memory is one contiguous piece, which can be found and filled
#endif

namespace simulator {

struct Memory {
  void* start;
  size_t size;
};
static thread_local char first_touch;

// Find this shared object among those that the process has loaded, and in it the piece of the calling thread.
inline int find_shared(dl_phdr_info* object, size_t, void* found) {
  const auto mine = reinterpret_cast<ElfW(Addr)>(&threadIdx);
  bool here = false;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    const auto start = object->dlpi_addr + part.p_vaddr;
    here = here || (part.p_type == PT_LOAD && start <= mine && mine < start + part.p_memsz);
  }
  for (int i = 0; here && i < object->dlpi_phnum; ++i)
    if (object->dlpi_phdr[i].p_type == PT_TLS)
      *static_cast<Memory*>(found) = {object->dlpi_tls_data, object->dlpi_phdr[i].p_memsz};
  return here;
}

inline void poison_shared() {
#ifndef __SANITIZE_ADDRESS__
  static Memory memory;
  static char* found_for;
  first_touch = 1;  // the memory exists from now on
  if (found_for != &first_touch) dl_iterate_phdr(find_shared, &memory);
  found_for = &first_touch;
  memset(memory.start, 0xFF, memory.size);
#endif
}

static char* dynamic_shared;  // what `extern __shared__ T name[];` names

struct DynamicShared {
  explicit DynamicShared(size_t bytes) {
    dynamic_shared = static_cast<char*>(malloc(bytes));
    memset(dynamic_shared, 0xFF, bytes);
  }
  ~DynamicShared() { free(dynamic_shared); }
};

}  // namespace simulator
