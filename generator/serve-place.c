#include "generator/serve-place.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generator/hash.h"
#include "generator/supervise.h"
#include "lib/fs.h"

/*
 * Folders, programs, ports. Under root the children are nobody, so whatever
 * they have to reach is copied or given to them here.
 */
#define COPY_STEP ((size_t)1024 * 1024)
#define BACKLOG 4096 /* at 511 nginx answers 502 under load */
#define STATE_HASH_HEX 16
#define RUN_NAME (sizeof("/lowtide-XXXXXX") - 1)

static enum err failed(struct diag *diag, const char *what, const char *path)
{
	diag_error(diag, POS_NONE, "io-error", "%s %s: %s", what, path,
	    strerror(errno));
	return ERR_IO;
}

static const char *in_folder(struct arena *a, struct str dir, const char *name)
{
	if (dir.n == 0)
		return NULL;
	const char *file = fs_join(a, arena_cstr(a, dir), name);
	struct stat st;
	bool found = access(file, X_OK) == 0 && stat(file, &st) == 0 &&
		     S_ISREG(st.st_mode);
	return found ? file : NULL;
}

/*
 * Beside lowtide, in PATH, and in the sbin beside each bin of PATH: Debian
 * keeps nginx there and leaves sbin out of an ordinary user's PATH.
 */
static const char *search(struct arena *a, const char *self, const char *name)
{
	const char *path = getenv("PATH"), *file = NULL;
	struct str all = str_of(path ? path : "/usr/local/bin:/usr/bin:/bin");

	if (self)
		file = in_folder(a, str_of(self), name);
	for (int sbin = 0; sbin < 2 && !file; sbin++) {
		for (size_t at = 0, end; at < all.n && !file; at = end + 1) {
			end = str_find(all, ':', at);
			struct str dir = str_slice(all, at, end);
			if (sbin && !str_ends(dir, "/bin"))
				continue;
			if (sbin)
				dir = arena_printf(
				    a, "%.*ssbin", (int)dir.n - 3, dir.p);
			file = in_folder(a, dir, name);
		}
	}
	return file;
}

const char *place_program(struct arena *a, const char *name)
{
	return search(a, NULL, name);
}

/* Neither synced nor atomic: nobody reads it before it is whole. */
static enum err copy_file(
    const char *from, const char *to, mode_t mode, struct diag *diag)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = in < 0
		      ? -1
		      : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ssize_t n = -1;

	while (out >= 0 && (n = sendfile(out, in, NULL, COPY_STEP)) > 0)
		continue;
	enum err err = n < 0 ? failed(diag, "cannot copy", from) : ERR_OK;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return err;
}

/* The site as nobody can read it, without what serve itself made there. */
static enum err copy_site(struct arena *a, struct place *p, struct diag *diag)
{
	const char *to = fs_join(a, p->run, "site");
	struct fs_list list;
	/* symbolic links are left out; the build says what it thinks of them */
	enum err err = fs_walk(a, p->site, NULL, &list);
	if (err == ERR_INPUT)
		err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < list.n; i++) {
		const struct fs_entry *e = &list.entries[i];
		if (str_starts(e->rel, ".lowtide") ||
		    str_starts(e->rel, "dist/") || str_starts(e->rel, ".git/"))
			continue;
		char *path = arena_cstr(
		    a, arena_printf(a, "%s/%.*s", to, STR_ARG(e->rel)));
		char *slash = strrchr(path, '/');
		*slash = '\0';
		err = fs_mkdirs(path, 0755, diag);
		*slash = '/';
		if (err == ERR_OK)
			err = copy_file(
			    e->path, path, (e->mode & 0111) | 0644, diag);
	}
	p->work = to;
	return err;
}

struct program {
	const char *name, *finding, *remedy;
	bool ours;
	bool of_few; /* missed by the sites that need it, once they are known */
};
static const struct program programs[] = {
    {"nginx", "nginx-missing",
	"install it (`apt-get install nginx`; it need not be running)", false,
	false},
    {"lowtide-cgi", "program-missing", "build it (`make`)", true, false},
    {"lowtide-worker", "program-missing", "build it (`make`)", true, false},
    {"lowtide-jobs", "program-missing", "build it (`make`)", true, false},
    {"lowtide-read", "program-missing", "build it (`make`)", true, true},
};

static enum err is_missing(const struct program *row, struct diag *diag)
{
	diag_error(diag, POS_NONE, row->finding,
	    "%s is neither beside lowtide nor in PATH; %s", row->name,
	    row->remedy);
	return ERR_MISSING;
}

