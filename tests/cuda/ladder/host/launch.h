// What Python finds in a compiled text: its shared memory, and for each kernel the types of its
// parameters and a call without types.
#pragma once

// The linker sets these around the shared memory of all kernels of the text; null if there is none.
extern "C" __attribute__((weak, visibility("hidden"))) char __start_emulated_shared[];
extern "C" __attribute__((weak, visibility("hidden"))) char __stop_emulated_shared[];

namespace emulator {

// A type is two words: what a parameter is, and NumPy's name of what it holds or points to.
template <class T>
struct Type;  // a type without a line below is no type for a kernel's parameter
#define EMULATOR_TYPE(T, dtype)                     \
  template <>                                       \
  struct Type<T> {                                  \
    static constexpr const char *kind = "value";    \
    static constexpr const char *name = dtype;      \
  };
EMULATOR_TYPE(float, "float32")
EMULATOR_TYPE(double, "float64")
EMULATOR_TYPE(int, "int32")
EMULATOR_TYPE(unsigned, "uint32")
EMULATOR_TYPE(long long, "int64")
EMULATOR_TYPE(unsigned long long, "uint64")
EMULATOR_TYPE(unsigned long, "uint64")
EMULATOR_TYPE(signed char, "int8")
EMULATOR_TYPE(unsigned char, "uint8")

template <class T>
struct Type<T *> {
  static constexpr const char *kind = "pointer";
  static constexpr const char *name = Type<T>::name;
};
template <class T>
struct Type<const T *> {
  static constexpr const char *kind = "const pointer";
  static constexpr const char *name = Type<T>::name;
};

template <class Kernel>
struct Signature;
template <class... Parameters>
struct Signature<void (*)(Parameters...)> {
  struct Parameter {
    const char *kind, *name;
  };
  static constexpr Parameter parameters[] = {
      {Type<Parameters>::kind, Type<Parameters>::name}..., {nullptr, nullptr}};
};

// Braces around the arguments guarantee that they are taken in order.
struct Called {
  template <class... Parameters>
  Called(void (*kernel)(Parameters...), Parameters... arguments) {
    kernel(arguments...);
  }
};
template <class... Parameters>
void call(void (*kernel)(Parameters...), void **arguments) {
  Called{kernel, *static_cast<Parameters *>(*arguments++)...};
}

}  // namespace emulator

#define EMULATOR_EXPORT extern "C" __attribute__((visibility("default")))
EMULATOR_EXPORT void shared_memory(char **begin, char **end) {
  *begin = __start_emulated_shared;
  *end = __stop_emulated_shared;
}
#define EMULATOR_KERNEL(kernel)                                                             \
  EMULATOR_EXPORT const void *signature_##kernel() {                                        \
    return emulator::Signature<decltype(&kernel)>::parameters;                              \
  }                                                                                         \
  EMULATOR_EXPORT void call_##kernel(void **arguments) { emulator::call(&kernel, arguments); }
