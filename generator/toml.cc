/* The .so, not the headers: those abort on some invalid files (an assert). */
#define TOML_HEADER_ONLY 0
#define TOML_SHARED_LIB 1
#include <toml++/toml.h>

#include <cctype>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#include "generator/toml.h"
}

namespace
{

/*
 * The library recurses over what is nested and so does its destructor, so the
 * depth is bounded before it sees the text. Two things nest: brackets, and the
 * dots of one key. This looks at the text just closely enough to know strings
 * and comments from the rest; where the text is not TOML it may count wrongly,
 * but then the library stops there as well.
 */
class depth_scan
{
      public:
	explicit depth_scan(std::string_view text_) : text(text_)
	{
	}

	bool too_deep(pos &where)
	{
		while (at < text.size()) {
			if (!step()) {
				where.line = line;
				where.col =
				    static_cast<uint32_t>(at - line_start + 1);
				return true;
			}
		}
		return false;
	}

      private:
	std::string_view text;
	size_t at = 0, line_start = 0;
	uint32_t line = 1;
	unsigned brackets = 0, dots = 0;

	void newline()
	{
		line++;
		line_start = at + 1;
		dots = 0;
	}

	bool step()
	{
		switch (text[at]) {
		case '"':
		case '\'':
			string(text[at]);
			return true;
		case '#':
			while (at < text.size() && text[at] != '\n')
				at++;
			return true;
		case '\n':
			newline();
			break;
		case '[':
		case '{':
			dots = 0;
			if (++brackets > TOML_DEPTH_MAX)
				return false;
			break;
		case ']':
		case '}':
			brackets -= brackets > 0;
			dots = 0;
			break;
		case '=':
		case ',':
			dots = 0;
			break;
		case '.':
			if (++dots >= TOML_DEPTH_MAX)
				return false;
			break;
		default:
			break;
		}
		at++;
		return true;
	}

	/* Leaves `at` behind the closing quote, or at a line's end. */
	void string(char quote)
	{
		const std::string three(3, quote);
		const bool multi = text.substr(at, 3) == three;

		at += multi ? 3 : 1;
		while (at < text.size()) {
			if (text[at] == '\\' && quote == '"' &&
			    at + 1 < text.size() && text[at + 1] != '\n') {
				at += 2;
				continue;
			}
			if (text[at] == '\n') {
				if (!multi)
					return;
				newline();
			} else if (multi && text.substr(at, 3) == three) {
				at += 3;
				/* up to two quotes may stand before the end */
				while (at < text.size() && text[at] == quote)
					at++;
				return;
			} else if (!multi && text[at] == quote) {
				at++;
				return;
			}
			at++;
		}
	}
};

/* The text behind a region: the library counts columns in characters. */
class source
{
      public:
	explicit source(std::string_view text_) : text(text_)
	{
		starts.push_back(0);
		for (size_t i = 0; i < text.size(); i++)
			if (text[i] == '\n')
				starts.push_back(i + 1);
	}

	uint32_t too_long() const
	{
		for (size_t i = 0; i < starts.size(); i++)
			if (end_of(i) - starts[i] > TOML_LINE_MAX)
				return static_cast<uint32_t>(i + 1);
		return 0;
	}

	std::string_view region(const toml::source_region &r)
	{
		const size_t n = r.begin.line;
		if (n == 0 || n > starts.size() || r.end.line != n)
			return {};
		const std::string_view whole =
		    text.substr(starts[n - 1], end_of(n - 1) - starts[n - 1]);
		const size_t from = offset(whole, n, r.begin.column);
		const size_t to = offset(whole, n, r.end.column);
		return from < to ? whole.substr(from, to - from)
				 : std::string_view{};
	}

      private:
	std::string_view text;
	std::vector<size_t> starts;
	size_t known_line = 0;
	bool ascii = false;

	size_t end_of(size_t i) const
	{
		return i + 1 < starts.size() ? starts[i + 1] : text.size();
	}