static enum err find_programs(
    struct arena *a, const char *self, struct place *p, struct diag *diag)
{
	const char **into[] = {
	    &p->nginx, &p->cgi, &p->worker, &p->jobs, &p->read};
	enum err err = ERR_OK;

	for (size_t i = 0; i < sizeof(into) / sizeof(*into); i++) {
		const struct program *row = &programs[i];
		*into[i] = search(a, row->ours ? self : NULL, row->name);
		if (!*into[i] && !row->of_few)
			err = is_missing(row, diag);
	}
	for (size_t i = 0;
	     p->as_root && err == ERR_OK && i < sizeof(into) / sizeof(*into);
	     i++) {
		if (!programs[i].ours || !*into[i])
			continue;
		const char *copy = fs_join(a, p->run, programs[i].name);
		err = copy_file(*into[i], copy, 0755, diag);
		*into[i] = copy;
	}
	return err;
}

enum err place_read(const struct place *place, struct diag *diag)
{
	const size_t last = sizeof(programs) / sizeof(*programs) - 1;

	return place->read ? ERR_OK : is_missing(&programs[last], diag);
}

enum err place_give(const char *path, struct diag *diag)
{
	if (lchown(path, SUPERVISE_NOBODY, SUPERVISE_NOBODY) == 0)
		return ERR_OK;
	return failed(diag, "cannot give to nobody:", path);
}

/* As root: the state where nobody can reach it, and a symlink to it. */
static enum err make_root_state(
    struct arena *a, struct place *p, const char *link, struct diag *diag)
{
	struct stat st;

	struct str hash = hash_blake2b(a, str_of(p->site));
	p->state =
	    arena_printf(a, SERVE_ROOT_STATE "/%.*s", STATE_HASH_HEX, hash.p).p;
	enum err err = fs_mkdirs(SERVE_ROOT_STATE, 0755, diag);
	if (err == ERR_OK)
		err = fs_mkdirs(p->state, 0700, diag);
	if (err != ERR_OK)
		return err;
	err = place_give(p->state, diag);
	if (err != ERR_OK)
		return err;
	if (lstat(link, &st) == 0 && !S_ISLNK(st.st_mode)) {
		diag_error(diag, POS_FILE(link), "state-of-another",
		    "holds the state of a run by an ordinary user; run as "
		    "that user, or move it away");
		return ERR_CONFLICT;
	}
	unlink(link);
	if (symlink(p->state, link) != 0)
		return failed(diag, "cannot make the symlink", link);
	return ERR_OK;
}

static enum err make_state(struct arena *a, struct place *p, struct diag *diag)
{
	const char *dir = fs_join(a, p->site, ".lowtide");

	if (p->as_root)
		return make_root_state(a, p, dir, diag);
	p->state = dir;
	/* root's link, in a folder that was copied here from elsewhere */
	if (access(dir, F_OK) != 0 && errno == ENOENT)
		unlink(dir);
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return failed(diag,
		    "cannot make the folder for its state "
		    "(serve a copy of the site that you may write to):",
		    dir);
	if (access(dir, R_OK | W_OK | X_OK) != 0)
		return failed(diag,
		    "the state of earlier runs may not be written, perhaps "
		    "because another user made it (run as that user, or "
		    "remove it):",
		    dir);
	return ERR_OK;
}

/*
 * The lock file names the temporary folder of the run that holds it. A run
 * that was killed could not remove its own; the next one does. As root the
 * folder of the lock is nobody's, so only a file of our own is believed.
 */
