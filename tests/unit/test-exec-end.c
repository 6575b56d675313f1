#include "exec-world.h"

#include <grp.h>

/*
 * How programs end, and that nothing is left of them: told to stop, killed,
 * out of bounds, with children that do not want to go, and without a worker.
 */

/* What a program says on fd 3 in words, as a process id. */
static pid_t told_pid(struct exec_world *w)
{
	struct upstream_progress p = told(w);

	return (pid_t)atoi(arena_cstr(&arena, p.message) + strlen("pid "));
}

static struct upstream_answer stopped(
    struct exec_world *w, const char *script, pid_t *pid)
{
	int *tag;

	write_handler(w, script);
	start(w, &tags[0]);
	*pid = told_pid(w);
	upstream_exec.stop(w->pool, &tags[0]);
	upstream_exec.stop(w->pool, &tags[0]);
	struct upstream_answer a = take(w, &tag);
	assert_true(no_children());
	assert_true(no_process(*pid));
	assert_int_equal(entries_of(w->work), 0);
	return a;
}

/* ---- progress and words -------------------------------------------------- */

static void test_progress_is_told(void **state)
{
	struct exec_world *w = *state;
	struct upstream_progress p;
	void *got;
	int *tag;

	write_handler(w, HANDLER
	    "echo '10 one' >&3; cat $1; echo 'only words' >&3; cat $1\n"
	    "echo '101 no' >&3; echo -1 >&3; printf '\\377\\000x' >&3\n"
	    "printf '\\n30' >&3; printf ' thr\\303\\251e\\n' >&3; cat $1\n"
	    "printf '99 at its end' >&3; echo done");
	start(w, &tags[0]);
	p = told(w);
	assert_int_equal(p.percent, 10);
	assert_true(str_is(p.message, "one"));
	assert_false(upstream_exec.moved(w->pool, &arena, &got, &p));
	step(w);
	p = told(w);
	assert_int_equal(p.percent, 10);
	assert_true(str_is(p.message, "only words"));
	step(w);
	do
		p = told(w);
	while (p.percent != 30);
	assert_true(str_is(p.message, "thr\xc3\xa9"
				      "e"));
	step(w);
	BODY_IS(take(w, &tag), "done\n");
	assert_false(upstream_exec.moved(w->pool, &arena, &got, &p));
}

/* Who looked for an end and found progress is not put to sleep over it. */
static void test_progress_that_nobody_took_wakes(void **state)
{
	struct exec_world *w = *state;
	struct upstream_answer a;
	char said[96];
	void *got;
	int *tag;

	snprintf(said, sizeof(said), "%s/said", w->dir);
	write_handler(
	    w, HANDLER "echo up >&3; echo >${1%/*}/said; cat $1; echo done");
	start(w, &tags[0]);
	watchdog_for = "a program to say that it spoke";
	while (access(said, F_OK) != 0)
		upstream_exec.wait(w->pool, NULL, 0, NULL, 1);
	assert_false(upstream_exec.next(w->pool, &arena, &got, &a));
	assert_false(upstream_exec.next(w->pool, &arena, &got, &a));
	watchdog_for = "the progress that is here already";
	wait_some(w);
	assert_true(str_is(told(w).message, "up"));
	step(w);
	BODY_IS(take(w, &tag), "done\n");
}

/* A flood on both is read, and costs only what is kept of it. */
static void test_floods_of_words(void **state)
{
	struct exec_world *w = *state;
	struct upstream_answer a = run(w, HANDLER
	    "head -c 3000000 /dev/zero >&3; yes '50 x' | head -n 100000 >&3\n"
	    "yes words | head -n 100000 >&2; head -c 3000000 /dev/zero >&2\n"
	    "echo done");

	BODY_IS(a, "done\n");
	assert_int_equal(count(log_text(w), "\"text\":\"words\""), 50);
	assert_int_equal(count(log_text(w), "left out"), 1);
	assert_int_equal(count(log_text(w), "\n"), 51);
}

static void test_words_in_the_log(void **state)
{
	struct exec_world *w = *state;
	char pid[32];

	w->envp[1] = "LOWTIDE_JOB_ID=job_7";
	struct upstream_answer a = run(w, HANDLER
	    "echo $$; echo 'hello \"there\"' >&2; echo >&2; echo '  ' >&2\n"
	    "printf '\\033[31m\\377\\000red\\n' >&2\n"
	    "head -c 2000 /dev/zero | tr '\\0' y >&2; echo >&2\n"
	    "printf 'no end' >&2");
	const char *text = log_text(w);
	snprintf(pid, sizeof(pid), "\"pid\":%d,", atoi(a.body.p));
	assert_int_equal(count(text, "\n"), 4);
	assert_int_equal(count(text, "\"event\":\"handler-said\""), 4);
	assert_int_equal(count(text, "\"handler\":\"handler\""), 4);
	assert_int_equal(count(text, "\"jobId\":\"job_7\""), 4);
	assert_int_equal(count(text, pid), 4);
	assert_non_null(strstr(text, "\"text\":\"hello \\\"there\\\"\""));
	assert_non_null(strstr(text, "\"text\":\"[31m? red\""));
	assert_non_null(strstr(text, "\"text\":\"no end\""));
	assert_int_equal(count(text, "y"), 500);
}

