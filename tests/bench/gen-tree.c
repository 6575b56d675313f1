#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"

/*
 * A site folder to measure the generator with:
 *
 *	gen-tree DIR FILES SEED
 *
 * FILES files of about 9 KB each (2,000: 18 MB, 20,000: 182 MB), 3 % of them
 * about 100 KB: 56 % pages, 18 % scripts, 14 % JSON, 6 % TOML, 6 % style
 * sheets, and besides them site.toml and PICTURES pictures. The same arguments
 * give the same bytes on every machine: whole numbers only, no clock, no
 * locale. Prints what it wrote, a line a kind.
 *
 *	site.toml
 *	pages/sNNN/pNNNNN.html      links to each other, to style sheets and
 *	                            pictures (src and srcset); half of them have
 *	                            module scripts
 *	assets/css/cNNNNN.css       some with url(), the first imports the
 *second assets/js/jNNNNN.js         the first SHARED are imported by the others
 *	assets/img/NN.png           bytes that do not compress
 *	static/data/dNNNNN.json  static/config/tNNNNN.toml
 *
 * Words come from one vocabulary, common ones often, so that text compresses
 * about as well as what people write.
 */
#define SMALL 800   /* bytes of the smallest file, about */
#define SPREAD 5190 /* … and this times 0 … 4, seldom the upper end */
#define BIG 100000
#define WORDS 4096
#define SHARED 8
#define PICTURES 12
#define FILES_MAX 1000000

struct tree {
	const char *dir;
	uint64_t seed;
	struct buf text; /* of the file under way */
	char words[WORDS][16];
	size_t n[5]; /* files of each kind, known beforehand */
};

/* --- numbers and words ------------------------------------------------- */

