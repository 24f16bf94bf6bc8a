// libFuzzer's entry point, which comes with the compiler and is linked by -sanitize=fuzzer.
#pragma once
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *data, size_t size));
