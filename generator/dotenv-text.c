#include "generator/dotenv.h"

#include "lib/utf8.h"

/* White space as browsers trim it (ECMA-262 WhiteSpace), beyond ASCII. */
static bool is_wide_space(struct str c)
{
	static const char *const spaces[] = {"\u00a0", "\u1680", "\u2000",
	    "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
	    "\u2007", "\u2008", "\u2009", "\u200a", "\u202f", "\u205f",
	    "\u3000", "\ufeff"};

	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
		if (str_is(c, spaces[i]))
			return true;
	return false;
}

/* NEL and the two separators; the others are control characters. */
static bool is_wide_break(struct str c)
{
	return str_is(c, "\xc2\x85") || str_is(c, "\u2028") ||
	       str_is(c, "\u2029");
}

static const char *wrong_with_char(struct str c)
{
	unsigned char first = (unsigned char)c.p[0];

	if (is_wide_break(c) || (first >= '\n' && first <= '\r'))
		return "a line break";
	if ((first < 0x20 && first != '\t') || first == 0x7f)
		return "a control character";
	return NULL;
}

const char *dotenv_wrong_with_line(struct str text)
{
	for (size_t at = 0, n; at < text.n; at += n) {
		n = utf8_char(text, at);
		if (!n)
			return "bytes that are not UTF-8";
		const char *wrong =
		    wrong_with_char(str_slice(text, at, at + n));
		if (wrong)
			return wrong;
	}
	return NULL;
}

static bool is_space(struct str c)
{
	return str_is(c, " ") || str_is(c, "\t") || is_wide_space(c);
}

const char *dotenv_wrong_with_value(struct str text)
{
	const char *wrong = dotenv_wrong_with_line(text);
	size_t last = text.n ? text.n - 1 : 0;

	if (wrong || !text.n)
		return wrong;
	while (last && ((unsigned char)text.p[last] & 0xc0) == 0x80)
		last--;
	if (is_space(str_slice(text, 0, utf8_char(text, 0))) ||
	    is_space(str_slice(text, last, text.n)))
		return "white space at an edge";
	return NULL;
}
