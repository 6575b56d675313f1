#include "generator/html-scan.h"

#include <string.h>

/*
 * Most bytes of a page are never looked at one by one: text is skipped to the
 * next `<`, a value to its quote. Names are compared only with those of their
 * own length.
 */
struct word {
	struct str name;
	int id;
};
#define WORD(name, id)                                                         \
	{                                                                      \
		STR_INIT(name), id                                             \
	}
static const struct word elements[] = {
    WORD("base", HTML_BASE),
    WORD("link", HTML_LINK),
    WORD("meta", HTML_META),
    WORD("noscript", HTML_NOSCRIPT),
    WORD("template", HTML_TEMPLATE),
    WORD("plaintext", HTML_PLAINTEXT),
    WORD("script", HTML_SCRIPT),
    WORD("style", HTML_STYLE_ELEMENT),
    WORD("textarea", HTML_RAW),
    WORD("title", HTML_RAW),
    WORD("xmp", HTML_RAW),
    WORD("iframe", HTML_RAW),
    WORD("noembed", HTML_RAW),
    WORD("noframes", HTML_RAW),
};
static const struct word attrs[] = {
    WORD("href", HTML_HREF),
    WORD("src", HTML_SRC),
    WORD("poster", HTML_POSTER),
    WORD("xlink:href", HTML_XLINK_HREF),
    WORD("data", HTML_DATA),
    WORD("srcset", HTML_SRCSET),
    WORD("imagesrcset", HTML_IMAGESRCSET),
    WORD("style", HTML_STYLE),
    WORD("type", HTML_TYPE),
    WORD("rel", HTML_REL),
    WORD("content", HTML_CONTENT),
    WORD("property", HTML_PROPERTY),
    WORD("name", HTML_NAME),
    WORD("integrity", HTML_INTEGRITY),
};

/* Events of HTML 8.1.8.2, UI and Pointer Events, CSS, without their "on". */
static const char *const events[] = {
    "abort",
    "afterprint",
    "animationcancel",
    "animationend",
    "animationiteration",
    "animationstart",
    "auxclick",
    "beforeinput",
    "beforematch",
    "beforeprint",
    "beforetoggle",
    "beforeunload",
    "blur",
    "cancel",
    "canplay",
    "canplaythrough",
    "change",
    "click",
    "close",
    "command",
    "contextlost",
    "contextmenu",
    "contextrestored",
    "copy",
    "cuechange",
    "cut",
    "dblclick",
    "drag",
    "dragend",
    "dragenter",
    "dragleave",
    "dragover",
    "dragstart",
    "drop",
    "durationchange",
    "emptied",
    "ended",
    "error",
    "focus",
    "formdata",
    "gotpointercapture",
    "hashchange",
    "input",
    "invalid",
    "keydown",
    "keypress",
    "keyup",
    "languagechange",
    "load",
    "loadeddata",
    "loadedmetadata",
    "loadstart",
    "lostpointercapture",
    "message",
    "messageerror",
    "mousedown",
    "mouseenter",
    "mouseleave",
    "mousemove",
    "mouseout",
    "mouseover",
    "mouseup",
    "offline",
    "online",
    "pagehide",
    "pageshow",
    "paste",
    "pause",
    "play",
    "playing",
    "pointercancel",
    "pointerdown",
    "pointerenter",
    "pointerleave",
    "pointermove",
    "pointerout",
    "pointerover",
    "pointerup",
    "popstate",
    "progress",
    "ratechange",
    "rejectionhandled",
    "reset",
    "resize",
    "scroll",
    "scrollend",
    "securitypolicyviolation",
    "seeked",
    "seeking",
    "select",
    "selectionchange",
    "selectstart",
    "slotchange",
    "stalled",
    "storage",
    "submit",
    "suspend",
    "timeupdate",
    "toggle",
    "touchcancel",
    "touchend",
    "touchmove",
    "touchstart",
    "transitioncancel",
    "transitionend",
    "transitionrun",
    "transitionstart",
    "unhandledrejection",
    "unload",
    "volumechange",
    "waiting",
    "wheel",
};

