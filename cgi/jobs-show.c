#include "cgi/jobs.h"

#include <string.h>

#include "cgi/ids.h"
#include "lib/clock.h"

/* One job, and what was sealed of it. */

enum { SHOW_JSON = START_COUNT, SHOW_RESULT };
const struct opt jobs_show_options[] = {
    START_OPTIONS,
    {.name = "json", .kind = OPT_FLAG, .help = "for programs"},
    {.name = "result",
	.kind = OPT_FLAG,
	.help = "the bytes of the upstream's answer and nothing else"},
    {.name = NULL},
};

static enum err read_bodies(struct jobs *run, struct report_job *r)
{
	struct str plain;
	enum err err = jobs_body(run, &r->job, BODY_META, &plain);

	if (err == ERR_OK)
		err = envelope_get_meta(plain, &r->meta);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	err = jobs_body(run, &r->job, BODY_RESULT, &plain);
	if (err == ERR_OK)
		err = envelope_get_result(&run->start.arena, plain, &r->result);
	r->has_result = err == ERR_OK;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* An id counts as a whole: its key alone does not name a job. */
static enum err find_job(struct jobs *run, struct report_job *r)
{
	struct start *s = &run->start;
	uint8_t id[JOB_ID_BYTES];
	size_t api;
	enum err err = ids_read(str_of(run->found.operands[0]), id);

	if (err == ERR_OK)
		err = ids_api(s->config, id, &api);
	if (err != ERR_OK)
		return err;
	r->api = &s->config->apis[api];
	err = store_view(s->store);
	if (err != ERR_OK)
		return err;
	err = store_get(s->store, api, id + JOB_KEY_OFFSET, &r->job);
	if (err == ERR_OK && memcmp(id, r->job.id, sizeof(id)) != 0)
		err = ERR_NOT_FOUND;
	if (err == ERR_OK)
		err = read_bodies(run, r);
	store_unview(s->store);
	return err;
}

static int64_t lease_on_the_wall(const struct job *job)
{
	return job->state == JOB_PROCESSING
		   ? clock_wall_ms() + job->lease_boot - clock_boot_ms()
		   : 0;
}

enum err jobs_show(struct jobs *run)
{
	const struct opt_value *v = run->found.values;
	struct report_job r = {0};
	enum err err = start_open(&run->start, v, STORE_SHOWS);

	if (err != ERR_OK)
		return err;
	err = find_job(run, &r);
	r.lease_ms = lease_on_the_wall(&r.job);
	if (err == ERR_NOT_FOUND || err == ERR_FORGED)
		diag_error(&run->start.diag, POS_NONE, "no-such-job",
		    "there is no job `%s`; `lowtide-jobs ls` lists them",
		    run->found.operands[0]);
	else if (err != ERR_OK)
		diag_error(&run->start.diag, POS_NONE, "job-unreadable",
		    "what is kept of this job cannot be read with these keys "
		    "(%s); check --keys",
		    err_text(err));
	else if (v[SHOW_RESULT].given)
		buf_put_str(&run->out, r.result.body);
	else if (v[SHOW_JSON].given)
		report_job_json(&run->out, &r);
	else
		report_job(&run->out, &r);
	return err;
}
