#include "lib/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t n)
{
	char *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno != EINTR)
			abort(); /* a kernel without it */
		if (got < 0)
			continue;
		p += got;
		n -= (size_t)got;
	}
}
