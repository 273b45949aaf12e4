#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

namespace emulator {

static char message[640];

Place::Place(const Fiber &fiber) {
  static const char *names[] = {"__syncthreads",    "__syncwarp",     "__shfl_sync",
                                "__shfl_up_sync",   "__shfl_down_sync", "__shfl_xor_sync",
                                "__ballot_sync",    "__any_sync",     "__all_sync"};
  snprintf(text, sizeof text, "%s (%s:%d)", names[fiber.call], fiber.site.file, fiber.site.line);
}

void fail(const Fiber &fiber, const char *format, ...) {
  if (failed()) return;
  const int n = snprintf(
      message, sizeof message, "thread (%u, %u, %u) of block (%u, %u, %u) ", fiber.index[0],
      fiber.index[1], fiber.index[2], coordinate(BLOCK_INDEX), coordinate(BLOCK_INDEX + 1),
      coordinate(BLOCK_INDEX + 2));
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message + n, sizeof message - n, format, arguments);
  va_end(arguments);
}

void fail_launch(const char *format, ...) {
  if (failed()) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
}

bool failed() { return message[0] != 0; }

void forget_failure() { message[0] = 0; }

const char *failure() { return failed() ? message : nullptr; }

}  // namespace emulator