/* ---- told to stop -------------------------------------------------------- */

/* In short steps: a shell looks at its traps between commands alone. */
#define FOREVER "while :; do sleep 0.02; done"

static void test_stop_is_a_signal_first(void **state)
{
	struct exec_world *w = *state;
	pid_t pid;

	struct upstream_answer a = stopped(
	    w, HANDLER "trap 'exit 75' TERM; echo pid $$ >&3; " FOREVER, &pid);
	assert_int_equal(a.end, UPSTREAM_AGAIN);
	a = stopped(w,
	    HANDLER "trap 'echo whole; exit 0' TERM; echo pid $$ >&3; " FOREVER,
	    &pid);
	BODY_IS(a, "whole\n");
	a = stopped(w, HANDLER "echo pid $$ >&3; " FOREVER, &pid);
	assert_int_equal(a.end, UPSTREAM_BROKEN);
	assert_int_equal(a.exit_status, 143);
	assert_non_null(strstr(a.why, "told to stop"));
	/* one that is halted hears it, too */
	a = stopped(w,
	    HANDLER
	    "trap 'exit 75' TERM; echo pid $$ >&3; kill -STOP $$; " FOREVER,
	    &pid);
	assert_int_equal(a.end, UPSTREAM_AGAIN);
}

static void test_who_ignores_it_is_killed(void **state)
{
	struct exec_world *w = *state;
	pid_t pid;

	w->exec.stop_ms = 20;
	struct upstream_answer a = stopped(
	    w, HANDLER "trap '' TERM INT HUP; echo pid $$ >&3; " FOREVER, &pid);
	assert_int_equal(a.end, UPSTREAM_BROKEN);
	assert_int_equal(a.exit_status, 137);
	w->exec.stop_ms = 0;
	a = stopped(w, HANDLER "trap '' TERM; echo pid $$ >&3; " FOREVER, &pid);
	assert_int_equal(a.exit_status, 137);
}

/* It may be over before the program has set its trap: then it gets more. */
static struct upstream_answer over_time(struct exec_world *w, const char *text)
{
	struct upstream_answer a = {.exit_status = 128 + SIGTERM};

	for (int ms = 200; ms < 20000 && a.exit_status == 128 + SIGTERM;
	     ms *= 2) {
		w->call.timeout_ms = ms;
		a = run(w, text);
	}
	return a;
}

static void test_its_time_is_over(void **state)
{
	struct exec_world *w = *state;

	w->call.timeout_ms = 1;
	struct upstream_answer a = run(w, HANDLER "echo half; " FOREVER);
	assert_int_equal(a.end, UPSTREAM_TIMEOUT);
	assert_int_equal(a.body.n, 0);
	a = over_time(w, HANDLER "trap 'exit 75' TERM; " FOREVER);
	assert_int_equal(a.end, UPSTREAM_AGAIN);
	w->exec.stop_ms = 10;
	a = over_time(w, HANDLER "trap '' TERM; " FOREVER);
	assert_int_equal(a.end, UPSTREAM_TIMEOUT);
	assert_int_equal(a.exit_status, 137);
	w->call.timeout_ms = 60000;
	BODY_IS(run(w, HANDLER "echo in time"), "in time\n");
}

static void test_abort(void **state)
{
	struct exec_world *w = *state;
	struct upstream_answer a;
	void *got;
	int *tag;

	write_handler(w, HANDLER "trap '' TERM; echo pid $$ >&3; " FOREVER);
	start(w, &tags[0]);
	pid_t pid = told_pid(w);
	upstream_exec.abort(w->pool, &tags[0]);
	upstream_exec.abort(w->pool, &tags[0]);
	assert_false(upstream_exec.unsent(w->pool, &tags[0]));
	/* its tag may be another's at once */
	write_handler(w, HANDLER "echo next");
	start(w, &tags[0]);
	BODY_IS(take(w, &tag), "next\n");
	watchdog_for = "what was aborted to end";
	while (!no_children()) {
		assert_false(upstream_exec.next(w->pool, &arena, &got, &a));
		upstream_exec.wait(w->pool, NULL, 0, NULL, 10);
	}
	assert_true(no_process(pid));
	assert_int_equal(entries_of(w->work), 0);
}

