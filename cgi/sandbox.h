#ifndef LOWTIDE_CGI_SANDBOX_H
#define LOWTIDE_CGI_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "cgi/log.h"

/*
 * What a process that answers strangers can still do once it runs: use what it
 * has open, make and change files in the store's folder, and read again what is
 * replaced while it runs. No other file, no socket of its own making, no other
 * program, no other process, no core file.
 *
 * For good, and for every thread that is started afterwards: so it comes before
 * the first thread, and after everything that is opened by another name, made
 * to listen, or needs another user.
 */
struct sandbox_spec {
	/* files in it, and below, are made and written; NULL = nowhere */
	const char *state_dir;
	/*
	 * Files that are read again; NULL ends them. The folder of each is
	 * readable, of a link that of what it points at too: they are replaced
	 * by rename, which a rule about the file itself would not outlive.
	 * Neither would one about a folder, if it were replaced as a whole.
	 */
	const char *const *files;
	const char *const *folders; /* with all below readable; NULL = none */
	/*
	 * It calls others: sockets of streams and datagrams, unix and IP, and
	 * of TCP these ports alone, where the kernel can tell. It listens to
	 * nobody new.
	 */
	bool calls;
	const uint16_t *ports;
	size_t n_ports;
};
/*
 * What a call needs to read, whichever it is: how names become addresses, and
 * the machine's authorities. NULL ends them.
 */
extern const char *const sandbox_calling_folders[];
/*
 * Where the kernel lacks a part of it, `sandbox-partial` is logged, with what
 * is `missing`, and the rest is there.
 */
void sandbox_enter(
    const struct sandbox_spec *spec, const struct log *log, int64_t now_ms);

/*
 * Its parts. False: this kernel (or whoever started us) does not have it, and
 * nothing has changed.
 */
bool sandbox_files(const struct sandbox_spec *spec); /* Landlock */
bool sandbox_calls(const struct sandbox_spec *spec); /* seccomp */
/*
 * Neither a core file nor a debugger gets to see what is in memory: for whoever
 * has keys there (start_keys), in a sandbox or not. Once it is who it should
 * be: to become another user undoes it.
 */
bool sandbox_memory(void);

/*
 * A sanitizer looks for leaks at exit with a process of its own, which stops
 * this one and reads of it in /proc: there these alone stay possible.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

#endif
