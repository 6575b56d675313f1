#ifndef LOWTIDE_BENCH_DIAL_H
#define LOWTIDE_BENCH_DIAL_H

#include <stddef.h>

/*
 * What the load drivers share: sockets by name, whole files, a clock, and
 * leaving with a sentence where nothing else can be done.
 */
_Noreturn void fail(const char *what);
double now_ms(void); /* CLOCK_MONOTONIC */
/* `unix:PATH` or `ADDRESS:PORT`; connected, and blocking until it is. */
int dial(const char *address);
/* From malloc, with a NUL behind it. */
char *slurp(const char *path, size_t *n);
/* On a blocking socket. */
void send_all(int fd, const char *bytes, size_t n);
void set_nonblocking(int fd);
void set_no_delay(int fd);
/*
 * The bytes of the whole HTTP answer, 0 = not all there: Content-Length, or
 * chunks that end with "0" and no trailers, and nothing behind it; NUL after n.
 */
size_t answer_size(const char *bytes, size_t n);
void raise_file_limit(void);
/* The p-th part (0..1) of n sorted values. */
double part_of(const double *sorted, size_t n, double p);
void sort(double *values, size_t n);

#endif
