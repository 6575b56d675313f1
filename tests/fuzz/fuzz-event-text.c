#include <string.h>

#include "cgi/event-text.h"
#include "lib/arena.h"
#include "tests/fuzz/fuzz.h"

/*
 * What a client says of the events that it wants (Last-Event-ID, Accept, the
 * view), and what anybody has written into a document: the input is each of
 * these. Whatever stands in a document, a reader that follows the standard is
 * given one event with all of it.
 */
const char *const fuzz_words[] = {"0", "9223372036854775807",
    "9223372036854775808", "text/event-stream", "text/*", "*/*", ";q=0",
    ";q=0.000", ", ", ";", "all", "command", "alert", "\n", "\r", "\r\n",
    "\n\n", "data: ", "id: ", "event: ", "retry: 1", ":", "{\"a\":\n1}",
    "\xe2\x80\xa8", NULL};

/* The standard's reader, as plainly as can be. */
struct reader {
	struct str id, name;
	size_t events, fields;
	struct buf data;
};

static void read_line(struct reader *r, struct str line)
{
	size_t colon = str_find(line, ':', 0);
	struct str field = str_slice(line, 0, colon);
	struct str value = str_slice(line, colon + 1, line.n);

	if (!line.n) {
		r->events += r->data.len > 0;
		return;
	}
	if (str_starts(value, " "))
		value = str_slice(value, 1, value.n);
	r->fields++;
	if (str_is(field, "id")) {
		r->id = value;
	} else if (str_is(field, "event")) {
		r->name = value;
	} else if (str_is(field, "data")) {
		buf_put_str(&r->data, value);
		buf_putc(&r->data, '\n');
	}
}

static void read_events(struct reader *r, struct str text)
{
	for (size_t at = 0; at < text.n;) {
		size_t end = at;
		while (text.p[end] != '\n' && text.p[end] != '\r')
			end++;
		read_line(r, str_slice(text, at, end));
		at = end + 1 +
		     (text.p[end] == '\r' && end + 1 < text.n &&
			 text.p[end + 1] == '\n');
	}
}

/* What ends a line has become a space, and nothing else has changed. */
static void must_be(struct str got, struct str put)
{
	fuzz_must(got.n == put.n);
	for (size_t i = 0; i < put.n; i++)
		fuzz_must(got.p[i] == put.p[i] ||
			  (got.p[i] == ' ' &&
			      (put.p[i] == '\n' || put.p[i] == '\r')));
}

static void write_event(struct str name, struct str document)
{
	struct buf out = {0};
	struct reader r = {0};

	event_put(&out, 17, name, document);
	fuzz_must(out.data[out.len - 1] == '\n');
	read_events(&r, buf_str(&out));
	fuzz_must(r.events == 1 && r.fields == 3);
	fuzz_must(str_is(r.id, "17"));
	must_be(r.name, name);
	must_be(str_slice(buf_str(&r.data), 0, r.data.len - 1), document);
	buf_release(&r.data);
	buf_release(&out);
}

static void read_id(struct str text)
{
	int64_t id = event_read_id(text);
	char digits[STR_INT_MAX];

	if (id < 0) {
		fuzz_must(id == -1);
		return;
	}
	while (text.n > 1 && text.p[0] == '0')
		text = str_slice(text, 1, text.n);
	fuzz_must(str_eq(text, (struct str){digits, str_int(digits, id)}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str input = {(const char *)data, n};
	const size_t line = str_find(input, '\n', 0);
	enum event_view view = EVENT_ALERT;

	read_id(input);
	if (event_read_view(input, &view))
		fuzz_must(view <= EVENT_ALERT);
	if (event_is_accepted(input) && str_trim(input).n)
		fuzz_must(memchr(data, '/', n));
	write_event(STR("job"), input);
	write_event(
	    str_slice(input, 0, line), str_slice(input, line + 1, input.n));
	return 0;
}