	size_t offset(std::string_view whole, size_t n, uint32_t column)
	{
		if (known_line != n) {
			known_line = n;
			ascii = true;
			for (char c : whole)
				ascii = ascii && !(c & 0x80);
		}
		if (ascii)
			return std::min<size_t>(column - 1, whole.size());
		if (whole.size() > 4096)
			return 0; /* a walk per number would add up */
		size_t at = 0;
		while (at < whole.size() && --column)
			for (at++;
			     at < whole.size() && (whole[at] & 0xc0) == 0x80;)
				at++;
		return at;
	}
};

struct str view(std::string_view s)
{
	return {s.data(), s.size()};
}

class reader
{
      public:
	reader(struct arena *a_, std::string_view text, const char *file_,
	    struct diag *diag_)
	    : a(a_), src(text), file(file_), diag(diag_)
	{
	}

	enum err read(std::string_view text, struct value **out)
	{
		if (uint32_t line = src.too_long()) {
			diag_error(diag, place(line, 1), "toml-too-large",
			    "the line is longer than %zu bytes; break it up",
			    TOML_LINE_MAX);
			return ERR_TOO_LARGE;
		}
		struct pos where = place(1, 1);
		if (depth_scan(text).too_deep(where))
			return deep(where);
		const toml::table root = toml::parse(text, std::string_view{});
		*out = table(root, 0);
		return failed;
	}

      private:
	struct arena *a;
	source src;
	const char *file;
	struct diag *diag;
	enum err failed = ERR_OK;

	struct pos place(uint32_t line, uint32_t col) const
	{
		return {file, line, col};
	}
	struct pos place(const toml::source_region &r) const
	{
		return place(r.begin.line, r.begin.column);
	}

	enum err deep(struct pos where)
	{
		diag_error(diag, where, "toml-too-deep",
		    "nested deeper than %d levels; make it flatter",
		    TOML_DEPTH_MAX);
		return failed = ERR_TOO_LARGE;
	}

	struct value *table(const toml::table &t, int depth)
	{
		struct value *v = value_new(a, VALUE_TABLE, place(t.source()));
		if (depth >= TOML_DEPTH_MAX) {
			if (failed == ERR_OK)
				deep(place(t.source()));
			return v;
		}
		for (auto &&[key, node] : t)
			value_set(a, v, arena_str(a, view(key.str())),
			    place(key.source()), any(node, depth + 1));
		return v;
	}

	struct value *array(const toml::array &items, int depth)
	{
		struct value *v =
		    value_new(a, VALUE_ARRAY, place(items.source()));
		if (depth >= TOML_DEPTH_MAX) {
			if (failed == ERR_OK)
				deep(place(items.source()));
			return v;
		}
		for (auto &&node : items)
			value_push(a, v, any(node, depth + 1));
		return v;
	}

	struct value *any(const toml::node &n, int depth)
	{
		const struct pos at = place(n.source());

		if (auto *t = n.as_table())
			return table(*t, depth);
		if (auto *items = n.as_array())
			return array(*items, depth);
		if (auto *s = n.as_string())
			return value_string(
			    a, arena_str(a, view(s->get())), at);
		if (auto *b = n.as_boolean())
			return value_bool(a, b->get(), at);
		if (auto *i = n.as_integer())
			return spelled(value_int(a, i->get(), at), n);
		if (auto *f = n.as_floating_point())
			return spelled(value_float(a, f->get(), at), n);
		struct value *v = value_new(a, VALUE_DATETIME, at);
		v->text = when(n);
		return v;
	}

	/*
	 * A number keeps its source's spelling where that is a JSON number
	 * too: without `_` and a leading `+`. 0xff, inf and nan keep none.
	 */
	struct value *spelled(struct value *v, const toml::node &n)
	{
		std::string text;
		for (char c : src.region(n.source()))
			if (c != '_')
				text += c;
		if (!text.empty() && text[0] == '+')
			text.erase(0, 1);
		const size_t digit = !text.empty() && text[0] == '-';
		if (text.size() > digit + 1 && text[digit] == '0' &&
		    text[digit + 1] != '.' && text[digit + 1] != 'e' &&
		    text[digit + 1] != 'E')
			return v;
		for (char c : text)
			if (!strchr("0123456789+-.eE", c))
				return v;
		if (!text.empty())
			v->text = arena_str(a, view(text));
		return v;
	}

