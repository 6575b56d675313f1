#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "cgi/committer.h"
#include "cgi/sandbox.h"
#include "lib/clock.h"
#include "lib/fs.h"

/*
 * A child enters the sandbox and then tries, in each of its threads, what must
 * not be possible any more. It tells by its status: 0, or the number of the
 * first row that was otherwise. The committer's thread is one of them: it asks
 * for the time, and that is our function.
 */
static char root[] = "/tmp/lowtide-sandbox.XXXXXX";
static char path[256];

static const char *at(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void put(const char *name)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	fputs("{}", f);
	fclose(f);
}

static int set_up(void **unused)
{
	(void)unused;
	assert_non_null(mkdtemp(root));
	mkdir(at("state"), 0700);
	mkdir(at("config"), 0700);
	mkdir(at("linked"), 0700);
	mkdir(at("else"), 0700);
	put("config/keys");
	put("linked/lowtide.json");
	put("else/secret");
	assert_int_equal(
	    symlink("../linked/lowtide.json", at("config/lowtide.json")), 0);
	return 0;
}

static int tear_down(void **unused)
{
	struct arena a = {0};
	struct diag diag;

	(void)unused;
	diag_init(&diag, &a);
	assert_int_equal(fs_remove_tree(root, &diag), ERR_OK);
	arena_release(&a);
	return 0;
}

/* ---- what is tried ------------------------------------------------------- */

/* 0, or errno; each thread has a name of its own for what it makes. */
struct place {
	char dir[sizeof(root)];
	int thread;
};
static const char *in(const struct place *p, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", p->dir, name);
	return out;
}

