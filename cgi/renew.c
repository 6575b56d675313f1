#include "cgi/check.h"
#include "cgi/handle.h"
#include "cgi/seal.h"

/*
 * An upstream's 401 does not end a job (contract 4): it rests until the same
 * request comes again with another credential. Which it had is in its sealed
 * request, so that is opened here, and nowhere else in the endpoint.
 */

static enum err open_request(struct handling *h, struct envelope_request *had)
{
	struct str sealed, plain;
	enum err err =
	    store_body(h->app->store, &h->row, BODY_REQUEST, h->arena, &sealed);

	if (err == ERR_OK)
		err = seal_open(h->app->keys, &h->row, BODY_REQUEST, sealed,
		    h->arena, &plain);
	if (err == ERR_OK)
		err = envelope_get_request(h->arena, plain, had);
	return err;
}

/* One that cannot be opened helps nobody: whatever comes is better. */
bool handling_renews(struct handling *h, const struct envelope_request *sent)
{
	struct envelope_request had;
	enum err err = open_request(h, &had);

	if (err == ERR_OK)
		return check_renews(h->job.api, &had, sent);
	if (handling_may_pass(err))
		app_rest(h->app);
	return err == ERR_CORRUPT;
}
