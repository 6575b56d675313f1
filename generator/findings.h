#ifndef LOWTIDE_GENERATOR_FINDINGS_H
#define LOWTIDE_GENERATOR_FINDINGS_H

#include <stdio.h>

#include "lib/diag.h"
#include "lib/value.h"

/*
 * How `lowtide` tells its findings:
 *
 *   text    file:line:column: name: what is wrong; what to do
 *           on a terminal also in colour, with the line of the file below and
 *           a marker under the column
 *   github  ::error file=…,line=…,col=…,title=NAME::what is wrong; what to do
 *   JSON    {"level", "file", "line", "column", "name", "text"}; null where a
 *           finding has no place
 *
 * One finding is one line of text or one annotation, whatever it quotes.
 */
struct findings_style {
	bool github;
	bool colour;
	bool excerpt; /* the line of the file, and a marker */
};

void findings_print(
    const struct diag *diag, const struct findings_style *style, FILE *out);
/* An array of tables, in the same order. */
struct value *findings_value(struct arena *a, const struct diag *diag);

#endif
