#include "cgi/event-text.h"

#include <string.h>

#include "lib/config.h"

/* ---- writing ------------------------------------------------------------- */

/* What would end the line becomes a space. */
static void put_line(struct buf *out, const char *field, struct str value)
{
	buf_puts(out, field);
	size_t at = out->len;
	buf_put_str(out, value);
	for (char *c; (c = memchr(out->data + at, '\n', out->len - at));)
		*c = ' ';
	for (char *c; (c = memchr(out->data + at, '\r', out->len - at));)
		*c = ' ';
	buf_putc(out, '\n');
}

static void put_id(struct buf *out, int64_t version)
{
	buf_puts(out, "id: ");
	buf_put_int(out, version);
	buf_putc(out, '\n');
}

void event_put_retry(struct buf *out)
{
	buf_puts(out, "retry: ");
	buf_put_int(out, EVENT_RETRY_MS);
	buf_puts(out, "\n\n");
}

void event_put(
    struct buf *out, int64_t version, struct str name, struct str document)
{
	buf_reserve(out, name.n + document.n + 64);
	put_id(out, version);
	put_line(out, "event: ", name);
	put_line(out, "data: ", document);
	buf_putc(out, '\n');
}

void event_put_id(struct buf *out, int64_t version)
{
	put_id(out, version);
	buf_putc(out, '\n');
}

void event_put_comment(struct buf *out)
{
	buf_puts(out, ":\n\n");
}

/* ---- which event --------------------------------------------------------- */

/* What happened, in the words of the key `events`; "" where nothing did. */
static const char *command_of(const struct job *job)
{
	switch (job->state) {
	case JOB_PENDING:
		return job->attempt || job->needs ? "" : "accepted";
	case JOB_PROCESSING:
		if (job->held)
			return "";
		return job->progress ? "progress" : "started";
	case JOB_COMPLETED:
		return "completed";
	case JOB_FAILED:
		return "failed";
	case JOB_CANCELLED:
		return "cancelled";
	default:
		return "";
	}
}

static struct str command_name(const struct api *api, const struct job *job)
{
	const char *what = command_of(job);

	for (size_t i = 0; i < api->events.n; i++)
		if (str_is(api->events.items[i].name, what))
			return api->events.items[i].value;
	return (struct str){0};
}

/* outcome-unknown is a way to have failed. */
static bool is_alert(const struct job *job)
{
	return job->state == JOB_FAILED || job->state == JOB_CANCELLED ||
	       job->needs || job->held;
}

struct str event_name(
    enum event_view view, const struct api *api, const struct job *job)
{
	switch (view) {
	case EVENT_COMMAND:
		return command_name(api, job);
	case EVENT_ALERT:
		return is_alert(job) ? STR("alert") : (struct str){0};
	default:
		return STR("job");
	}
}

/* ---- reading ------------------------------------------------------------- */

bool event_read_view(struct str text, enum event_view *view)
{
	static const char *const names[] = {
	    [EVENT_ALL] = "all",
	    [EVENT_COMMAND] = "command",
	    [EVENT_ALERT] = "alert",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!str_is(text, names[i]))
			continue;
		*view = (enum event_view)i;
		return true;
	}
	return false;
}

int64_t event_read_id(struct str text)
{
	int64_t version = 0;

	if (!text.n)
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		int digit = text.p[i] - '0';
		if (digit < 0 || digit > 9 ||
		    version > (INT64_MAX - digit) / 10)
			return -1;
		version = version * 10 + digit;
	}
	return version;
}

/* How much it says of our type: exactly, its kind, anything; 0 = nothing. */
static int nearness(struct str range)
{
	if (str_ieq(range, STR("text/event-stream")))
		return 3;
	if (str_ieq(range, STR("text/*")))
		return 2;
	return str_is(range, "*/*");
}

/* "q=0", "q=0." and "q=0.000": not wanted. */
static bool is_refused(struct str parameters)
{
	for (size_t at = 0; at < parameters.n;) {
		size_t end = str_find(parameters, ';', at);
		struct str p = str_trim(str_slice(parameters, at, end));
		at = end + 1;
		if (p.n < 3 || (p.p[0] != 'q' && p.p[0] != 'Q') ||
		    p.p[1] != '=')
			continue;
		for (size_t i = 2; i < p.n; i++)
			if (p.p[i] != '0' && p.p[i] != '.')
				return false;
		return true;
	}
	return false;
}

bool event_is_accepted(struct str accept)
{
	int nearest = 0;
	bool accepted = false;

	if (!str_trim(accept).n)
		return true;
	for (size_t at = 0; at < accept.n;) {
		size_t end = str_find(accept, ',', at);
		struct str item = str_slice(accept, at, end);
		size_t range = str_find(item, ';', 0);
		int near = nearness(str_trim(str_slice(item, 0, range)));

		if (near > nearest) {
			nearest = near;
			accepted =
			    !is_refused(str_slice(item, range + 1, item.n));
		}
		at = end + 1;
	}
	return accepted;
}