/* splitmix64 */
static uint64_t draw(struct tree *t)
{
	uint64_t z = (t->seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static size_t below(struct tree *t, size_t n)
{
	return n ? (size_t)((draw(t) >> 16) % n) : 0;
}

/* Below n, the smaller the likelier. */
static size_t skewed(struct tree *t, size_t n)
{
	uint64_t z = draw(t);
	uint64_t product = (z & 0xffff) * (z >> 16 & 0xffff) >> 16;

	product = product * (z >> 32 & 0xffff) >> 16;
	return (size_t)(product * n >> 16);
}

static const char *word(struct tree *t)
{
	return t->words[skewed(t, WORDS)];
}

static void make_words(struct tree *t)
{
	static const char *const syllables[] = {"ra", "ti", "on", "er", "ma",
	    "le", "si", "ter", "pro", "con", "ver", "in", "ta", "re", "li",
	    "ment", "so", "na", "de", "port", "al", "co", "un", "est", "vi",
	    "ge", "tor", "pa", "ne", "du", "form", "ing"};

	for (size_t i = 0; i < WORDS; i++) {
		size_t n = 1 + below(t, 2) + (i > 64);
		for (size_t at = 0; n > 0; n--)
			at += (size_t)snprintf(t->words[i] + at,
			    sizeof(t->words[i]) - at, "%s",
			    syllables[below(t, 32)]);
	}
}

/*
 * A text in which ~ stands for a word and ^N^ for a number below N. They are
 * drawn from left to right; arguments of a function would be in any order.
 */
static void say(struct tree *t, const char *text)
{
	for (; *text; text++) {
		char *end;
		if (*text == '~')
			buf_puts(&t->text, word(t));
		else if (*text != '^')
			buf_putc(&t->text, *text);
		else {
			size_t n = strtoul(text + 1, &end, 10);
			buf_put_int(&t->text, (int64_t)below(t, n));
			text = end;
		}
	}
}

static void repeat(struct tree *t, size_t n, const char *text)
{
	while (n-- > 0)
		say(t, text);
}

/* --- the kinds of files ------------------------------------------------ */

enum kind { HTML, JS, JSON, TOML, CSS };

static void page_link(struct tree *t)
{
	size_t other = below(t, t->n[HTML]);

	buf_printf(
	    &t->text, "<a href=\"/s%03zu/p%05zu.html\">", other / 40, other);
	say(t, "~ ~</a>");
}

static void picture(struct tree *t)
{
	size_t one = below(t, PICTURES), two = below(t, PICTURES);

	buf_printf(&t->text,
	    "\t\t<figure><img src=\"/assets/img/%02zu.png\" srcset=\""
	    "/assets/img/%02zu.png 1x, /assets/img/%02zu.png 2x\"",
	    one, one, two);
	say(t, " width=\"320\" height=\"1^100^\" alt=\"~ ~\"></figure>\n");
}

static void html_head(struct tree *t, size_t i)
{
	say(t, "<!doctype html>\n<html lang=\"en\">\n<head>\n"
	       "\t<meta charset=\"utf-8\">\n\t<meta name=\"viewport\" "
	       "content=\"width=device-width, initial-scale=1\">\n"
	       "\t<title>~ ~</title>\n"
	       "\t<link rel=\"stylesheet\" href=\"/assets/css/c00000.css\">\n");
	if (t->n[CSS] > 1)
		buf_printf(&t->text,
		    "\t<link rel=\"stylesheet\" "
		    "href=\"/assets/css/c%05zu.css\">\n",
		    below(t, t->n[CSS]));
	if (i % 2 == 0 && t->n[JS])
		buf_printf(&t->text,
		    "\t<script type=\"module\" "
		    "src=\"/assets/js/j%05zu.js\"></script>\n",
		    below(t, t->n[JS]));
	say(t, "</head>\n<body>\n\t<header><nav>\n");
	for (size_t n = 0; n < 6; n++) {
		say(t, "\t\t");
		page_link(t);
		say(t, "\n");
	}
	say(t, "\t</nav></header>\n\t<main>\n");
}

static void make_html(struct tree *t, size_t i, size_t size)
{
	html_head(t, i);
	while (t->text.len < size) {
		size_t what = below(t, 16);
		if (what == 0) {
			picture(t);
			continue;
		}
		if (what < 3)
			say(t, "\t\t<h2 id=\"~-^1000^\">~ ~</h2>\n");
		say(t, "\t\t<p class=\"text\">");
		for (size_t n = 1 + below(t, 4); n > 0; n--) {
			repeat(t, 5 + below(t, 14), "~ ");
			say(t, "~. ");
			if (below(t, 4) == 0)
				page_link(t);
		}
		say(t, "</p>\n");
	}
	say(t, "\t</main>\n\t<footer><p>Made to be measured, from one "
	       "seed.</p></footer>\n</body>\n</html>\n");
}

static void make_js(struct tree *t, size_t i, size_t size)
{
	size_t imports = i < SHARED ? i / 4 : 1 + below(t, 3);

	for (size_t n = 0; n < imports; n++)
		buf_printf(&t->text, "import * as m%zu from './j%05zu.js';\n",
		    n, below(t, i < SHARED ? i : SHARED));
	while (t->text.len < size) {
		const char *a = word(t);
		say(t, "\n/* ~ ~ ~ ~ ~ */\n");
		buf_printf(&t->text, "export function %s_%zu(", a, t->text.len);
		say(t, "~, options = {}) {\n\tconst list = [];\n");
		repeat(t, 2 + below(t, 6),
		    "\tif (options.~ > ^900^ && options.~)\n"
		    "\t\tlist.push({~: options.~.~, at: '~ ~'});\n");
		say(t, "\treturn list;\n}\n");
	}
}

static void make_json(struct tree *t, size_t i, size_t size)
{
	buf_printf(&t->text, "{\n\t\"set\": %zu,\n\t\"items\": [\n", i);
	for (bool first = true; t->text.len < size; first = false) {
		buf_printf(&t->text, "%s\t\t{\"id\": \"%016llx\", ",
		    first ? "" : ",\n", (unsigned long long)draw(t));
		say(t, "\"name\": \"~ ~\", \"amount\": ^10000^.1^10^, "
		       "\"open\": ^2^, \"tags\": [\"~\", \"~\"], "
		       "\"at\": \"2026-11-1^10^T1^10^:2^10^:00Z\"}");
	}
	say(t, "\n\t]\n}\n");
}

static void make_toml(struct tree *t, size_t i, size_t size)
{
	buf_printf(&t->text, "set = %zu\n", i);
	for (size_t n = 0; t->text.len < size; n++) {
		buf_printf(&t->text, "\n[r%zu]\n", n);
		say(t, "name = \"~ ~ ~\"\nlimit = ^5000^\nrate = \"1^30^/m\"\n"
		       "kinds = [\"~\", \"~\"]\n");
	}
}

static void make_css(struct tree *t, size_t i, size_t size)
{
	if (i == 0 && t->n[CSS] > 1)
		say(t, "@import url(\"c00001.css\");\n");
	while (t->text.len < size) {
		say(t, ".~-^500^ > .~:hover,\n#~ .~ {\n\tcolor: ");
		buf_printf(&t->text, "#%06zx;\n", below(t, 0x1000000));
		say(t, "\tmargin: ^48^px ^48^px;\n"
		       "\tfont: 1^90^% / 1.4 var(--~);\n");
		if (below(t, 24) == 0)
			buf_printf(&t->text,
			    "\tbackground: url(../img/%02zu.png) no-repeat;\n",
			    below(t, PICTURES));
		say(t, "}\n");
	}
}

/* Of every 50 files. `per` is how many of the kind have a folder together. */
static const struct {
	const char *name, *folder, *ending;
	char letter;
	size_t share;
	void (*make)(struct tree *t, size_t i, size_t size);
} kinds[] = {
    [HTML] = {"pages", "pages", "html", 'p', 28, make_html},
    [JS] = {"scripts", "assets/js", "js", 'j', 9, make_js},
    [JSON] = {"json", "static/data", "json", 'd', 7, make_json},
    [TOML] = {"toml", "static/config", "toml", 't', 3, make_toml},
    [CSS] = {"style sheets", "assets/css", "css", 'c', 3, make_css},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static enum kind kind_of(size_t i)
{
	size_t at = i % 50, k = 0;

	while (at >= kinds[k].share)
		at -= kinds[k++].share;
	return (enum kind)k;
}

/* --- files --------------------------------------------------------------- */

static void fail(const char *path)
{
	fprintf(stderr, "gen-tree: %s: %s\n", path, strerror(errno));
	exit(74);
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		fail(path);
}

static void write_file(struct tree *t, const char *rel)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", t->dir, rel);
	for (char *p = path + strlen(t->dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		make_folder(path);
		*p = '/';
	}
	FILE *f = fopen(path, "wbx");
	if (!f || fwrite(t->text.data, 1, t->text.len, f) != t->text.len)
		fail(path);
	if (fclose(f) != 0)
		fail(path);
	buf_clear(&t->text);
}

static size_t size_of(struct tree *t, size_t i)
{
	uint64_t z = draw(t);
	size_t product =
	    (size_t)((z & 0xffff) * (z >> 16 & 0xffff) * SPREAD * 4 >> 32);

	if (i % 100 == 7 || i % 100 == 33 || i % 100 == 91)
		return BIG - 10000 + below(t, 20000);
	return SMALL + product;
}

static void make_rest(struct tree *t)
{
	char rel[64];

	for (size_t i = 0; i < PICTURES; i++) {
		buf_put(&t->text, "\x89PNG\r\n\x1a\n", 8);
		for (size_t n = 500 + below(t, 1500); n > 0; n--)
			buf_put_u64(&t->text, draw(t));
		snprintf(rel, sizeof(rel), "assets/img/%02zu.png", i);
		write_file(t, rel);
	}
	buf_puts(&t->text, "# Made by tests/bench/gen-tree.\n"
			   "name = \"tree\"\n"
			   "base_url = \"https://tree.example\"\n");
	write_file(t, "site.toml");
}

static void make_tree(struct tree *t, size_t files)
{
	size_t made[KINDS] = {0}, bytes[KINDS] = {0}, all = 0;
	char rel[64], section[8];

	for (size_t i = 0; i < files; i++)
		t->n[kind_of(i)]++;
	for (size_t i = 0; i < files; i++) {
		enum kind k = kind_of(i);
		size_t nth = made[k]++;
		kinds[k].make(t, nth, size_of(t, i));
		bytes[k] += t->text.len;
		snprintf(section, sizeof(section), "/s%03zu", nth / 40 % 1000);
		snprintf(rel, sizeof(rel), "%s%s/%c%05zu.%s", kinds[k].folder,
		    k == HTML ? section : "", kinds[k].letter, nth,
		    kinds[k].ending);
		write_file(t, rel);
	}
	make_rest(t);
	for (size_t k = 0; k < KINDS; k++) {
		printf("%-12s %6zu files %10zu bytes\n", kinds[k].name, made[k],
		    bytes[k]);
		all += bytes[k];
	}
	printf("%-12s %6zu files %10zu bytes\n", "all", files, all);
}

static bool whole(const char *text, unsigned long long max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end &&
	       *number <= max;
}

int main(int argc, char **argv)
{
	static struct tree t;
	uint64_t files;

	if (argc != 4 || !whole(argv[2], FILES_MAX, &files) ||
	    !whole(argv[3], UINT64_MAX, &t.seed)) {
		fprintf(stderr, "usage: gen-tree DIR FILES SEED\n");
		return 64;
	}
	t.dir = argv[1];
	make_folder(t.dir);
	make_words(&t);
	make_tree(&t, (size_t)files);
	buf_release(&t.text);
	return 0;
}