	/* RFC 3339: a capital T and Z, no zeros at a fraction's end. */
	struct str when(const toml::node &n)
	{
		if (auto *d = n.as_date())
			return date(d->get());
		if (auto *t = n.as_time())
			return time(t->get());
		const toml::date_time dt = n.as_date_time()->get();
		const struct str d = date(dt.date), t = time(dt.time);
		const int off = dt.offset ? dt.offset->minutes : 0;
		const int far = off < 0 ? -off : off;
		char zone[16] = "";
		if (dt.offset && off == 0)
			snprintf(zone, sizeof(zone), "Z");
		else if (dt.offset)
			snprintf(zone, sizeof(zone), "%c%02d:%02d",
			    off < 0 ? '-' : '+', far / 60, far % 60);
		return arena_printf(
		    a, "%.*sT%.*s%s", STR_ARG(d), STR_ARG(t), zone);
	}

	struct str date(const toml::date &d)
	{
		return arena_printf(
		    a, "%04d-%02d-%02d", d.year, d.month, d.day);
	}

	struct str time(const toml::time &t)
	{
		char fraction[16] = "";
		if (t.nanosecond)
			snprintf(
			    fraction, sizeof(fraction), ".%09u", t.nanosecond);
		for (size_t n = strlen(fraction); n && fraction[n - 1] == '0';)
			fraction[--n] = '\0';
		return arena_printf(a, "%02d:%02d:%02d%s", t.hour, t.minute,
		    t.second, fraction);
	}
};

/* "Error while parsing key-value pair: cannot …" → "cannot …" */
std::string plain(std::string_view said)
{
	const std::string_view lead = "Error while parsing ";
	const size_t colon = said.find(": ");
	if (said.substr(0, lead.size()) == lead && colon != said.npos)
		said.remove_prefix(colon + 2);
	std::string text(said);
	if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z')
		text[0] = static_cast<char>(tolower(text[0]));
	return text;
}

/*
 * A quote that was forgotten is the commonest mistake there is, and the parser
 * calls what it meets then, the end of the line, a control character.
 */
bool is_open_string(const toml::parse_error &e, struct str text, struct pos at)
{
	size_t from = 0;

	if (e.description().find("control characters") ==
	    std::string_view::npos)
		return false;
	for (uint32_t line = 1; line < at.line && from < text.n; line++)
		from = str_find(text, '\n', from) + 1;
	return from + at.col > str_find(text, '\n', from);
}

} // namespace

extern "C" enum err toml_read(struct arena *a, struct str text,
    const char *file, struct diag *diag, struct value **out)
{
	struct pos at = {file, 0, 0};

	*out = nullptr;
	if (text.n > TOML_MAX) {
		diag_error(diag, at, "toml-too-large",
		    "larger than %zu bytes; split it", TOML_MAX);
		return ERR_TOO_LARGE;
	}
	try {
		std::string_view body(text.n ? text.p : "", text.n);
		if (body.substr(0, 3) == "\xef\xbb\xbf")
			body.remove_prefix(3);
		return reader(a, body, file, diag).read(body, out);
	} catch (const toml::parse_error &e) {
		at.line = e.source().begin.line;
		at.col = e.source().begin.column;
		diag_error(diag, at, "toml-syntax",
		    "%s; correct it, later errors of this file show then",
		    is_open_string(e, text, at)
			? "the string does not end on its line"
			: plain(e.description()).c_str());
		return ERR_SYNTAX;
	} catch (const std::exception &e) {
		diag_error(diag, at, "toml-syntax", "%s", e.what());
		return ERR_SYNTAX;
	} catch (...) {
		diag_error(diag, at, "toml-syntax", "it cannot be read");
		return ERR_SYNTAX;
	}
}
