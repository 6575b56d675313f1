#include "cgi/told.h"

#include <stdlib.h>
#include <string.h>

/* The middle of an id is random, or a keyed hash: nobody chooses his slot. */
#define AT 4

struct told {
	uint64_t slots[TOLD_SLOTS];
};

struct told *told_new(void)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		abort();
	return told;
}

void told_free(struct told *told)
{
	free(told);
}

bool told_first(struct told *told, const uint8_t id[JOB_ID_BYTES])
{
	uint64_t name;

	if (!told)
		return true;
	memcpy(&name, id + AT, sizeof(name));
	uint64_t *slot = &told->slots[name % TOLD_SLOTS];
	name |= !name; /* an empty slot is 0 */
	if (*slot == name)
		return false;
	*slot = name;
	return true;
}
