#ifndef LOWTIDE_GENERATOR_SERVER_H
#define LOWTIDE_GENERATOR_SERVER_H

#include "generator/build.h"

/*
 * What the configurations of web servers are made of. server.c writes them, a
 * template a piece (templates/server/); server-data.c collects what templates
 * see; server-hosts.c writes www/_headers and www/_redirects.
 *
 * A path's cache header comes from its class, never from its name. So that a
 * site of 20,000 files is not as many rows, a folder of which most is of one
 * class has a rule of its own, and what differs in it is listed.
 */
struct path_rule {
	struct str path; /* "/a/b.css", or "/a/" with all that is below it */
	bool is_folder;
	bool immutable;
};
struct path_rules {
	struct path_rule *items;
	size_t n, cap;
};
/*
 * Without any rule, nothing is immutable. Folders come before what is in them,
 * and before all files: the last rule that fits a path is its own.
 */
void server_rules(struct arena *a, const struct out *out,
    struct path_rules *rules); /* server-rules.c */
/*
 * For hosts where every rule that fits is applied: what is immutable only, a
 * folder where all of it is.
 */
void server_pure_rules(
    struct arena *a, const struct out *out, struct path_rules *rules);

/*
 * [redirects], checked. "/old/" + "*" has from "/old/" and splat; `:splat` of
 * its target is between head and tail. Both are spelled as in a URL, safe in
 * any quotes: A-Z a-z 0-9 and -._~/:?#[]@!&()*+,;=% alone.
 */
struct redirect {
	struct str from; /* decoded */
	struct str head, tail;
	bool is_splat;	  /* from is what a path begins with */
	bool takes_splat; /* `:splat` is in the target */
	bool keeps_query; /* the target has no query of its own */
	int status;
	bool from_env;
	struct pos pos;
};
struct redirects {
	struct redirect *items; /* exact ones first, then the longest splat */
	size_t n;
};
/*
 * Findings: `bad-redirect`, `redirect-clash` (something is published there),
 * `redirect-loop`; as a warning `missing-reference` for a target that nothing
 * answers. server-redirects.c.
 */
enum err server_redirects(struct build *b, struct redirects *out);
/* Whether there is anything at a path, decoded: a file, an API, a redirect. */
bool server_is_answered(
    struct build *b, const struct redirects *all, struct str path);
/* Whether [redirects] answers it; *to: where that ends, n 0 on another site. */
bool server_redirected(struct build *b, const struct redirects *all,
    struct str path, struct str *to);

/*
 * server-pages.c. The page of [site] KEY as a path below www: "404.html" for
 * "404", "/404", "404.html". Empty where it was left out. `missing-page`,
 * `bad-page`.
 */
enum err server_page(struct build *b, const char *key, struct str *out);
/*
 * As the servers see it: 1 to 8 letters and digits behind the last dot. Such a
 * path is a file's or nobody's; [site] fallback answers the others.
 */
bool server_has_ending(struct str path);
/* What of www answers a path: a file, or a page without its ending. */
const struct out_file *server_answer(struct build *b, struct str path);
/* Whether [cache] immutable has static/NAME. */
bool server_declares(const struct build *b, struct str name);
/* Whether it was copied or rendered from a file below that folder. */
bool server_is_from(
    const struct build *b, const struct out_file *f, const char *folder);
/* Warns of each pattern of [cache] immutable that fits no file. */
void server_check_patterns(struct build *b);

/*
 * The Content-Security-Policy of all pages. *from_env is set where the
 * environment said a part of it, else left alone. server-policy.c.
 */
struct str server_policy(struct build *b, bool *from_env);
/*
 * Whether the site says what browsers do by itself, for a server that it wants:
 * in the template that has the policy above, or in a _headers of its own. Then
 * nothing is known of it.
 */
bool server_has_own_policy(struct build *b);
/*
 * What other origins' pages may read: modules and fonts, by their endings, and
 * by name catalogues and the pointers that were made here.
 */
extern const char *const server_shared_endings[]; /* ".mjs" …; NULL ends */
bool server_is_named_shared(const struct build *b, const struct out_file *f);
#define SERVER_YEAR "public, max-age=31536000, immutable"

/*
 * Pages that providers send people back to have a code in their address until
 * finish() takes it out, and what they load before that would carry it in its
 * Referer. Theirs has the origin alone: enough that no form of a page which is
 * more than that says `Origin: null`, as it would without any Referer.
 */
#define SERVER_REFERRER "strict-origin-when-cross-origin"
#define SERVER_REFERRER_CALLBACK "strict-origin"
struct callback {
	struct str path; /* as it is asked for: "/auth/callback" */
	struct str file; /* what answers, below www */
};
struct callbacks {
	struct callback *items; /* those that are answered, each once */
	size_t n;
	bool from_env;
};
void server_callbacks(struct build *b, struct callbacks *out);
/* oauth-pages.c */

/* How a kind of server wants what differs between them. */
struct server_spelling {
	const char *percent; /* '%' in the target of a redirect */
};
/* For lighttpd, which has to be told every file (server-files.c). */
void server_files(struct build *b, struct str fallback, struct value *data);
struct value *server_data(struct build *b, const struct redirects *redirects,
    const struct server_spelling *spelling);

/*
 * A path that lowtide-read answers whatever the method, so that OPTIONS shows
 * whether it is there; empty: every read shares its path with an API.
 */
struct str server_read_alone(struct arena *a, const struct config *c);

/* --- texts (server-text.c) --------------------------------------------- */

#define SERVER_GROUP_MAX 4000 /* bytes of one regular expression */

/* For PCRE; no `$`, no quote, no space, whatever the text. */
void server_regex(struct buf *out, struct str text);
/* The same for a path as it stands in a request, however it is encoded. */
void server_regex_raw(struct buf *out, struct str path);
/* As a path in a URL: all but unreserved characters and '/' as %XX. */
void server_url_path(struct buf *out, struct str path);
/*
 * "/a/(?:b|c)" for paths of one folder, as many as fit; *used says how many.
 * `put` is one of the two above.
 */
struct str server_group(struct arena *a, const struct str *paths, size_t n,
    void (*put)(struct buf *out, struct str text), size_t *used);

#endif
