#include "cgi/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/keys.h"

/*
 * One slot for each row of config.secrets, empty until it was read. What is
 * read passes through one buffer on the stack, which is wiped whatever comes
 * of it. Only regular files: anything else could make the worker wait, or
 * give another value each time. Findings have the words of `why`, so that
 * what a start says and what a job's failure says is the same.
 */
struct slot {
	char *value; /* NULL = not read */
	size_t n;
	bool open_to_others;
};
struct secrets {
	const struct config *config;
	struct slot *slots;
	char why[SECRET_WHY_MAX];
	const char *finding; /* beside it */
};

struct secrets *secrets_new(const struct config *config)
{
	struct secrets *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->config = config;
	s->slots = calloc(config->n_secrets + 1, sizeof(*s->slots));
	if (!s->slots)
		abort();
	return s;
}

void secrets_forget(struct secrets *s)
{
	for (size_t i = 0; i < s->config->n_secrets; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->value)
			keys_forget(slot->value, slot->n);
		free(slot->value);
		*slot = (struct slot){0};
	}
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	secrets_forget(s);
	free(s->slots);
	free(s);
}

__attribute__((format(printf, 4, 5))) static enum err refuse(struct secrets *s,
    enum err err, const char *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, sizeof(s->why), format, args);
	va_end(args);
	s->finding = finding;
	return err;
}

/* Without the line break that an editor puts behind it. */
static struct str trim_end(struct str value)
{
	if (str_ends(value, "\r\n"))
		value.n -= 2;
	else if (str_ends(value, "\n"))
		value.n--;
	return value;
}

static enum err keep(struct secrets *s, const struct secret *secret,
    struct slot *slot, struct str value)
{
	const struct str where = secret->file.n ? secret->file : secret->env;
	const char *kind = secret->file.n ? "file" : "variable";

	value = trim_end(value);
	if (!value.n)
		return refuse(s, ERR_MISSING, "secret-missing",
		    "the %s %.*s is empty; the secret %.*s belongs there", kind,
		    STR_ARG(where), STR_ARG(secret->name));
	if (value.n > SECRET_MAX)
		return refuse(s, ERR_MISSING, "secret-unreadable",
		    "the %s %.*s is longer than %d bytes, which no secret is",
		    kind, STR_ARG(where), SECRET_MAX);
	if (str_find(value, '\0', 0) < value.n)
		return refuse(s, ERR_MISSING, "secret-unreadable",
		    "the %s %.*s has a NUL byte, which no secret has", kind,
		    STR_ARG(where));
	slot->value = malloc(value.n);
	if (!slot->value)
		abort();
	memcpy(slot->value, value.p, value.n);
	slot->n = value.n;
	return ERR_OK;
}

static enum err read_env(
    struct secrets *s, const struct secret *secret, struct slot *slot)
{
	char name[256];

	snprintf(name, sizeof(name), "%.*s", STR_ARG(secret->env));
	const char *value = getenv(name);
	if (value)
		return keep(s, secret, slot, str_of(value));
	return refuse(s, ERR_MISSING, "secret-missing",
	    "the variable %s is not set; set it for this program, it is the "
	    "secret %.*s",
	    name, STR_ARG(secret->name));
}

static enum err refuse_file(struct secrets *s, const char *path, int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return refuse(s, ERR_MISSING, "secret-missing",
		    "the file %s is not there; make it, or name another one",
		    path);
	return refuse(s, ERR_IO, "secret-unreadable",
	    "the file %s cannot be read: %s; the user of this program must be "
	    "able to",
	    path, strerror(error));
}

static enum err read_fd(struct secrets *s, const struct secret *secret,
    const char *path, int fd, struct slot *slot)
{
	char bytes[SECRET_MAX + 3]; /* a line break, and one too many */
	struct stat st;
	size_t n = 0;
	ssize_t got = 0;

	if (fstat(fd, &st) != 0)
		return refuse_file(s, path, errno);
	if (!S_ISREG(st.st_mode))
		return refuse(s, ERR_MISSING, "secret-unreadable",
		    "%s is no regular file; a secret is read from one", path);
	while (n < sizeof(bytes)) {
		got = read(fd, bytes + n, sizeof(bytes) - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	enum err err = got < 0 ? refuse_file(s, path, errno)
			       : keep(s, secret, slot, (struct str){bytes, n});
	slot->open_to_others = (st.st_mode & S_IROTH) != 0;
	keys_forget(bytes, sizeof(bytes));
	return err;
}

static enum err read_file(
    struct secrets *s, const struct secret *secret, struct slot *slot)
{
	char path[4096];

	if (secret->file.n >= sizeof(path))
		return refuse_file(s, "of that name", ENAMETOOLONG);
	snprintf(path, sizeof(path), "%.*s", STR_ARG(secret->file));
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return refuse_file(s, path, errno);
	enum err err = read_fd(s, secret, path, fd, slot);
	close(fd);
	return err;
}

static enum err fill(struct secrets *s, size_t i)
{
	const struct secret *secret = &s->config->secrets[i];

	s->why[0] = '\0';
	if (s->slots[i].value)
		return ERR_OK;
	if (secret->file.n)
		return read_file(s, secret, &s->slots[i]);
	return read_env(s, secret, &s->slots[i]);
}

enum err secrets_get(
    struct secrets *s, struct str name, struct str *value, const char **why)
{
	size_t i = 0;

	*value = (struct str){0};
	*why = s->why;
	while (i < s->config->n_secrets &&
	       !str_eq(s->config->secrets[i].name, name))
		i++;
	if (i == s->config->n_secrets)
		return refuse(s, ERR_NOT_FOUND, "secret-missing",
		    "lowtide.json declares no secret %.*s; build it again",
		    STR_ARG(name));
	enum err err = fill(s, i);
	if (err == ERR_OK)
		*value = (struct str){s->slots[i].value, s->slots[i].n};
	return err;
}

const char *secrets_why(const struct secrets *s)
{
	return s->why;
}

void secrets_report(struct secrets *s, struct diag *diag)
{
	for (size_t i = 0; i < s->config->n_secrets; i++) {
		const struct secret *secret = &s->config->secrets[i];

		if (fill(s, i) != ERR_OK)
			diag_warn(diag, POS_NONE, s->finding,
			    "%s; until then each job or read that needs "
			    "{secret.%.*s} fails, and the others run",
			    s->why, STR_ARG(secret->name));
		else if (s->slots[i].open_to_others)
			diag_warn(diag, POS_NONE, "secret-mode",
			    "the file %.*s, the secret %.*s, may be read by "
			    "everybody; `chmod o= %.*s`",
			    STR_ARG(secret->file), STR_ARG(secret->name),
			    STR_ARG(secret->file));
	}
}