static void test_close_ends_all(void **state)
{
	struct exec_world *w = *state;
	pid_t pids[5];

	write_handler(w, HANDLER "trap '' TERM; echo pid $$ >&3; " FOREVER);
	for (int i = 0; i < 5; i++) {
		start(w, &tags[i]);
		pids[i] = told_pid(w);
	}
	start(w, &tags[5]); /* just begun */
	upstream_exec.close(w->pool);
	assert_true(no_children());
	for (int i = 0; i < 5; i++)
		assert_true(no_process(pids[i]));
	assert_int_equal(entries_of(w->work), 0);
	open_pool(w);
}

/* ---- bounds -------------------------------------------------------------- */

static void test_output_without_end(void **state)
{
	struct exec_world *w = *state;

	w->call.response_max = 100000;
	struct upstream_answer a =
	    run(w, HANDLER "yes | head -c 1000000000; echo >&2 was cut");
	assert_int_equal(a.end, UPSTREAM_TOO_LARGE);
	assert_int_equal(a.body.n, 0);
	w->exec.stop_ms = 10;
	a = run(w, HANDLER "trap '' TERM PIPE; while :; do yes; done");
	assert_int_equal(a.end, UPSTREAM_TOO_LARGE);
	a = run(w, HANDLER "trap 'exit 75' TERM PIPE; while :; do yes; done");
	assert_int_equal(a.end, UPSTREAM_TOO_LARGE);
	a = run(w, HANDLER "head -c 100000 /dev/zero");
	assert_int_equal(a.end, UPSTREAM_ANSWER);
	assert_int_equal(a.body.n, 100000);
	a = run(w, HANDLER "head -c 100001 /dev/zero");
	assert_int_equal(a.end, UPSTREAM_TOO_LARGE);
	w->call.response_max = 0;
	a = run(w, HANDLER "head -c 16777216 /dev/zero");
	assert_int_equal(a.body.n, 16777216);
	a = run(w, HANDLER "head -c 16777217 /dev/zero");
	assert_int_equal(a.end, UPSTREAM_TOO_LARGE);
}

static void test_limits(void **state)
{
	struct exec_world *w = *state;
	struct upstream_answer a;

	BODY_IS(run(w, HANDLER "ulimit -n; ulimit -c; ulimit -Hn; ulimit -Hc"),
	    "256\n0\n256\n0\n");
	w->exec.disk = 4096;
	a = run(w, HANDLER "exec head -c 5000 /dev/zero >file");
	assert_int_equal(a.end, UPSTREAM_BROKEN);
	assert_non_null(strstr(a.why, "limits.disk"));
	BODY_IS(run(w, HANDLER "head -c 4096 /dev/zero >file; echo fits"),
	    "fits\n");
	w->exec.disk = 0;
	w->exec.memory = 64 * 1024 * 1024;
	a = run(w, HANDLER "exec dd if=/dev/zero of=/dev/null bs=200M count=1");
	assert_int_equal(a.end, UPSTREAM_FAILED);
	BODY_IS(run(w, HANDLER "ulimit -v"), "65536\n");
	w->exec.memory = 0;
	w->exec.cpu_ms = 1;
	a = run(w, HANDLER "while :; do :; done");
	assert_int_equal(a.end, UPSTREAM_BROKEN);
	assert_non_null(strstr(a.why, "limits.cpu"));
}

/* ---- families ------------------------------------------------------------ */

static void test_nobody_stays_behind(void **state)
{
	static const char *const scripts[] = {
	    /* in the group, with the output, and without it */
	    "sleep 1000 & echo $!",
	    "sleep 1000 >/dev/null 2>&1 3>&1 </dev/null & echo $!",
	    /* out of the group, deaf, twice removed */
	    "setsid sh -c 'trap \"\" TERM HUP; echo $$; exec >&-; " FOREVER
	    "' & read x <$1",
	    "(setsid sh -c '(echo $$; " FOREVER ")&' &) ; read x <$1",
	    "setsid setsid sh -c 'exec 2>&- 3>&-; echo $$; " FOREVER
	    "' & read x <$1",
	};
	struct exec_world *w = *state;

	w->exec.stop_ms = 20;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		int *tag;
		write_handler(
		    w, arena_printf(&arena, HANDLER "%s", scripts[i]).p);
		start(w, &tags[0]);
		if (strstr(scripts[i], "$1"))
			step(w);
		struct upstream_answer a = take(w, &tag);
		assert_true(no_children());
		assert_int_equal(entries_of(w->work), 0);
		if (a.body.n)
			assert_true(no_process(atoi(a.body.p)));
	}
}

