#include "fibers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Saves the registers that a called function must keep, changes stacks and loads them again.
extern "C" void emulator_switch(void **save_stack_pointer, void *load_stack_pointer);
asm(R"(
.text
.hidden emulator_switch
.globl emulator_switch
.type emulator_switch, @function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch, . - emulator_switch
.section .note.GNU-stack, "", @progbits
.text
)");

#ifdef EMULATOR_THREAD_SANITIZER
extern "C" {
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void *__tsan_get_current_fiber();
void __tsan_acquire(void *address);
void __tsan_release(void *address);
}
#else  // these do nothing
static void *__tsan_create_fiber(unsigned) { return nullptr; }
static void __tsan_destroy_fiber(void *) {}
static void __tsan_switch_to_fiber(void *, unsigned) {}
static void *__tsan_get_current_fiber() { return nullptr; }
static void __tsan_acquire(void *) {}
static void __tsan_release(void *) {}
#endif
#ifdef EMULATOR_ADDRESS_SANITIZER
extern "C" void __asan_unpoison_memory_region(const volatile void *address, size_t size);
#else
static void __asan_unpoison_memory_region(const volatile void *, size_t) {}
#endif

namespace emulator {

constexpr size_t STACK = 64 << 10;
constexpr uint64_t CANARY = 0x5afe57ac5afe57ac;
constexpr unsigned NO_SYNCHRONISATION = 1;  // switching alone orders no memory accesses

Fiber fibers[MAX_THREADS];
Fiber *current;

static char *stacks;
static char *free_stacks[MAX_THREADS];
static unsigned free_count;
static void *scheduler;  // its stack pointer while a fiber runs
static void *scheduler_handle;
static void (*thread_body)();

// What the thread sanitizer knows as the objects that order memory accesses. Two for waiting, used
// in turn: a fast thread may arrive at its next barrier before a slow one has left this one.
static char block_begins, block_ends, at_barrier[2], at_collective[MAX_THREADS / WARP][2];

// Below the lowest stack there is room for what overflows it, as there is below the others.
static char *new_stacks() {
  void *memory = mmap(
      nullptr, (1 + MAX_THREADS) * STACK, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) abort();
  return static_cast<char *>(memory) + STACK;
}

void begin_launch() {
  if (stacks == nullptr) stacks = new_stacks();
  scheduler_handle = __tsan_get_current_fiber();
}

void end_launch(bool failed) {
  if (!failed) return;  // else some fibers are still inside of the kernel
  for (Fiber &fiber : fibers) {
    if (fiber.handle != nullptr) __tsan_destroy_fiber(fiber.handle);
    fiber.handle = nullptr;
  }
}

void begin_block(unsigned threads) {
  free_count = 0;
  for (unsigned i = threads; i-- > 0;) {
    free_stacks[free_count++] = stacks + i * STACK;
    fibers[i].stack = nullptr;
    fibers[i].barriers = fibers[i].collectives = 0;
  }
  __tsan_release(&block_begins);
}

void end_block() { __tsan_acquire(&block_ends); }

static void first_frame() {
  __tsan_acquire(&block_begins);
  thread_body();
  __tsan_release(&block_ends);
  current->state = RETURNED;
  suspend();
}

static void start(Fiber &fiber) {
  if (fiber.handle == nullptr) fiber.handle = __tsan_create_fiber(0);  // that takes a while
  fiber.stack = free_stacks[--free_count];
  __asan_unpoison_memory_region(fiber.stack, STACK);
  memcpy(fiber.stack, &CANARY, sizeof CANARY);
  void **top = reinterpret_cast<void **>(fiber.stack + STACK);
  *--top = nullptr;  // where first_frame would return to
  *--top = reinterpret_cast<void *>(&first_frame);
  for (int i = 0; i < 6; i++) *--top = nullptr;  // the registers
  fiber.stack_pointer = top;
}

bool resume(Fiber &fiber, void (*thread)()) {
  thread_body = thread;
  if (fiber.stack == nullptr) start(fiber);
  current = &fiber;
  __tsan_switch_to_fiber(fiber.handle, NO_SYNCHRONISATION);
  emulator_switch(&scheduler, fiber.stack_pointer);
  const bool intact = memcmp(fiber.stack, &CANARY, sizeof CANARY) == 0;
#ifndef EMULATOR_THREAD_SANITIZER  // which would take a stack's next owner for a racing thread
  if (fiber.state == RETURNED) free_stacks[free_count++] = fiber.stack;
#endif
  return intact;
}

void suspend() {
  Fiber *self = current;
  __tsan_switch_to_fiber(scheduler_handle, NO_SYNCHRONISATION);
  emulator_switch(&self->stack_pointer, scheduler);
}

static void wait_with(char *order) {
  __tsan_release(order);
  suspend();
  __tsan_acquire(order);
}

void wait_at_barrier() { wait_with(&at_barrier[current->barriers++ % 2]); }

// Right for the full mask, which is the only one that kernels use.
void wait_at_collective() {
  const auto warp = (current - fibers) / WARP;
  wait_with(&at_collective[warp][current->collectives++ % 2]);
}

}  // namespace emulator
