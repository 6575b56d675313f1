#ifndef LOWTIDE_GENERATOR_SECRETS_H
#define LOWTIDE_GENERATOR_SECRETS_H

#include <stdbool.h>

#include "lib/str.h"

/*
 * What a secret looks like. Nothing that a browser is given may hold one; the
 * finding that says so names the place and never the value.
 */

/* A key that is named after one: client_secret, private_key, api_token … */
bool secret_named(struct str key);
/* A text that holds what only secrets begin with: sk_live_, PEM … */
bool secret_shaped(struct str text);

#endif
