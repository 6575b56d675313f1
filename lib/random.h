#ifndef LOWTIDE_LIB_RANDOM_H
#define LOWTIDE_LIB_RANDOM_H

#include <stddef.h>

/*
 * The kernel's random numbers, for those at the rim: further in they are a
 * parameter, so that tests and the simulators can draw them. Waits while there
 * is none yet, early in boot.
 */
void random_bytes(void *out, size_t n);

#endif
