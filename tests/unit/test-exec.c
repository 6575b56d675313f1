#include "exec-world.h"

#include "lib/clock.h"

/*
 * What programs answer, what they are given, and why one is not started.
 */

/* ---- answers ------------------------------------------------------------- */

static void test_output_is_the_answer(void **state)
{
	struct upstream_answer a =
	    run(*state, HANDLER "printf '{\"a\":1}'; echo no >&2");

	BODY_IS(a, "{\"a\":1}");
	assert_int_equal(a.status, 200);
	assert_int_equal(a.exit_status, 0);
	assert_string_equal(a.why, "");
	assert_int_equal(a.content_type.n, 0);
}

static void test_no_output(void **state)
{
	struct upstream_answer a = run(*state, HANDLER "exit 0");

	BODY_IS(a, "");
	assert_int_equal(a.status, 204);
	a = run(*state, HANDLER "exec >&- 2>&- 3>&- 0<&-; :");
	BODY_IS(a, "");
	assert_int_equal(a.status, 204);
}

static void test_any_bytes_in_and_out(void **state)
{
	struct exec_world *w = *state;
	struct buf body = {0};

	for (int i = 0; i < 3 * 1024 * 1024; i++)
		buf_putc(&body, (char)(i * 7 >> (i & 3)));
	w->call.has_body = true;
	w->call.body = buf_str(&body);
	struct upstream_answer a = run(w, HANDLER "exec cat");
	assert_int_equal(a.end, UPSTREAM_ANSWER);
	assert_int_equal(a.body.n, body.len);
	assert_memory_equal(a.body.p, body.data, body.len);
	buf_release(&body);
	w->call.has_body = false;
	BODY_IS(run(w, HANDLER "cat; echo end"), "end\n");
	a = run(w, HANDLER "printf 'a\\0b'");
	assert_true(str_eq(a.body, STR("a\0b")));
}

static void test_input_that_nobody_reads(void **state)
{
	struct exec_world *w = *state;
	struct buf body = {0};

	while (body.len < 16 * 1024 * 1024)
		buf_puts(&body, "0123456789abcdef");
	w->call.has_body = true;
	w->call.body = buf_str(&body);
	BODY_IS(run(w, HANDLER "echo did not look"), "did not look\n");
	BODY_IS(run(w, HANDLER "exec 0<&-; echo closed >&3; echo it"), "it\n");
	BODY_IS(run(w, HANDLER "head -c 7"), "0123456");
	buf_release(&body);
}

