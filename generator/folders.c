#include "generator/folders.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "generator/memo.h"
#include "generator/site.h"
#include "lib/opt.h"

static bool is_folder(struct arena *a, const char *dir, const char *name)
{
	struct stat st;

	return stat(site_path(a, dir, name), &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * A slip of the finger, and no other word: `images` and `packages` are not far
 * from `pages`, `en` and `venv` not from `env`.
 */
static const char *meant(
    struct str name, const char *const *missing, size_t n_missing)
{
	const char *best = opt_nearest(name, missing, n_missing);
	size_t n = best ? strlen(best) : 0;

	if (!best || name.p[0] != best[0] || name.n > n + 2 || n > name.n + 2)
		return NULL;
	return n > 3 || str_starts(name, best) ? best : NULL;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

struct str folders_unknown(struct arena *a, const char *dir, struct diag *diag)
{
	const char *missing[MEMO_FOLDERS];
	struct dirent **found = NULL;
	struct str names = {0};
	size_t n_missing = 0;

	for (size_t i = 0; i < MEMO_FOLDERS; i++)
		if (!is_folder(a, dir, memo_folders[i]))
			missing[n_missing++] = memo_folders[i];
	int n = scandir(dir, &found, is_visible, by_name);
	for (int i = 0; i < n; i++) {
		const char *name = found[i]->d_name;
		const char *best = meant(str_of(name), missing, n_missing);
		if (best && is_folder(a, dir, name)) {
			names =
			    arena_printf(a, "%.*s%s/", STR_ARG(names), name);
			diag_warn(diag, POS_FILE(site_path(a, dir, name)),
			    "unknown-folder",
			    "nothing is read from it; did you mean `%s`?",
			    best);
		}
		free(found[i]);
	}
	free(found);
	return names;
}