/* The id of a name, -1 for one that nobody asks for. */
static int look_up(const struct word *words, size_t n, struct str name)
{
	if (!name.n)
		return -1;
	char first = (char)(name.p[0] | 0x20);

	for (size_t i = 0; i < n; i++)
		if (words[i].name.n == name.n && words[i].name.p[0] == first &&
		    str_ieq(words[i].name, name))
			return words[i].id;
	return -1;
}

/* What ends a name or a value without quotes. */
enum { SPACE = 1, END = 2, SLASH = 4, EQUALS = 8 };
static const unsigned char kinds[256] = {
    [' '] = SPACE,
    ['\t'] = SPACE,
    ['\n'] = SPACE,
    ['\r'] = SPACE,
    ['\f'] = SPACE,
    ['>'] = END,
    ['/'] = SLASH,
    ['='] = EQUALS,
};

static unsigned kind(const struct html_scan *s, size_t at)
{
	return kinds[(unsigned char)s->html.p[at]];
}

/* From `at` to the first byte of these kinds, or the end of the page. */
static size_t find_kind(const struct html_scan *s, size_t at, unsigned wanted)
{
	while (at < s->html.n && !(kind(s, at) & wanted))
		at++;
	return at;
}

static size_t skip_kind(const struct html_scan *s, size_t at, unsigned unwanted)
{
	while (at < s->html.n && (kind(s, at) & unwanted))
		at++;
	return at;
}

static bool is_letter(char c)
{
	return (unsigned)(c | 0x20) - 'a' < 26u;
}

/* The character `ahead` of where we are; NUL behind the end. */
static char peek(const struct html_scan *s, size_t ahead)
{
	return ahead < s->html.n - s->at ? s->html.p[s->at + ahead] : '\0';
}

/* Just behind the next `what`, or the end. */
static size_t behind(const struct html_scan *s, const char *what, size_t from)
{
	size_t n = strlen(what);
	if (from >= s->html.n)
		return s->html.n;
	const char *hit = memmem(s->html.p + from, s->html.n - from, what, n);
	return hit ? (size_t)(hit - s->html.p) + n : s->html.n;
}

static bool is_handler(struct str name)
{
	if (name.n < 4 || !str_ieq(str_slice(name, 0, 2), STR("on")))
		return false;
	name = str_slice(name, 2, name.n);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (str_ieq(name, str_of(events[i])))
			return true;
	return false;
}

static void note(struct html_tag *tag, struct str name, struct str value)
{
	if (!tag->handler.name.n && is_handler(name) && html_trimmed(value).n)
		tag->handler = (struct html_handler){name, value};
	int id = look_up(attrs, sizeof(attrs) / sizeof(attrs[0]), name);

	if (id < 0)
		return;
	for (size_t i = 0; i < tag->n; i++)
		if ((int)tag->attrs[i].attr == id)
			return;
	tag->attrs[tag->n].attr = (enum html_attr)id;
	tag->attrs[tag->n++].value = value;
}

/* At the first character of a value; returns what is behind it. */
static size_t read_value(
    const struct html_scan *s, size_t at, struct str *value)
{
	char quote = at < s->html.n ? s->html.p[at] : '\0';

	if (quote == '"' || quote == '\'') {
		size_t end = str_find(s->html, quote, at + 1);
		*value = str_slice(s->html, at + 1, end);
		return end + (end < s->html.n);
	}
	size_t end = find_kind(s, at, SPACE | END);
	*value = str_slice(s->html, at, end);
	return end;
}

