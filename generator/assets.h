#ifndef LOWTIDE_GENERATOR_ASSETS_H
#define LOWTIDE_GENERATOR_ASSETS_H

#include "generator/answers.h"
#include "generator/lookup.h"
#include "lib/buf.h"
#include "lib/fs.h"

/*
 * assets/: every file is published under a fingerprinted name, for a year.
 *
 * CSS is rewritten first, so its fingerprint is of what it refers to as well;
 * that needs an order (generator/assets-css.c). Scripts never are: one changed
 * module must not rename those that import it; they lose their comments, where
 * the site says so. What a script names is published once more under its stable
 * name, and the import map leads past that (generator/modules.c). All other
 * files are published as they are.
 *
 * Bytes are read by the pool's workers and forgotten; what they leave is in
 * the row of their asset.
 */
#define ASSET_WHOLE_MAX                                                        \
	((off_t)1024 * 1024) /* larger plain ones: in pieces                   \
			      */
enum asset_kind {
	ASSET_PLAIN,
	ASSET_NAMES, /* may name others in quotes: generator/js-refs.h */
	ASSET_CSS,
};
/* A reference to a style sheet that is not published by then. */
struct asset_wait {
	size_t on; /* index */
	struct pos pos;
};
struct asset {
	const struct fs_entry *entry;
	struct str logical;   /* "/assets/app.css" */
	struct str published; /* "/assets/app.3f9a2c71d0.css"; empty: not yet */
	enum asset_kind kind;
	bool is_good;	   /* staged, with this digest */
	bool is_rewritten; /* not published as it was written */
	struct digest digest;
	struct answers answers; /* what it refers to, or names */
	struct buf waits;	/* struct asset_wait[] */
};
struct assets {
	struct asset *list; /* by path */
	size_t n;
	struct lookup by_logical;
	uint64_t names;	  /* as answers have it, and what else decides bytes */
	bool no_comments; /* [compress] comments */
};

/* A worker's. Whether it is published already, all answers the same. */
bool asset_is_unchanged(struct build *b, struct asset *asset, struct arena *a);
/* Whether it is published without its comments. */
bool asset_loses_comments(const struct build *b, const struct asset *asset);
/* A worker's. The file's bytes, with a finding if they cannot be had. */
enum err asset_read(const struct asset *asset, struct arena *a,
    struct diag *diag, struct str *bytes);
/* A worker's. Stages what is published for the asset. */
enum err asset_stage(struct build *b, struct asset *asset, struct arena *a,
    struct diag *diag, struct str bytes);
/* A worker's. For the next build: what was staged, and its answers. */
void asset_remember(struct build *b, struct asset *asset, struct arena *a);
/* Once staged, in the producer's thread: the file's row and its reference. */
enum err asset_note(struct build *b, struct asset *asset);

/* Style sheets, after all others were noted. */
enum err assets_put_css(struct build *b);

#endif
