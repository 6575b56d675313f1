#include "cgi/store/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi/store/turnstile.h"
#include "lib/clock.h"

#define PAGE_BYTES 4096
#define PAGE_FILE "gate.page"

static enum err allocate(const char *dir, struct diag *diag, int fd)
{
	const int code = posix_fallocate(fd, 0, PAGE_BYTES);

	if (!code)
		return ERR_OK;
	diag_error(diag, POS_FILE(dir),
	    code == ENOSPC ? "store-full" : "io-error",
	    code == ENOSPC ? "there is no room for " PAGE_FILE
			     "; free some space on that disk"
			   : PAGE_FILE " cannot be made; check the disk");
	return code == ENOSPC ? ERR_FULL : ERR_IO;
}

/* -1: there is none, or none that is whole. */
static int open_to_look(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/" PAGE_FILE, dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && st.st_size >= PAGE_BYTES)
		return fd;
	close(fd);
	return -1;
}

enum err gate_open(
    const char *dir, enum store_role role, struct diag *diag, struct gate *out)
{
	int protection = PROT_READ, fd = -1;
	enum err err = ERR_OK;

	*out = (struct gate){0};
	if (role == STORE_WRITES) {
		protection |= PROT_WRITE;
		err = turnstile_file(dir, PAGE_FILE, diag, &fd);
		if (!err)
			err = allocate(dir, diag, fd);
	} else {
		fd = open_to_look(dir);
	}
	if (!err && fd >= 0) {
		void *p = mmap(NULL, PAGE_BYTES, protection, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			*out = (struct gate){.page = p, .is_shared = true};
	}
	if (fd >= 0)
		close(fd);
	if (!err && !out->page) /* a file system without mappings */
		out->page = calloc(1, PAGE_BYTES);
	if (!err && !out->page)
		abort();
	return err;
}

void gate_close(struct gate *gate)
{
	if (gate->is_shared)
		munmap(gate->page, PAGE_BYTES);
	else
		free(gate->page);
	*gate = (struct gate){0};
}

void gate_shut(struct gate *gate, int64_t ms)
{
	atomic_store(&gate->page->shut_until, clock_boot_ms() + ms);
}

void gate_reopen(struct gate *gate)
{
	atomic_store(&gate->page->shut_until, 0);
}

int64_t gate_shut_ms(const struct gate *gate)
{
	const int64_t until =
	    atomic_load_explicit(&gate->page->shut_until, memory_order_relaxed);
	int64_t now;

	if (!until)
		return 0;
	now = clock_boot_ms(); /* it may be any number: nothing but compared */
	return until > now && until <= now + GATE_SHUT_MAX_MS ? until - now : 0;
}
