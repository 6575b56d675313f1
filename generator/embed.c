#include "generator/embed.h"

bool embed_find(struct str name, struct str *bytes)
{
	for (const struct embedded *e = embedded_files; e->name; e++) {
		if (!str_is(name, e->name))
			continue;
		*bytes = (struct str){
		    .p = (const char *)e->start,
		    .n = (size_t)(e->end - e->start),
		};
		return true;
	}
	return false;
}
