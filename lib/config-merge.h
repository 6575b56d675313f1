#ifndef LOWTIDE_LIB_CONFIG_MERGE_H
#define LOWTIDE_LIB_CONFIG_MERGE_H

#include "lib/config.h"

/*
 * Another configuration for a process that goes on. Rows of the store, parked
 * requests and changes on their way name an API and an origin by its index, so
 * indices stay:
 *
 *   - an API of the same name stands where it stood, as the new one says;
 *   - one that went stays as a place without a path, which nothing is routed
 *     to; what it accepted can still be asked for. Where another took over its
 *     tag, its own is empty, and its ids are the other's;
 *   - new ones stand behind;
 *   - origins the same, and one that went is empty, which no page's is.
 *
 * Providers and upstreams are the new configuration's alone: nobody's token is
 * taken because it was once.
 */
struct config_changes {
	size_t added, removed, changed; /* APIs; removed counts once */
};
/*
 * *out is wholly the arena's: it points into neither of the two. ERR_TOO_LARGE
 * beyond CONFIG_APIS_MAX APIs or origins; ERR_CONFLICT when it is another
 * site's. Pure.
 */
enum err config_merge(struct arena *a, const struct config *old,
    const struct config *fresh, struct config **out,
    struct config_changes *changes) __attribute__((warn_unused_result));
/* It went from the configuration. */
static inline bool config_is_gone(const struct api *api)
{
	return api->path.n == 0;
}
/* The largest body that any API takes. */
int64_t config_body_max(const struct config *config);

#endif
