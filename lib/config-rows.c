#include "lib/config-rows.h"

#include <string.h>

#define FIELD(member, kind, json)                                              \
	{json, KIND_##kind, offsetof(struct OWNER, member), NULL},
#define ENUM(member, names, json)                                              \
	{json, KIND_ENUM, offsetof(struct OWNER, member), names},

const struct config_row config_top_rows[] = {
#define OWNER config
#define CONFIG_TOP
#include "lib/config.def"
#undef OWNER
    {.name = NULL}};
static const struct config_row provider_rows[] = {
#define OWNER provider
#define CONFIG_PROVIDER
#include "lib/config.def"
#undef OWNER
    {.name = NULL}};
static const struct config_row secret_rows[] = {
#define OWNER secret
#define CONFIG_SECRET
#include "lib/config.def"
#undef OWNER
    {.name = NULL}};
static const struct config_row upstream_rows[] = {
#define OWNER upstream
#define CONFIG_UPSTREAM
#include "lib/config.def"
#undef OWNER
    {.name = NULL}};
const struct config_row config_api_rows[] = {
#define OWNER api
#define CONFIG_API
#include "lib/config.def"
#undef OWNER
    {.name = NULL}};
static const struct config_row aggregate_rows[] = {
#define OWNER read
#define CONFIG_READ
#include "lib/config.def"
#undef OWNER
    {.name = NULL}};
static const struct config_row read_id_rows[] = {
#define OWNER read_ids
#define CONFIG_READ_ID
#include "lib/config.def"
#undef OWNER
    {.name = NULL}};
static const struct config_row read_call_rows[] = {
#define OWNER read_call
#define CONFIG_READ_CALL
#include "lib/config.def"
#undef OWNER
    {.name = NULL}};

_Static_assert(sizeof(enum pattern) == sizeof(unsigned) &&
		   sizeof(enum on_lost) == sizeof(unsigned),
    "KIND_ENUM reads and writes enums as unsigned");

#define LIST(member, json, of, always)                                         \
	{                                                                      \
		json, of, sizeof(*((struct config *)0)->member),               \
		    offsetof(struct config, member),                           \
		    offsetof(struct config, n_##member), always                \
	}
const struct config_list config_lists[] = {
    LIST(providers, "providers", provider_rows, false),
    LIST(secrets, "secrets", secret_rows, false),
    LIST(upstreams, "upstreams", upstream_rows, true),
    LIST(apis, "apis", config_api_rows, true),
    LIST(reads, "reads", aggregate_rows, false),
    LIST(read_ids, "readIds", read_id_rows, false),
    LIST(read_calls, "readCalls", read_call_rows, false),
    {.name = NULL},
};

/* By memcpy(): pointers to these structs are no pointers to void. */
void *config_items(
    const struct config *config, const struct config_list *list, size_t *n)
{
	const char *from = (const char *)config;
	void *items;

	memcpy(&items, from + list->items, sizeof(items));
	memcpy(n, from + list->n_items, sizeof(*n));
	return items;
}

void config_set_items(struct config *config, const struct config_list *list,
    void *items, size_t n)
{
	char *to = (char *)config;

	memcpy(to + list->items, &items, sizeof(items));
	memcpy(to + list->n_items, &n, sizeof(n));
}
