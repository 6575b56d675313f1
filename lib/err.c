#include "lib/err.h"

#include <stddef.h>

static const struct row {
	const char *name, *text;
	int exit_status, http_status;
} rows[ERR_COUNT] = {
#define ERR(name, exit_status, http_status, text)                              \
	[ERR_##name] = {#name, text, exit_status, http_status},
#include "lib/err.def"
#undef ERR
};

static const struct row *row_of(enum err err)
{
	if ((unsigned)err >= ERR_COUNT)
		err = ERR_IO;
	return &rows[err];
}

const char *err_name(enum err err)
{
	return row_of(err)->name;
}

const char *err_text(enum err err)
{
	return row_of(err)->text;
}

int err_exit(enum err err)
{
	return row_of(err)->exit_status;
}

int err_http(enum err err)
{
	return row_of(err)->http_status;
}
