#ifndef LOWTIDE_CGI_PREFER_H
#define LOWTIDE_CGI_PREFER_H

/* How Prefer said how long is waited; Preference-Applied says it again. */
enum prefer {
	PREFER_NONE,
	PREFER_WAIT,  /* wait=n, in whatever it ended up */
	PREFER_ASYNC, /* respond-async alone */
};

#endif
