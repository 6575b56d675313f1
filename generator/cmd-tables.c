#include "generator/command.h"

#include "generator/tables.h"
#include "lib/json.h"

/* `lowtide tables`: what lowtide knows of itself, as JSON on stdout. */
static const struct opt options[] = {{.name = NULL}};

static enum err run(struct command_run *run)
{
	struct value *tables =
	    tables_value(run->arena, run->commands, run->n_commands);
	struct buf text = {0};
	struct json_writer w = {.out = &text, .indent = 1};
	enum err err = ERR_OK;

	if (run->json) {
		run->result = tables;
		return ERR_OK;
	}
	json_value(&w, tables);
	buf_putc(&text, '\n');
	if (fwrite(text.data, 1, text.len, stdout) != text.len ||
	    fflush(stdout) != 0)
		err = ERR_IO;
	buf_release(&text);
	return err;
}

const struct command command_tables = {
    .name = "tables",
    .help = "print the commands, options and keys there are, as JSON",
    .options = options,
    .run = run,
    .hidden = true,
};