static void test_exits(void **state)
{
	static const struct {
		const char *script;
		enum upstream_end end;
		int exit_status;
		const char *why;
	} rows[] = {
	    {"exit 75", UPSTREAM_AGAIN, 75, "status 75"},
	    {"echo half; exit 3", UPSTREAM_FAILED, 3, "status 3"},
	    {"exit 4", UPSTREAM_FAILED, 4, "it said nothing on its"},
	    {"echo so >&2; exit 5", UPSTREAM_FAILED, 5, "handler-said may"},
	    {"kill -9 $$", UPSTREAM_BROKEN, 137, "memory was short"},
	    {"exit 255", UPSTREAM_FAILED, 255, "status 255"},
	    {"no-such-command", UPSTREAM_FAILED, 127, "status 127"},
	    {"echo half; kill -9 $$", UPSTREAM_BROKEN, 137, "signal 9"},
	    {"kill $$", UPSTREAM_BROKEN, 143, "signal 15"},
	    {"kill -SEGV $$", UPSTREAM_BROKEN, 139, "signal 11"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *script =
		    arena_printf(&arena, HANDLER "%s", rows[i].script).p;
		struct upstream_answer a = run(*state, script);
		if (a.end != rows[i].end ||
		    a.exit_status != rows[i].exit_status ||
		    !strstr(a.why, rows[i].why) || a.body.n)
			fail_msg("%s: %d, %d, %s", rows[i].script, a.end,
			    a.exit_status, a.why);
	}
}

/* Few say that they got no memory: so it is said where there is a limit. */
static void test_falls_over_its_limit(void **state)
{
	struct exec_world *w = *state;
	const char *script = HANDLER "kill -SEGV $$";

	assert_null(strstr(run(w, script).why, "limits.memory"));
	w->exec.memory = (int64_t)1 << 30;
	assert_non_null(strstr(run(w, script).why, "limits.memory may be"));
}

/* ---- not started --------------------------------------------------------- */

static void never_ran(struct exec_world *w, const char *why)
{
	struct upstream_answer a = run(w, NULL);

	if (a.end != UPSTREAM_UNSENT || !strstr(a.why, why))
		fail_msg("%d, %s: not \"%s\"", a.end, a.why, why);
}

static void test_what_cannot_be_started(void **state)
{
	struct exec_world *w = *state;
	char *long_one = arena_alloc(&arena, 200001);

	never_ran(w, "it is not there");
	write_handler(w, "#!/no/such/interpreter\n");
	never_ran(w, "first line names is not installed");
	write_handler(w, "no program\n");
	never_ran(w, "begin a script with #!");
	write_handler(w, HANDLER);
	assert_int_equal(chmod(w->path, 0644), 0);
	never_ran(w, "chmod 0755");
	assert_int_equal(chmod(w->path, 0755), 0);
	w->exec.path = w->dir;
	never_ran(w, "cannot be started");
	w->exec.path = w->path;
	int writer = open(w->path, O_WRONLY | O_CLOEXEC);
	never_ran(w, "being written");
	close(writer);
	memset(long_one, 'x', 200000);
	w->argv[1] = long_one;
	never_ran(w, "longer than the system takes");
	w->argv[1] = w->fifo;
	BODY_IS(run(w, HANDLER "echo now"), "now\n");
}

static void test_too_late_to_begin(void **state)
{
	struct exec_world *w = *state;
	int64_t by = clock_boot_ms();

	write_handler(w, HANDLER "echo now");
	w->call.leave_by_boot = &by;
	never_ran(w, "to begin was over");
	by += 3600000;
	BODY_IS(run(w, NULL), "now\n");
}

static void test_no_place_for_its_folder(void **state)
{
	struct exec_world *w = *state;

	write_handler(w, HANDLER);
	upstream_exec.close(w->pool);
	strcat(w->work, "/no/such/place");
	open_pool(w);
	never_ran(w, "no folder can be made");
	upstream_exec.close(w->pool);
	strcpy(w->work, w->fifo); /* there, and no folder */
	open_pool(w);
	never_ran(w, "no folder can be made");
}

static void test_no_descriptors_left(void **state)
{
	struct exec_world *w = *state;
	int fds[1024];
	size_t n = 0;
	struct rlimit was, few;

	write_handler(w, HANDLER);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((fds[n] = dup(0)) >= 0)
		n++;
	assert_int_equal(errno, EMFILE);
	/* whichever of them is the one too many */
	for (size_t freed = 0; freed < 9; freed++) {
		start(w, &tags[0]);
		assert_true(upstream_exec.unsent(w->pool, &tags[0]));
		int *tag;
		struct upstream_answer a = take(w, &tag);
		assert_int_equal(a.end, UPSTREAM_UNSENT);
		assert_non_null(strstr(a.why, "ulimit -n"));
		close(fds[--n]);
	}
	while (n)
		close(fds[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

static void test_unsent_is_only_what_never_began(void **state)
{
	struct exec_world *w = *state;
	int *tag;

	write_handler(w, HANDLER "echo up >&3; cat $1");
	start(w, &tags[1]);
	assert_false(upstream_exec.unsent(w->pool, &tags[1]));
	told(w);
	assert_false(upstream_exec.unsent(w->pool, &tags[1]));
	assert_false(upstream_exec.unsent(w->pool, &tags[2]));
	step(w);
	assert_int_equal(take(w, &tag).end, UPSTREAM_ANSWER);
}

/* ---- what it is given ---------------------------------------------------- */

static void as(struct exec_world *w, const char *path, const char *argument)
{
	w->exec.path = path;
	w->argv[0] = "named";
	w->argv[1] = argument;
}

static void test_environment_is_as_given(void **state)
{
	struct exec_world *w = *state;

	setenv("LOWTIDE_TEST_SECRET", "not for programs", 1);
	as(w, "/usr/bin/env", NULL);
	w->envp[0] = "PATH=/nowhere";
	w->envp[1] = "LOWTIDE_JOB_ID=job_1";
	w->envp[2] = "EMPTY=";
	w->envp[3] = "SPACES= a  b ";
	BODY_IS(run(w, NULL), "PATH=/nowhere\nLOWTIDE_JOB_ID=job_1\nEMPTY=\n"
			      "SPACES= a  b \n");
	w->envp[0] = NULL;
	BODY_IS(run(w, NULL), "");
	unsetenv("LOWTIDE_TEST_SECRET");
}

static void test_arguments_are_as_given(void **state)
{
	struct exec_world *w = *state;

	write_handler(w, HANDLER "printf '<%s>' \"$@\"");
	w->argv[1] = "--run-handler";
	w->argv[2] = "";
	w->argv[3] = "a b";
	w->argv[4] = "*";
	BODY_IS(run(w, NULL), "<--run-handler><><a b><*>");
}

/* ls has 4 itself, to read the folder. */
static void test_no_descriptor_of_ours(void **state)
{
	struct exec_world *w = *state;
	int leak[20];

	for (int i = 0; i < 20; i++)
		leak[i] = open("/dev/null", O_RDONLY); /* not closed on exec */
	as(w, "/bin/ls", "/proc/self/fd");
	BODY_IS(run(w, NULL), "0\n1\n2\n3\n4\n");
	for (int i = 0; i < 20; i++)
		close(leak[i]);
}

static void test_its_folder(void **state)
{
	struct exec_world *w = *state;
	struct upstream_answer a =
	    run(w, HANDLER "ls -A; stat -c %a .; umask; pwd; echo x >left");

	assert_true(str_starts(
	    a.body, arena_printf(&arena, "700\n0077\n%s/run-", w->work).p));
	BODY_IS(
	    run(w, HANDLER "mkdir -p a/b; ln -s / root; chmod 0 a .; :"), "");
	/* which it may remove itself */
	BODY_IS(run(w, HANDLER "rmdir \"$PWD\""), "");
	BODY_IS(
	    run(w, HANDLER "mv \"$PWD\" \"$PWD.x\"; mv \"$PWD.x\" $PWD"), "");
	assert_int_equal(entries_of(w->dir), 3); /* handler, fifo, work */
}

static void test_a_group_of_its_own(void **state)
{
	struct exec_world *w = *state;
	int pid, parent, group, session;

	as(w, "/bin/cat", "/proc/self/stat");
	struct upstream_answer a = run(w, NULL);
	assert_int_equal(sscanf(a.body.p, "%d (cat) R %d %d %d", &pid, &parent,
			     &group, &session),
	    4);
	assert_int_equal(group, pid);
	assert_int_equal(session, pid);
	assert_int_not_equal(parent, getpid());
}

static void test_what_is_reset(void **state)
{
	struct exec_world *w = *state;
	sigset_t set, was;

	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &was);
	struct upstream_answer a = run(w,
	    HANDLER "exec grep -E '^(SigIgn|SigBlk|NoNew)' /proc/self/status");
	unsigned long long blocked, ignored;
	int privileges;
	assert_int_equal(
	    sscanf(a.body.p, "SigBlk: %llx SigIgn: %llx NoNewPrivs: %d",
		&blocked, &ignored, &privileges),
	    3);
	assert_int_equal(privileges, 1);
	assert_int_equal(blocked, 0);
	/* the C library has two for itself, above those that have names */
	assert_int_equal(ignored & 0x7fffffff, 0);
	sigprocmask(SIG_SETMASK, &was, NULL);
	signal(SIGUSR1, SIG_DFL);
}

/* ---- many ---------------------------------------------------------------- */

static void test_one_after_another(void **state)
{
	struct exec_world *w = *state;
	const size_t fds = open_fds();

	write_handler(w, HANDLER "echo $1");
	w->argv[1] = "x";
	for (int i = 0; i < 200; i++)
		BODY_IS(run(w, NULL), "x\n");
	assert_int_equal(open_fds(), fds);
}

static void test_many_at_once(void **state)
{
	struct exec_world *w = *state;
	uint64_t seen = 0;
	int *tag;

	write_handler(w, HANDLER "echo up >&3; cat $1; echo $LOWTIDE_JOB_ID");
	for (int i = 0; i < 24; i++) {
		w->envp[1] = arena_printf(&arena, "LOWTIDE_JOB_ID=%d", i).p;
		start(w, &tags[i]);
	}
	for (int i = 0; i < 24; i++)
		told(w);
	assert_int_equal(entries_of(w->work), 24);
	step(w);
	watchdog_for = "all that were started to end";
	for (int i = 0; i < 24; i++) {
		/* whoever opens the fifo later than that gets its own */
		struct upstream_answer a;
		void *got;
		while (!upstream_exec.next(w->pool, &arena, &got, &a)) {
			int fd =
			    open(w->fifo, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
			if (fd >= 0)
				close(fd);
			upstream_exec.wait(w->pool, NULL, 0, NULL, 10);
		}
		tag = got;
		BODY_IS(a, arena_printf(&arena, "%d\n", (int)(tag - tags)).p);
		seen |= UINT64_C(1) << (tag - tags);
	}
	assert_int_equal(seen, (UINT64_C(1) << 24) - 1);
	assert_true(no_children());
	assert_int_equal(entries_of(w->work), 0);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
	    TEST(test_output_is_the_answer),
	    TEST(test_no_output),
	    TEST(test_any_bytes_in_and_out),
	    TEST(test_input_that_nobody_reads),
	    TEST(test_exits),
	    TEST(test_falls_over_its_limit),
	    TEST(test_what_cannot_be_started),
	    TEST(test_too_late_to_begin),
	    TEST(test_no_place_for_its_folder),
	    TEST(test_no_descriptors_left),
	    TEST(test_unsent_is_only_what_never_began),
	    TEST(test_environment_is_as_given),
	    TEST(test_arguments_are_as_given),
	    TEST(test_no_descriptor_of_ours),
	    TEST(test_its_folder),
	    TEST(test_a_group_of_its_own),
	    TEST(test_what_is_reset),
	    TEST(test_one_after_another),
	    TEST(test_many_at_once),
	};
	return cmocka_run_group_tests_name("exec", all, NULL, NULL);
}

int main(int argc, char *argv[])
{
	return exec_main(argc, argv, tests);
}
