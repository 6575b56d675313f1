#ifndef LOWTIDE_TESTS_FUZZ_FUZZ_H
#define LOWTIDE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * One fuzzer is one program, tests/fuzz/fuzz-NAME.c, with a corpus beside it
 * in corpus/NAME/. It has libFuzzer's entry point, so `make fuzz T=NAME` runs
 * it with clang's coverage; `make check` links it to driver.c, which runs the
 * corpus and a seeded number of spoilt copies of it under the sanitizers.
 *
 * The input lies in memory of exactly its size. What must hold for any input
 * is said with fuzz_must().
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Words of the format, put in by the driver; NULL ends. */
extern const char *const fuzz_words[];

#define fuzz_must(holds) ((holds) ? (void)0 : fuzz_failed(#holds))
_Noreturn void fuzz_failed(const char *what);

#endif