/* What a shell's own children still write belongs to its output. */
static void test_output_of_those_who_end_later(void **state)
{
	struct exec_world *w = *state;
	int *tag;

	write_handler(w, HANDLER
	    "(echo up >&3; read x <$1; echo later) & read x <$1.no; echo now");
	start(w, &tags[0]);
	assert_true(str_is(told(w).message, "up"));
	step(w);
	struct upstream_answer a = take(w, &tag);
	assert_int_equal(a.end, UPSTREAM_ANSWER);
	assert_int_equal(a.body.n, strlen("now\nlater\n"));
}

/*
 * As nobody, since root has no such bound; and in a process of its own, which
 * is the reaper of whatever would escape.
 */
static int bounded_family(struct exec_world *w)
{
	struct upstream_answer a;
	int *tag;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	watchdog_begin("bounded_family");
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 ||
				  setuid(65534) != 0))
		return 1;
	open_pool(w);
	start(w, &tags[0]);
	a = take(w, &tag);
	upstream_exec.close(w->pool);
	if (a.end != UPSTREAM_FAILED && a.end != UPSTREAM_ANSWER)
		return 2;
	/* others of this user may end meanwhile, and leave room for more */
	if (a.body.n > 60)
		return 3;
	return no_children() ? 0 : 4;
}

static void test_so_many_processes(void **state)
{
	struct exec_world *w = *state;
	int status;

	write_handler(w, HANDLER "i=0; while [ $i -lt 100 ]; do\n"
				 "setsid sleep 1000 >/dev/null & printf x\n"
				 "i=$((i+1)); done");
	w->exec.processes = 8;
	w->exec.stop_ms = 20;
	upstream_exec.close(w->pool);
	mkdir(w->work, 0700);
	assert_int_equal(chmod(w->work, 0777), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(bounded_family(w));
	watchdog_for = "a family of so many";
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_pool(w);
}

/* Whoever is forked while others are killed is killed, too. */
static void test_a_family_that_grows(void **state)
{
	struct exec_world *w = *state;
	pid_t pid;

	w->exec.stop_ms = 0;
	stopped(w,
	    HANDLER
	    "trap '' TERM\n"
	    "run() { while :; do (exec sleep 0.01) & wait; done; }\n"
	    "run & run & setsid sh -c 'while :; do sleep 0.01; done' &\n"
	    "echo pid $$ >&3; run",
	    &pid);
}

/* ---- without a minder, without a worker ---------------------------------- */

/* The program's parent is its minder. */
#define SAY_PARENT "echo pid $PPID >&3; "

static void test_signals_of_others_do_not_reach_a_minder(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE,
	    SIGUSR1, SIGUSR2, SIGALRM};
	struct exec_world *w = *state;
	int *tag;

	write_handler(w, HANDLER SAY_PARENT "cat $1; echo done");
	start(w, &tags[0]);
	pid_t minder = told_pid(w);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		assert_int_equal(kill(minder, signals[i]), 0);
	step(w);
	BODY_IS(take(w, &tag), "done\n");
}

static void test_a_minder_that_is_killed(void **state)
{
	struct exec_world *w = *state;
	int *tag;

	write_handler(w, HANDLER "trap '' TERM HUP; sleep 1000 &\n" SAY_PARENT
				 "touch file; echo half; " FOREVER);
	start(w, &tags[0]);
	assert_int_equal(kill(told_pid(w), SIGKILL), 0);
	struct upstream_answer a = take(w, &tag);
	assert_int_equal(a.end, UPSTREAM_BROKEN);
	assert_non_null(strstr(a.why, "minder was killed"));
	/* the orphans are ours to reap, and all of them come */
	reap_orphans();
	upstream_exec.close(w->pool);
	open_pool(w); /* what its folder still held is gone now */
	assert_int_equal(entries_of(w->work), 0);
}