/* Behind a tag's name: its attributes, to its `>`. False: it never ends. */
static bool read_attrs(struct html_scan *s, struct html_tag *tag)
{
	size_t at = s->at;

	tag->n = 0;
	tag->handler = (struct html_handler){0};
	for (;;) {
		struct str name, value = {0};
		at = skip_kind(s, at, SPACE | SLASH);
		if (at >= s->html.n)
			return false;
		if (s->html.p[at] == '>')
			break;
		/* a `=` as its first character belongs to the name */
		size_t end = find_kind(s, at + 1, SPACE | SLASH | END | EQUALS);
		name = str_slice(s->html, at, end);
		at = skip_kind(s, end, SPACE);
		if (at < s->html.n && s->html.p[at] == '=')
			at = read_value(s, skip_kind(s, at + 1, SPACE), &value);
		note(tag, name, value);
	}
	s->at = at + 1;
	return true;
}

static bool read_tag(struct html_scan *s, struct html_tag *tag)
{
	tag->start = s->html.p + s->at;
	tag->closes = peek(s, 1) == '/';
	size_t from = s->at + (tag->closes ? 2 : 1);
	s->at = find_kind(s, from, SPACE | SLASH | END);
	tag->name = str_slice(s->html, from, s->at);
	int id = look_up(
	    elements, sizeof(elements) / sizeof(elements[0]), tag->name);
	tag->element = id < 0 ? HTML_OTHER : (enum html_element)id;
	if (read_attrs(s, tag))
		return true;
	s->at = s->html.n;
	return false;
}

/* <!-- -->, and <!--> and <!---> which are whole comments too. */
static void skip_comment(struct html_scan *s)
{
	struct str rest = str_slice(s->html, s->at, s->html.n);

	if (str_starts(rest, "<!-->")) {
		s->at += 5;
		return;
	}
	if (str_starts(rest, "<!--->")) {
		s->at += 6;
		return;
	}
	for (s->at += 4; s->at < s->html.n; s->at--) { /* dashes may overlap */
		s->at = behind(s, "--", s->at);
		rest = str_slice(s->html, s->at, s->html.n);
		if (!rest.n || str_starts(rest, ">") || str_starts(rest, "!>"))
			break;
	}
	s->at = behind(s, ">", s->at);
}

bool html_next_tag(struct html_scan *s, struct html_tag *tag)
{
	while ((s->at = str_find(s->html, '<', s->at)) < s->html.n) {
		char next = peek(s, 1);
		if (is_letter(next) || (next == '/' && is_letter(peek(s, 2))))
			return read_tag(s, tag);
		if (next == '!' && peek(s, 2) == '-' && peek(s, 3) == '-')
			skip_comment(s);
		else if (next == '!' || next == '?' || next == '/')
			s->at = behind(s, ">", s->at);
		else
			s->at++;
	}
	return false;
}

bool html_raw_text(
    struct html_scan *s, const struct html_tag *tag, struct str *text)
{
	size_t from = s->at, n = tag->name.n;

	if (tag->element == HTML_PLAINTEXT)
		s->at = s->html.n;
	if (tag->element < HTML_SCRIPT)
		return false;
	for (;;) {
		size_t end = behind(s, "</", s->at);
		struct str name = str_slice(s->html, end, end + n);
		s->at = end;
		if (end == s->html.n && name.n == 0)
			break;
		if (str_ieq(name, tag->name) && end + n < s->html.n &&
		    (kind(s, end + n) & (SPACE | SLASH | END))) {
			s->at = end - 2;
			break;
		}
	}
	*text = str_slice(s->html, from, s->at);
	return true;
}

bool html_has(const struct html_tag *tag, enum html_attr attr)
{
	for (size_t i = 0; i < tag->n; i++)
		if (tag->attrs[i].attr == attr)
			return true;
	return false;
}

struct str html_value(const struct html_tag *tag, enum html_attr attr)
{
	for (size_t i = 0; i < tag->n; i++)
		if (tag->attrs[i].attr == attr)
			return tag->attrs[i].value;
	return (struct str){0};
}

struct str html_trimmed(struct str value)
{
	while (value.n && html_is_space(value.p[0]))
		value = str_slice(value, 1, value.n);
	while (value.n && html_is_space(value.p[value.n - 1]))
		value.n--;
	return value;
}
