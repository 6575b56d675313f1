#ifndef LOWTIDE_CGI_READ_ENGINE_TIME_H
#define LOWTIDE_CGI_READ_ENGINE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is to happen at a time: a heap of timers that live where they belong.
 * Among those of the same time the one that was set first comes first.
 */
struct timer {
	int64_t boot;
	uint64_t number;
	size_t place; /* in the heap, from 1; 0 = not set */
	int kind;     /* whose it is: the owner's to say */
};
struct times {
	struct timer **heap;
	size_t n, cap;
	uint64_t number;
};
/* Also one that is set: it moves. */
void times_set(struct times *times, struct timer *t, int64_t boot);
void times_drop(struct times *times, struct timer *t); /* also one not set */
/* The earliest, if it is not after now; it is set no longer. NULL: none. */
struct timer *times_take(struct times *times, int64_t now_boot);
int64_t times_next(const struct times *times); /* 0 = none */
void times_release(struct times *times);

#endif
