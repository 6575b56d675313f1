#include "lib/config-reads.h"

#include <string.h>

void config_link_reads(struct config *c)
{
	for (size_t i = 0; i < c->n_reads; i++) {
		struct read *read = &c->reads[i];

		read->ids = NULL;
		read->calls = NULL;
		read->n_ids = read->n_calls = 0;
		for (size_t j = 0; j < c->n_read_ids; j++) {
			struct read_ids *ids = &c->read_ids[j];
			if (!str_eq(ids->read, read->name))
				continue;
			if (!read->n_ids)
				read->ids = ids;
			read->n_ids += ids == read->ids + read->n_ids;
		}
		for (size_t j = 0; j < c->n_read_calls; j++) {
			struct read_call *call = &c->read_calls[j];
			if (!str_eq(call->read, read->name))
				continue;
			if (!read->n_calls)
				read->calls = call;
			read->n_calls += call == read->calls + read->n_calls;
		}
	}
}

const struct read *config_read_named(const struct config *c, struct str name)
{
	for (size_t i = 0; i < c->n_reads; i++)
		if (str_eq(c->reads[i].name, name))
			return &c->reads[i];
	return NULL;
}

static bool only(struct str s, const char *allowed)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(allowed, s.p[i]))
			return false;
	return s.n >= 1 && s.n <= 64;
}

static bool are_statuses(const struct strs *statuses)
{
	for (size_t i = 0; i < statuses->n; i++)
		if (statuses->items[i].n != 3 ||
		    statuses->items[i].p[0] != '4' ||
		    !only(statuses->items[i], "0123456789"))
			return false;
	return true;
}

static const struct read_ids *ids_of(const struct read *read, struct str name)
{
	for (size_t i = 0; i < read->n_ids; i++)
		if (str_eq(read->ids[i].name, name))
			return &read->ids[i];
	return NULL;
}

/* Results are found by the name of their call, and identifiers by theirs. */
static bool are_single(const struct read *read)
{
	for (size_t i = 0; i < read->n_calls; i++)
		for (size_t j = 0; j < i; j++)
			if (str_eq(read->calls[i].name, read->calls[j].name))
				return false;
	for (size_t i = 0; i < read->n_ids; i++)
		if (ids_of(read, read->ids[i].name) != &read->ids[i])
			return false;
	return true;
}

/* It is taken as a job by that one, which does nothing else. */
static bool is_its_job(const struct config *c, const struct read *read)
{
	const struct api *api = config_api(c, read->api);

	return api && str_eq(api->read, read->name);
}

static const char *check_call(const struct config *c, const struct read *read,
    const struct read_call *call)
{
	if (!only(call->name, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"))
		return "a call of a read has a name of letters, digits, _ and "
		       "-";
	if (!config_upstream(c, call->upstream))
		return "a call of a read names an upstream that is not here";
	if (!str_starts(call->path, "/"))
		return "a call of a read needs a path";
	if (call->each.n && !ids_of(read, call->each))
		return "a call is made for each of identifiers that its read "
		       "does not have";
	if (!are_statuses(&call->empty_on) || !are_statuses(&call->pass_on))
		return "emptyOn and passOn are statuses from 400 to 499";
	return NULL;
}

static const char *check_read(const struct config *c, const struct read *read)
{
	const char *fault = NULL;

	if (!only(read->name, "abcdefghijklmnopqrstuvwxyz0123456789-"))
		return "a read's name is 1 to 64 of a-z, 0-9 and -";
	if (config_read_named(c, read->name) != read)
		return "two reads have this name";
	if (!str_starts(read->path, "/") || read->deadline_ms <= 0)
		return "a read needs a path, and deadlineMs above 0";
	if (read->auth.n && !str_is(read->auth, "none") &&
	    !str_is(read->auth, "web-server") &&
	    !config_provider(c, read->auth))
		return "a read's auth names a provider not here";
	if (read->api.n ? !is_its_job(c, read) : read->promote)
		return "a read that becomes a job names an api, and that the "
		       "read";
	if (!read->n_calls || read->n_calls > CONFIG_READ_CALLS_MAX ||
	    read->n_ids > CONFIG_READ_IDS_MAX)
		return "a read has calls, and not too many";
	if (!are_single(read))
		return "two calls, or two kinds of identifiers, of a read have "
		       "one name";
	for (size_t i = 0; i < read->n_ids; i++)
		if (!read->ids[i].name.n || !read->ids[i].from.n ||
		    read->ids[i].max <= 0)
			return "identifiers need name, from, and max above 0";
	for (size_t i = 0; i < read->n_calls && !fault; i++)
		fault = check_call(c, read, &read->calls[i]);
	return fault;
}

const char *config_check_reads(const struct config *c)
{
	size_t n_ids = 0, n_calls = 0;
	const char *fault = NULL;

	if (c->n_reads > CONFIG_APIS_MAX)
		return "there are too many reads";
	for (size_t i = 0; i < c->n_reads && !fault; i++) {
		fault = check_read(c, &c->reads[i]);
		n_ids += c->reads[i].n_ids;
		n_calls += c->reads[i].n_calls;
	}
	for (size_t i = 0; i < c->n_apis && !fault; i++)
		if (c->apis[i].read.n && !config_read_named(c, c->apis[i].read))
			fault = "an api is a read that is not here";
	if (!fault && (n_ids != c->n_read_ids || n_calls != c->n_read_calls))
		fault = "what belongs to one read stands together";
	return fault;
}
