#include "cgi/store/boot.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a small file says, cut off at the room there is; -1: it cannot be read.
 */
static int slurp(const char *path, char *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, out, room - 1);
		close(fd);
	}
	if (n < 0)
		return -1;
	out[n] = '\0';
	return (int)n;
}

void boot_offset(struct str text, int64_t *seconds, int64_t *nanoseconds)
{
	long long s, ns;
	char line[96];

	*seconds = *nanoseconds = 0;
	for (size_t at = 0; at < text.n;) {
		const size_t end = str_find(text, '\n', at);
		const struct str row = str_slice(text, at, end);
		snprintf(line, sizeof(line), "%.*s", STR_ARG(row));
		if (sscanf(line, "boottime %lld %lld", &s, &ns) == 2) {
			*seconds = s;
			*nanoseconds = ns;
			return;
		}
		at = end + 1;
	}
}

enum err boot_identity(char out[BOOT_IDENTITY_MAX])
{
	char id[64], offsets[256];
	int64_t seconds, nanoseconds;

	if (slurp("/proc/sys/kernel/random/boot_id", id, sizeof(id)) <= 0)
		return ERR_IO;
	id[strcspn(id, "\n")] = '\0';
	if (slurp("/proc/self/timens_offsets", offsets, sizeof(offsets)) < 0)
		offsets[0] = '\0';
	boot_offset(str_of(offsets), &seconds, &nanoseconds);
	snprintf(out, BOOT_IDENTITY_MAX, "%s+%lld.%09lld", id,
	    (long long)seconds, (long long)nanoseconds);
	return ERR_OK;
}