static int opens(const struct place *p, const char *name, int flags)
{
	char full[256];
	int fd = open(in(p, name, full), flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int asks(int family, int type)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_inet(const struct place *p)
{
	(void)p;
	return asks(AF_INET, SOCK_STREAM);
}

static int try_inet6(const struct place *p)
{
	(void)p;
	return asks(AF_INET6, SOCK_DGRAM);
}

static int try_unix(const struct place *p)
{
	(void)p;
	return asks(AF_UNIX, SOCK_STREAM);
}

static int try_netlink(const struct place *p)
{
	(void)p;
	return asks(AF_NETLINK, SOCK_RAW);
}

static int try_pair(const struct place *p)
{
	int fds[2];

	(void)p;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) ? errno : 0;
}

static int try_exec(const struct place *p)
{
	char *none[] = {NULL};

	(void)p;
	execve("/bin/true", none, none);
	return errno;
}

/* A sanitizer's build may: its leak checker does. */
static int try_process(const struct place *p)
{
	(void)p;
	if (SANDBOX_SANITIZED)
		return EPERM;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int try_kill(const struct place *p)
{
	(void)p;
	return kill(getppid(), 0) ? errno : 0;
}

static int try_limit(const struct place *p)
{
	struct rlimit limit;

	(void)p;
	return prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit) ? errno : 0;
}

static int try_own_limit(const struct place *p)
{
	struct rlimit limit;

	(void)p;
	return getrlimit(RLIMIT_NOFILE, &limit) ? errno : 0;
}

static int try_ptrace(const struct place *p)
{
	(void)p;
	if (SANDBOX_SANITIZED)
		return EPERM;
	return syscall(SYS_ptrace, 16 /* ATTACH */, getppid(), 0, 0) ? errno
								     : 0;
}

static int try_bpf(const struct place *p)
{
	(void)p;
	return syscall(SYS_bpf, 0, NULL, 0) < 0 ? errno : 0;
}

static int try_io_uring(const struct place *p)
{
	(void)p;
	return syscall(SYS_io_uring_setup, 1, NULL) < 0 ? errno : 0;
}

static int try_new_mode(const struct place *p)
{
	char full[256];

	return chmod(in(p, "config/keys", full), 0644) ? errno : 0;
}

static int try_outside(const struct place *p)
{
	return SANDBOX_SANITIZED ? EACCES : opens(p, "else/secret", O_RDONLY);
}

static int try_passwd(const struct place *p)
{
	int fd;

	(void)p;
	if (SANDBOX_SANITIZED)
		return EACCES;
	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_write_outside(const struct place *p)
{
	return opens(p, "else/secret", O_WRONLY);
}

static int try_write_config(const struct place *p)
{
	return opens(p, "config/keys", O_WRONLY);
}

static int try_make_config(const struct place *p)
{
	return opens(p, "config/new", O_WRONLY | O_CREAT);
}

static int try_remove_config(const struct place *p)
{
	char full[256];

	return unlink(in(p, "config/keys", full)) ? errno : 0;
}

static int try_take_away(const struct place *p)
{
	char full[256], into[256];

	return rename(in(p, "config/keys", full), in(p, "state/keys", into))
		   ? errno
		   : 0;
}

static int try_truncate_linked(const struct place *p)
{
	char full[256];

	return truncate(in(p, "linked/lowtide.json", full), 0) ? errno : 0;
}

static int try_keys(const struct place *p)
{
	return opens(p, "config/keys", O_RDONLY);
}

static int try_linked(const struct place *p)
{
	return opens(p, "config/lowtide.json", O_RDONLY);
}

static int try_state(const struct place *p)
{
	char name[64], full[256];

	snprintf(name, sizeof(name), "state/made-%d", p->thread);
	int error = opens(p, name, O_RDWR | O_CREAT | O_EXCL);
	if (!error)
		error = opens(p, name, O_WRONLY | O_TRUNC);
	if (!error)
		error = unlink(in(p, name, full)) ? errno : 0;
	return error ? error : opens(p, "state/stays", O_WRONLY | O_CREAT);
}

static int try_link_in_state(const struct place *p)
{
	char full[256];

	return symlink("/etc/passwd", in(p, "state/link", full)) ? errno : 0;
}

static int try_memory_file(const struct place *p)
{
	(void)p;
	int fd = memfd_create("request", MFD_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void *nothing(void *unused)
{
	return unused;
}

static int try_thread(const struct place *p)
{
	pthread_t thread;

	(void)p;
	int error = pthread_create(&thread, NULL, nothing, NULL);
	return error ? error : pthread_join(thread, NULL);
}

enum needs { CALLS, FILES, NEITHER };
static const struct {
	int (*try)(const struct place *p);
	int error;
	enum needs needs; /* what this kernel must have for it */
} rows[] = {
    {try_inet, EPERM, CALLS},
    {try_inet6, EPERM, CALLS},
    {try_unix, EPERM, CALLS},
    {try_netlink, EPERM, CALLS},
    {try_pair, EPERM, CALLS},
    {try_exec, EPERM, CALLS},
    {try_process, EPERM, CALLS},
    {try_kill, EPERM, CALLS},
    {try_limit, EPERM, CALLS},
    {try_own_limit, 0, NEITHER},
    {try_ptrace, EPERM, CALLS},
    {try_bpf, EPERM, CALLS},
    {try_io_uring, EPERM, CALLS},
    {try_new_mode, EPERM, CALLS},
    {try_outside, EACCES, FILES},
    {try_passwd, EACCES, FILES},
    {try_write_outside, EACCES, FILES},
    {try_write_config, EACCES, FILES},
    {try_make_config, EACCES, FILES},
    {try_remove_config, EACCES, FILES},
    {try_take_away, EACCES, FILES},
    {try_truncate_linked, EPERM, CALLS},
    {try_keys, 0, NEITHER},
    {try_linked, 0, NEITHER},
    {try_state, 0, NEITHER},
    {try_link_in_state, EACCES, FILES},
    {try_memory_file, 0, NEITHER},
    {try_thread, 0, NEITHER},
};
#define N_ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

static bool there[] = {[CALLS] = true, [FILES] = true, [NEITHER] = true};

/* 0, or what to exit with: the row's number from 1 on. */
static int try_all(int thread)
{
	struct place p = {.thread = thread};

	memcpy(p.dir, root, sizeof(root));
	for (int i = 0; i < N_ROWS; i++) {
		int error;
		if (!there[rows[i].needs])
			continue;
		error = rows[i].try(&p);
		/* moving between folders may be refused as a whole */
		if (rows[i].try == try_take_away && error == EXDEV)
			error = EACCES;
		if (error != rows[i].error) {
			fprintf(stderr, "# row %d, thread %d: %s\n", i, thread,
			    strerror(error));
			return i + 1;
		}
	}
	return 0;
}

/* ---- the threads --------------------------------------------------------- */

static struct log quiet = {.fd = -1};

static void enter(void)
{
	char dir[256], keys[256], config[256];
	const char *const files[] = {config, keys, NULL};

	snprintf(dir, sizeof(dir), "%s", at("state"));
	snprintf(keys, sizeof(keys), "%s", at("config/keys"));
	snprintf(config, sizeof(config), "%s", at("config/lowtide.json"));
	const struct sandbox_spec spec = {.state_dir = dir, .files = files};
	sandbox_enter(&spec, &quiet, 0);
}

static int status_of(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static void *in_thread(void *arg)
{
	return (void *)(intptr_t)try_all((int)(intptr_t)arg);
}

static int with_threads(void)
{
	pthread_t thread[3];
	void *said = NULL;
	int worst = 0;

	enter();
	for (int i = 0; i < 3; i++)
		if (pthread_create(
			&thread[i], NULL, in_thread, (void *)(intptr_t)(i + 1)))
			return 200;
	worst = try_all(0);
	for (int i = 0; i < 3; i++) {
		pthread_join(thread[i], &said);
		if (said)
			worst = (int)(intptr_t)said;
	}
	return worst;
}

static void test_every_thread(void **unused)
{
	(void)unused;
	pid_t pid = fork();
	if (pid == 0)
		_exit(with_threads());
	assert_int_equal(status_of(pid), 0);
}

/* ---- the committer's ----------------------------------------------------- */

static atomic_int tried = -1;

static int64_t boot_in_thread(void)
{
	if (atomic_load(&tried) < 0)
		atomic_store(&tried, try_all(9));
	return clock_boot_ms();
}

static int with_committer(void)
{
	struct api api = {.name = STR("a"), .tag = STR("000001")};
	struct config config = {.name = STR("test"), .apis = &api, .n_apis = 1};
	struct store_spec spec = {
	    .dir = root, .config = &config, .role = STORE_WRITES};
	struct committer_spec how = {
	    .boot_ms = boot_in_thread, .wall_ms = clock_wall_ms};
	struct committer *committer;

	if (store_open(&store_memory, &spec, NULL, &how.store) != ERR_OK)
		return 201;
	enter();
	if (committer_start(&how, &committer) != ERR_OK)
		return 202;
	for (int i = 0; i < 10000 && atomic_load(&tried) < 0; i++)
		usleep(1000);
	committer_stop(committer);
	store_close(how.store);
	return atomic_load(&tried);
}

static void test_the_committer(void **unused)
{
	(void)unused;
	pid_t pid = fork();
	if (pid == 0)
		_exit(with_committer());
	assert_int_equal(status_of(pid), 0);
}

/* ---- no core, and what is missing ---------------------------------------- */

static int no_core(void)
{
	struct rlimit limit;

	enter();
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max)
		return 1;
	if (prctl(PR_GET_DUMPABLE) != SANDBOX_SANITIZED)
		return 2;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static void test_no_core(void **unused)
{
	(void)unused;
	pid_t pid = fork();
	if (pid == 0)
		_exit(no_core());
	assert_int_equal(status_of(pid), 0);
}

static void test_abort_still_ends(void **unused)
{
	(void)unused;
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		enter();
		abort();
	}
	assert_int_equal(status_of(pid), 1000 + SIGABRT);
}

/* Without a descriptor there are no rules; it stands for an older kernel. */
static int says_what_is_missing(int fd)
{
	const struct log log = {.fd = fd, .program = "test"};
	const char *const none[] = {NULL};
	const struct sandbox_spec spec = {.state_dir = root, .files = none};
	const struct rlimit no_files = {0};

	setrlimit(RLIMIT_NOFILE, &no_files);
	sandbox_enter(&spec, &log, 0);
	return asks(AF_INET, SOCK_STREAM) == EPERM ? 0 : 1;
}

static void test_what_is_missing(void **unused)
{
	char line[512] = "";
	int fds[2];

	(void)unused;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(says_what_is_missing(fds[1]));
	close(fds[1]);
	assert_int_equal(status_of(pid), 0);
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	close(fds[0]);
	assert_non_null(strstr(
	    line, "\"event\":\"sandbox-partial\",\"missing\":\"landlock\""));
}

/* What this kernel has decides which rows can be asked for. */
static void look_at_kernel(void)
{
	there[FILES] = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION) > 0;
	there[CALLS] = prctl(PR_GET_SECCOMP) >= 0;
	if (!there[FILES] || !there[CALLS])
		fprintf(stderr, "# this kernel lacks%s%s\n",
		    there[FILES] ? "" : " Landlock",
		    there[CALLS] ? "" : " seccomp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_thread),
	    cmocka_unit_test(test_the_committer),
	    cmocka_unit_test(test_no_core),
	    cmocka_unit_test(test_abort_still_ends),
	    cmocka_unit_test(test_what_is_missing),
	};

	look_at_kernel();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sandbox", tests, set_up, tear_down);
}