static void tidy_up_after_last(struct arena *a, const struct place *p, int lock)
{
	char text[256];
	struct stat st;
	ssize_t n = pread(lock, text, sizeof(text), 0);
	struct str was =
	    arena_str(a, (struct str){.p = text, .n = n > 0 ? (size_t)n : 0});
	size_t name = was.n - (was.n < RUN_NAME ? was.n : RUN_NAME);

	if (fstat(lock, &st) != 0 || st.st_uid != geteuid())
		return;
	if (str_starts(str_slice(was, name, was.n), "/lowtide-") &&
	    lstat(was.p, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && fs_remove_tree(was.p, NULL) != ERR_OK)
		return;
	size_t now = strlen(p->run);
	if (ftruncate(lock, 0) != 0 ||
	    pwrite(lock, p->run, now, 0) != (ssize_t)now)
		return;
}

/* Held until we end, however we end. */
static enum err lock_state(struct arena *a, struct place *p, struct diag *diag)
{
	const char *path = fs_join(a, p->state, "serve.lock");
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return failed(diag, "cannot open", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		tidy_up_after_last(a, p, fd);
		return ERR_OK;
	}
	close(fd);
	diag_error(diag, POS_NONE, "already-served",
	    "another `lowtide serve` runs this site (%s); stop it, or serve a "
	    "copy of the folder",
	    p->site);
	return ERR_CONFLICT;
}

enum err place_make(struct arena *a, const char *self, const char *dir,
    struct diag *diag, struct place *out)
{
	const char *tmp = getenv("TMPDIR");
	struct place *p = out;

	*p = (struct place){.as_root = geteuid() == 0};
	char *real = realpath(dir, NULL);
	if (!real)
		return failed(diag, "no such site folder:", dir);
	p->site = p->work = arena_cstr(a, str_of(real));
	free(real);
	umask(022);
	char *run =
	    arena_cstr(a, arena_printf(a, "%s/lowtide-XXXXXX",
			      tmp && *tmp && strlen(tmp) < 60 ? tmp : "/tmp"));
	if (!mkdtemp(run))
		return failed(diag, "cannot make a temporary folder", run);
	p->run = run;
	if (p->as_root && chmod(run, 0755) != 0)
		return failed(diag, "cannot open to nobody:", run);
	enum err err = find_programs(a, self, p, diag);
	if (err == ERR_OK && p->as_root)
		err = copy_site(a, p, diag);
	if (err == ERR_OK)
		err = make_state(a, p, diag);
	if (err == ERR_OK)
		err = lock_state(a, p, diag);
	return err;
}

void place_release(struct place *place)
{
	if (place && place->run && fs_remove_tree(place->run, NULL) == ERR_OK)
		place->run = NULL;
}

enum err place_keys(struct arena *a, const struct place *place,
    struct diag *diag, const char **keys)
{
	const char *path = *keys = fs_join(a, place->state, "keys");
	int status = -1;

	if (access(path, F_OK) != 0) {
		pid_t pid = fork();
		if (pid == 0) {
			/* the folder is nobody's: root writes nothing there */
			if (place->as_root && !supervise_become_nobody())
				_exit(127);
			/* its advice is for people who keep a store */
			if (!freopen("/dev/null", "w", stderr))
				_exit(127);
			execl(place->jobs, place->jobs, "keygen", path,
			    (char *)NULL);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			diag_error(diag, POS_FILE(path), "keys-missing",
			    "could not be made; try `lowtide-jobs keygen %s`",
			    path);
			return ERR_MISSING;
		}
	}
	return ERR_OK;
}

enum err place_socket(struct arena *a, const struct place *place,
    const char *name, struct diag *diag, const char **path, int *fd)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	*path = fs_join(a, place->run, name);
	if (strlen(*path) >= sizeof(at.sun_path)) {
		diag_error(diag, POS_FILE(*path), "path-too-long",
		    "is too long for a socket; set TMPDIR to a short folder");
		return ERR_TOO_LARGE;
	}
	memcpy(at.sun_path, *path, strlen(*path) + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || bind(*fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    chmod(*path, 0660) != 0 || listen(*fd, BACKLOG) != 0)
		return failed(diag, "cannot listen on", *path);
	return place->as_root ? place_give(*path, diag) : ERR_OK;
}

static int bound(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	/* as nginx does: what is in TIME_WAIT is not in the way */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    listen(fd, 1) == 0)
		return fd;
	int reason = errno;
	if (fd >= 0)
		close(fd);
	errno = reason;
	return -1;
}

enum err place_port(uint16_t port, struct diag *diag)
{
	int fd = bound(port);

	if (fd >= 0) {
		close(fd);
		return ERR_OK;
	}
	if (errno == EADDRINUSE)
		diag_error(diag, POS_NONE, "port-busy",
		    "port %u of 127.0.0.1 is in use by another program; "
		    "choose another (--port N, or `make demo PORT=N`)",
		    port);
	else
		diag_error(diag, POS_NONE, "port-refused",
		    "cannot listen on port %u of 127.0.0.1: %s; choose "
		    "another (--port N, or `make demo PORT=N`)",
		    port, strerror(errno));
	return ERR_CONFLICT;
}

enum err place_free_port(uint16_t *port, struct diag *diag)
{
	struct sockaddr_in at;
	socklen_t n = sizeof(at);
	int fd = bound(0);

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&at, &n) != 0)
		return failed(diag, "cannot find a free port on", "127.0.0.1");
	*port = ntohs(at.sin_port);
	close(fd);
	return ERR_OK;
}
