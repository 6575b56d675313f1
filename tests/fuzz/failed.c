#include <stdio.h>

#include "tests/fuzz/fuzz.h"

void fuzz_failed(const char *what)
{
	fprintf(stderr, "# it does not hold: %s\n", what);
	abort();
}