/* A worker of its own process, which says that its programs are up. */
static pid_t fork_worker(struct exec_world *w, int programs, int ready)
{
	pid_t pid = fork();

	if (pid) {
		watchdog_for = "a worker's programs";
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	open_pool(w);
	for (int i = 0; i < programs; i++) {
		start(w, &tags[i]);
		pid_t of = told_pid(w);
		if (write(ready, &of, sizeof(of)) != sizeof(of))
			_exit(1);
	}
	for (;;)
		pause();
}

static void test_a_worker_that_is_killed(void **state)
{
	struct exec_world *w = *state;
	int ready[2];
	pid_t pids[3];

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	write_handler(w,
	    HANDLER "trap '' TERM HUP PIPE; touch file\n"
		    "setsid sh -c \"trap '' TERM; " FOREVER "\" &\n"
		    "echo pid $$ >&3; " FOREVER);
	w->exec.stop_ms = 20;
	upstream_exec.close(w->pool);
	pid_t worker = fork_worker(w, 3, ready[1]);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    read(ready[0], &pids[i], sizeof(pids[i])), sizeof(pid_t));
	assert_int_equal(entries_of(w->work), 3);
	kill(worker, SIGKILL);
	/* the minders come to us, and when the last is gone, all is gone */
	reap_orphans();
	for (int i = 0; i < 3; i++)
		assert_true(no_process(pids[i]));
	assert_int_equal(entries_of(w->work), 0);
	close(ready[0]);
	close(ready[1]);
	open_pool(w);
}

/*
 * One that hears the signal may still end well, though nobody asks: if it does
 * not say so, since there is nobody at the other ends of its pipes.
 */
static void test_a_program_whose_worker_is_gone_is_told(void **state)
{
	struct exec_world *w = *state;
	int ready[2];
	pid_t pid;
	char told_it[96];

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	snprintf(told_it, sizeof(told_it), "%s/told", w->dir);
	write_handler(w, HANDLER "exec 2>/dev/null\n"
				 "trap 'echo x >${1%/*}/told; exit 75' TERM\n"
				 "echo pid $$ >&3; " FOREVER);
	upstream_exec.close(w->pool);
	pid_t worker = fork_worker(w, 1, ready[1]);
	assert_int_equal(read(ready[0], &pid, sizeof(pid)), sizeof(pid));
	kill(worker, SIGKILL);
	reap_orphans();
	open_pool(w);
	assert_true(no_process(pid));
	assert_int_equal(access(told_it, F_OK), 0);
	close(ready[0]);
	close(ready[1]);
}

/* Both at once: the next worker removes the folder. */
static void test_a_worker_and_its_minder_are_killed(void **state)
{
	struct exec_world *w = *state;
	int ready[2];
	pid_t minder;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	write_handler(
	    w, HANDLER "trap '' TERM; touch file\n" SAY_PARENT FOREVER);
	upstream_exec.close(w->pool);
	pid_t worker = fork_worker(w, 1, ready[1]);
	assert_int_equal(
	    read(ready[0], &minder, sizeof(minder)), sizeof(minder));
	kill(minder, SIGSTOP);
	kill(worker, SIGKILL);
	kill(minder, SIGKILL);
	reap_orphans();
	assert_int_equal(entries_of(w->work), 1);
	open_pool(w);
	assert_int_equal(entries_of(w->work), 0);
	close(ready[0]);
	close(ready[1]);
}

static void test_not_for_anybody_else(void **unused)
{
	char *argv[] = {"x", EXEC_MINDER, "work", "1,2,3,4", "p", "a", NULL};

	(void)unused;
	int was = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, 2);
	assert_int_equal(exec_mind(2, argv), 64);
	assert_int_equal(exec_mind(6, argv), 64);
	argv[3] = "1,2,3,4,-5";
	assert_int_equal(exec_mind(6, argv), 64);
	argv[3] = "1,2,3,4,5,6";
	assert_int_equal(exec_mind(6, argv), 64);
	dup2(was, 2);
	close(was);
	close(null);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
	    TEST(test_progress_is_told),
	    TEST(test_progress_that_nobody_took_wakes),
	    TEST(test_floods_of_words),
	    TEST(test_words_in_the_log),
	    TEST(test_stop_is_a_signal_first),
	    TEST(test_who_ignores_it_is_killed),
	    TEST(test_its_time_is_over),
	    TEST(test_abort),
	    TEST(test_close_ends_all),
	    TEST(test_output_without_end),
	    TEST(test_limits),
	    TEST(test_nobody_stays_behind),
	    TEST(test_output_of_those_who_end_later),
	    TEST(test_so_many_processes),
	    TEST(test_a_family_that_grows),
	    TEST(test_signals_of_others_do_not_reach_a_minder),
	    TEST(test_a_minder_that_is_killed),
	    TEST(test_a_worker_that_is_killed),
	    TEST(test_a_program_whose_worker_is_gone_is_told),
	    TEST(test_a_worker_and_its_minder_are_killed),
	    cmocka_unit_test(test_not_for_anybody_else),
	};
	return cmocka_run_group_tests_name("exec-end", all, NULL, NULL);
}

int main(int argc, char *argv[])
{
	return exec_main(argc, argv, tests);
}
