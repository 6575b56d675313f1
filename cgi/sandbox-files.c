#include "cgi/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

/*
 * Landlock: rules hang on inodes, of folders here, and hold for all that is
 * below. Whatever right the kernel knows is taken from us, and given back for
 * these folders; which it knows its ABI says, which is asked at run time,
 * because the kernel is not the one whose headers we were built with.
 *
 *	ABI 1	Linux 5.13	files and folders
 *	    2	     5.19	moving them between folders (REFER)
 *	    3	     6.2	truncate; before, seccomp has truncate(2)
 *	    4	     6.7	TCP; seccomp has sockets at any rate
 *	    5	     6.10	ioctl on devices
 *	    6	     6.12	signals and abstract sockets, out of here
 */
#define FS_1 (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1) /* all up to the last */
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_TCP 3ULL /* bind, connect */
#define NET_CONNECT 2ULL
#define SCOPES 3ULL /* abstract sockets, signals */

/* As in <linux/landlock.h> of ABI 6; zeros at its end are older ones. */
struct ruleset {
	uint64_t fs, net, scoped;
};

/* struct landlock_net_port_attr, and its rule's type, of ABI 4 */
#define RULE_NET_PORT 2
struct port_rule {
	uint64_t access, port;
};

/* From the ABI on by which it was known. */
static const struct ruleset abis[] = {
    [1] = {.fs = FS_1},
    [2] = {.fs = FS_REFER},
    [3] = {.fs = FS_TRUNCATE},
    [4] = {.net = NET_TCP},
    [5] = {.fs = FS_IOCTL_DEV},
    [6] = {.scoped = SCOPES},
};

/*
 * Resolving: files of /etc, which are replaced by rename, what they lead to,
 * and libraries that are loaded for it. Authorities: links out of /etc/ssl.
 */
const char *const sandbox_calling_folders[] = {"/etc", "/lib", "/usr/lib",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
    "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", NULL};

#define READS (LANDLOCK_ACCESS_FS_READ_FILE)
#define WRITES                                                                 \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |          \
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |      \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE)

struct rules {
	struct ruleset taken;
	int fd;
	bool failed;
};

static void take_by_abi(struct ruleset *taken, long abi)
{
	*taken = (struct ruleset){0};
	for (size_t i = 1; i < sizeof(abis) / sizeof(abis[0]); i++) {
		if ((long)i > abi)
			break;
		taken->fs |= abis[i].fs;
		taken->net |= abis[i].net;
		taken->scoped |= abis[i].scoped;
	}
}

/* What is not there needs no rule, and nothing below it can be opened. */
static void allow(struct rules *r, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {
	    .allowed_access = access & r->taken.fs,
	    .parent_fd = open(path, O_PATH | O_CLOEXEC)};

	if (rule.parent_fd < 0)
		return;
	if (syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH,
		&rule, 0) != 0)
		r->failed = true;
	close(rule.parent_fd);
}

static void allow_folder_of(struct rules *r, const char *path)
{
	char folder[PATH_MAX] = ".";
	const char *end = strrchr(path, '/');
	const size_t n = end ? (size_t)(end - path) + 1 : 0;

	if (n < sizeof(folder)) {
		memcpy(folder, path, n); /* "/x" is in "/" */
		allow(r, folder, READS);
	}
}

static void allow_port(struct rules *r, uint16_t port)
{
	const struct port_rule rule = {NET_CONNECT, port};

	if (r->taken.net &&
	    syscall(SYS_landlock_add_rule, r->fd, RULE_NET_PORT, &rule, 0) != 0)
		r->failed = true;
}

static void allow_state(struct rules *r, const char *dir)
{
	char real[PATH_MAX];

	allow(r, dir, WRITES);
	/* the providers' keys: in there, unless jwks is a link */
	if (strlen(dir) + sizeof("/jwks") <= sizeof(real)) {
		strcpy(real, dir);
		strcat(real, "/jwks");
		allow(r, real, READS);
	}
}

static void allow_all(struct rules *r, const struct sandbox_spec *spec)
{
	char real[PATH_MAX];

	if (spec->state_dir)
		allow_state(r, spec->state_dir);
	for (size_t i = 0; spec->folders && spec->folders[i]; i++)
		allow(r, spec->folders[i], READS | LANDLOCK_ACCESS_FS_READ_DIR);
	for (size_t i = 0; spec->calls && i < spec->n_ports; i++)
		allow_port(r, spec->ports[i]);
	for (size_t i = 0; spec->files[i]; i++) {
		allow_folder_of(r, spec->files[i]);
		if (realpath(spec->files[i], real))
			allow_folder_of(r, real);
	}
	allow(r, "/dev/urandom", READS); /* SQLite asks for it again */
	if (SANDBOX_SANITIZED)
		allow(r, "/", READS | LANDLOCK_ACCESS_FS_READ_DIR);
}

bool sandbox_files(const struct sandbox_spec *spec)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	struct rules r = {0};

	take_by_abi(&r.taken, abi);
	if (abi < 1)
		return false;
	r.fd = (int)syscall(
	    SYS_landlock_create_ruleset, &r.taken, sizeof(r.taken), 0);
	if (r.fd < 0)
		return false;
	allow_all(&r, spec);
	const bool entered =
	    !r.failed && syscall(SYS_landlock_restrict_self, r.fd, 0) == 0;
	close(r.fd);
	return entered;
}
