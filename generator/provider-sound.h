#ifndef LOWTIDE_GENERATOR_PROVIDER_SOUND_H
#define LOWTIDE_GENERATOR_PROVIDER_SOUND_H

#include "lib/arena.h"
#include "lib/value.h"

/*
 * What can still be looked at of a provider when key_check() refused some of
 * its values: one wrong type hides nothing else.
 */

/*
 * The table without those of its own values that key_check() refused, so that
 * the rest is looked at: `broken` and `doubtful` if there were some, for what
 * seems to be missing may have been one of them; neither because of what is
 * wrong with its variants. NULL where it was its kind, which all depends on.
 */
struct value *provider_table_sound(struct arena *a, struct value *table);

#endif
