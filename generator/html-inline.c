#include "generator/html-inline.h"

struct seeing {
	const struct html_tag *tag;
	void (*found)(void *ctx, const struct html_inline *what);
	void *ctx;
};

/* MIME Sniffing 4.6, and HTML 4.12.1.1; in their usual order. */
bool html_is_code(struct str type)
{
	static const char *const code[] = {"", "module", "text/javascript",
	    "application/javascript", "application/ecmascript",
	    "application/x-ecmascript", "application/x-javascript",
	    "text/ecmascript", "text/javascript1.0", "text/javascript1.1",
	    "text/javascript1.2", "text/javascript1.3", "text/javascript1.4",
	    "text/javascript1.5", "text/jscript", "text/livescript",
	    "text/x-ecmascript", "text/x-javascript"};

	for (size_t i = 0; i < sizeof(code) / sizeof(*code); i++)
		if (str_ieq(type, str_of(code[i])))
			return true;
	return false;
}

static bool is_blank(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!html_is_space(text.p[i]))
			return false;
	return true;
}

/* From one byte of the page to another one behind it. */
static struct str between(const char *from, const char *to)
{
	return (struct str){.p = from, .n = (size_t)(to - from)};
}

static void tell(const struct seeing *s, struct html_inline what)
{
	s->found(s->ctx, &what);
}

/* The tag and the first line of what is in it that is not blank. */
static struct str beginning(const struct html_tag *tag, struct str text)
{
	size_t at = 0;

	while (at < text.n && html_is_space(text.p[at]))
		at++;
	return between(tag->start, text.p + str_find(text, '\n', at));
}

/* Without the query and what follows. */
static struct str path_of(struct str url)
{
	url = html_trimmed(url);
	url = str_slice(url, 0, str_find(url, '?', 0));
	return str_slice(url, 0, str_find(url, '#', 0));
}

static void see_script(const struct seeing *s, struct str text)
{
	const struct html_tag *tag = s->tag;
	struct str type = html_trimmed(html_value(tag, HTML_TYPE));
	/* those of SVG are named by these */
	bool named = html_has(tag, HTML_SRC) || html_has(tag, HTML_HREF) ||
		     html_has(tag, HTML_XLINK_HREF);
	struct str src = html_value(tag, HTML_SRC);

	if (!html_is_code(type))
		return;
	if (!named && !is_blank(text))
		tell(s, (struct html_inline){.kind = HTML_INLINE_SCRIPT,
			    .text = beginning(tag, text),
			    .tag = between(tag->start, text.p)});
	if (str_ends(path_of(src), ".mjs") && !str_ieq(type, STR("module")))
		tell(s, (struct html_inline){
			    .kind = HTML_UNTYPED_MODULE, .text = src});
}

static void see_styles(const struct seeing *s, struct str text)
{
	const struct html_tag *tag = s->tag;
	struct str rules = html_value(tag, HTML_STYLE);
	struct str type = html_value(tag, HTML_TYPE);

	if (tag->element == HTML_STYLE_ELEMENT && !is_blank(text) &&
	    (!type.n || str_ieq(type, STR("text/css"))))
		tell(s, (struct html_inline){.kind = HTML_INLINE_STYLE,
			    .text = beginning(tag, text),
			    .tag = between(tag->start, text.p)});
	if (!is_blank(rules))
		tell(s, (struct html_inline){
			    .kind = HTML_INLINE_RULES, .text = rules});
}

void html_see_inline(const struct html_tag *tag, struct str text,
    struct html_place place,
    void (*found)(void *ctx, const struct html_inline *what), void *ctx)
{
	const struct seeing s = {.tag = tag, .found = found, .ctx = ctx};
	const struct html_handler *handler = &tag->handler;

	if (place.in_template)
		return;
	see_styles(&s, text);
	if (place.in_noscript)
		return;
	if (tag->element == HTML_SCRIPT)
		see_script(&s, text);
	if (handler->name.n)
		tell(&s, (struct html_inline){.kind = HTML_INLINE_HANDLER,
			     .text = between(handler->name.p,
				 handler->value.p + handler->value.n),
			     .name = handler->name});
}
