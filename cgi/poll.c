#include "cgi/poll.h"

#include "cgi/envelope.h"
#include "lib/json.h"
#include "lib/utf8.h"

/*
 * There is no standard for the body of an operation's status, but a habit: an
 * object with a string `status`, in which case and hyphens vary. These are the
 * words for "not yet" and "it failed"; any other word is the answer's own.
 */
static const struct word {
	const char *text;
	enum poll_kind kind;
} words[] = {
    {"accepted", POLL_ON},
    {"cancelled", POLL_FAILED},
    {"canceled", POLL_FAILED},
    {"error", POLL_FAILED},
    {"failed", POLL_FAILED},
    {"inprogress", POLL_ON},
    {"notstarted", POLL_ON},
    {"pending", POLL_ON},
    {"processing", POLL_ON},
    {"queued", POLL_ON},
    {"running", POLL_ON},
};
/* Where how far it is stands, the first that is there. */
static const char *const percents[] = {"progress", "percentComplete"};

static char folded(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(struct str s, const char *word)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '-' || s.p[i] == '_')
			continue;
		if (*word == '\0' || folded(s.p[i]) != *word)
			return false;
		word++;
	}
	return *word == '\0';
}

static enum poll_kind kind_of_word(struct str s)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(s, words[i].text))
			return words[i].kind;
	return POLL_ANSWER;
}

static int percent_of(const struct value *v)
{
	double d = -1;

	if (v && v->kind == VALUE_INT)
		d = (double)v->as.i;
	else if (v && v->kind == VALUE_FLOAT)
		d = v->as.f;
	return d >= 0 && d <= 100 ? (int)d : -1;
}

static const struct value *body_of(
    struct arena *a, const struct upstream_answer *answer)
{
	struct value *tree = NULL;

	if (!answer->body.n || json_read(a, answer->body, POLL_BODY_MAX, NULL,
				   NULL, &tree) != ERR_OK)
		return NULL;
	return tree;
}

static void read_progress(
    struct arena *a, const struct value *body, struct upstream_progress *out)
{
	char text[ENVELOPE_MESSAGE_MAX];
	size_t n = poll_clean(value_text(body, "message"), text);

	*out = (struct upstream_progress){.percent = -1};
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
		if (out->percent < 0)
			out->percent = percent_of(value_get(body, percents[i]));
	if (n)
		out->message = arena_str(a, (struct str){.p = text, .n = n});
}

void poll_progress(struct arena *a, const struct upstream_answer *answer,
    struct upstream_progress *progress)
{
	read_progress(a, body_of(a, answer), progress);
}

/* What does not depend on the body. POLL_KINDS: the body says. */
static enum poll_kind kind_of_status(
    const struct upstream_answer *answer, bool see)
{
	int status = answer->status;

	if (answer->end == UPSTREAM_TOO_LARGE)
		return POLL_ANSWER;
	if (answer->end != UPSTREAM_ANSWER || status == 429 || status >= 500)
		return POLL_AGAIN;
	if (status == 404 || status == 410)
		return POLL_GONE;
	if (see)
		return POLL_ANSWER;
	if (status == 202)
		return POLL_ON;
	if (status == 303)
		return POLL_SEE;
	return status == 200 ? POLL_KINDS : POLL_ANSWER;
}

enum poll_kind poll_of(struct arena *a, const struct upstream_answer *answer,
    bool see, struct upstream_progress *progress)
{
	enum poll_kind kind = kind_of_status(answer, see);
	const struct value *body = NULL;

	if (kind == POLL_ON || kind == POLL_KINDS)
		body = body_of(a, answer);
	read_progress(a, body, progress);
	return kind == POLL_KINDS ? kind_of_word(value_text(body, "status"))
				  : kind;
}

int64_t poll_wait_ms(const struct upstream_answer *answer, int n)
{
	int64_t wait = POLL_WAIT_MIN_MS;

	if (answer->has_retry_after) {
		wait = answer->retry_after_ms;
		if (wait < POLL_WAIT_MIN_MS)
			wait = POLL_WAIT_MIN_MS;
		return wait < POLL_WAIT_MAX_MS ? wait : POLL_WAIT_MAX_MS;
	}
	while (n-- > 0 && wait < POLL_BACKOFF_MAX_MS)
		wait *= 2;
	return wait < POLL_BACKOFF_MAX_MS ? wait : POLL_BACKOFF_MAX_MS;
}

/* C0, DEL, and C1 as UTF-8 spells it. */
static bool is_control(struct str s, size_t at, size_t n)
{
	unsigned char c = (unsigned char)s.p[at];

	return c < 0x20 || c == 0x7f ||
	       (n == 2 && c == 0xc2 && (unsigned char)s.p[at + 1] < 0xa0);
}

size_t poll_clean(struct str message, char *out)
{
	struct str s = str_trim(message);
	size_t to = 0;

	for (size_t at = 0, n; at < s.n; at += n ? n : 1) {
		n = utf8_char(s, at);
		bool shown = n && !is_control(s, at, n);
		if (to + (shown ? n : 1) > ENVELOPE_MESSAGE_MAX)
			break;
		if (shown)
			memcpy(out + to, s.p + at, n);
		else
			out[to] = ' ';
		to += shown ? n : 1;
	}
	while (to && out[to - 1] == ' ')
		to--;
	return to;
}
