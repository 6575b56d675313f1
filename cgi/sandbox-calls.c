#include "cgi/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

/*
 * seccomp: what is named here fails with EPERM; everything else goes on. Not
 * the other way round: which calls glibc, SQLite and OpenSSL make differs by
 * their versions and by what goes wrong, and a call that is missing from a list
 * of good ones shows when a disk is full. Files are Landlock's.
 */
#define NO(name) SCMP_SYS(name)
static const int refused[] = {
    /* the network: what listens does so, and nothing is connected to */
    NO(socket),
    NO(socketpair),
    NO(connect),
    NO(bind),
    NO(listen),
    /* other programs */
    NO(execve),
    NO(execveat),
    NO(fork),
    NO(vfork),
    /* other processes; those with an exception are further down */
    NO(tkill),
    NO(pidfd_send_signal),
    NO(rt_sigqueueinfo),
    NO(rt_tgsigqueueinfo),
    NO(ptrace),
    NO(process_vm_readv),
    NO(process_vm_writev),
    NO(process_madvise),
    NO(pidfd_open),
    NO(pidfd_getfd),
    NO(kcmp),
    NO(setpriority),
    NO(sched_setscheduler),
    NO(sched_setparam),
    NO(sched_setattr),
    NO(ioprio_set),
    NO(migrate_pages),
    NO(move_pages),
    /* another user, other rights */
    NO(setuid),
    NO(setgid),
    NO(setreuid),
    NO(setregid),
    NO(setresuid),
    NO(setresgid),
    NO(setfsuid),
    NO(setfsgid),
    NO(setgroups),
    NO(capset),
    NO(setns),
    NO(unshare),
    NO(chroot),
    NO(pivot_root),
    NO(personality),
    /* of files what Landlock does not know; SQLite has fchmod and fchown */
    NO(chmod),
    NO(fchmodat),
    NO(chown),
    NO(lchown),
    NO(fchownat),
    NO(setxattr),
    NO(lsetxattr),
    NO(fsetxattr),
    NO(removexattr),
    NO(lremovexattr),
    NO(fremovexattr),
    NO(utime),
    NO(utimes),
    NO(utimensat),
    NO(futimesat),
    NO(truncate),
    NO(open_by_handle_at),
    NO(name_to_handle_at),
    NO(fanotify_init),
    NO(fanotify_mark),
    /* file systems */
    NO(mount),
    NO(umount2),
    NO(mount_setattr),
    NO(move_mount),
    NO(open_tree),
    NO(fsopen),
    NO(fsconfig),
    NO(fsmount),
    NO(fspick),
    NO(quotactl),
    NO(quotactl_fd),
    NO(swapon),
    NO(swapoff),
    /* the machine */
    NO(reboot),
    NO(kexec_load),
    NO(kexec_file_load),
    NO(init_module),
    NO(finit_module),
    NO(delete_module),
    NO(iopl),
    NO(ioperm),
    NO(acct),
    NO(syslog),
    NO(sethostname),
    NO(setdomainname),
    NO(settimeofday),
    NO(stime),
    NO(clock_settime),
    NO(clock_adjtime),
    NO(adjtimex),
    NO(vhangup),
    NO(lookup_dcookie),
    NO(nfsservctl),
    /* large and clever parts of the kernel that nobody here asks for */
    NO(bpf),
    NO(perf_event_open),
    NO(userfaultfd),
    NO(io_uring_setup),
    NO(io_uring_enter),
    NO(io_uring_register),
    NO(add_key),
    NO(request_key),
    NO(keyctl),
    NO(modify_ldt),
    NO(memfd_secret),
    NO(vmsplice),
    NO(remap_file_pages),
    NO(mbind),
    NO(set_mempolicy),
};

/* Numbers that libseccomp has no names for yet, the same everywhere. */
static const int refused_new[] = {
    452, /* fchmodat2 */
    463, /* setxattrat */
    466, /* removexattrat */
    467, /* open_tree_attr */
};

/* The leak checker's process, and how it looks at this one. */
static bool is_sanitizers(int call)
{
	return SANDBOX_SANITIZED &&
	       (call == SCMP_SYS(ptrace) || call == SCMP_SYS(fork));
}

/* With arguments that are looked at: refuse_sockets(). */
static bool is_callers(int call)
{
	return call == SCMP_SYS(socket) || call == SCMP_SYS(socketpair) ||
	       call == SCMP_SYS(connect);
}

/* This architecture may not have it. */
static bool refuse(scmp_filter_ctx ctx, int call)
{
	int code;

	if (is_sanitizers(call))
		return true;
	code = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), call, 0);
	return code == 0 || code == -EDOM;
}

#ifdef __s390__
#define CLONE_FLAGS SCMP_A1
#else
#define CLONE_FLAGS SCMP_A0
#endif

/*
 * Threads are made, processes are not. clone3's flags are in memory, where no
 * filter sees them: glibc takes ENOSYS for an older kernel and asks clone.
 */
static bool refuse_processes(scmp_filter_ctx ctx)
{
	if (SANDBOX_SANITIZED)
		return true;
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
		   CLONE_FLAGS(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) == 0 &&
	       seccomp_rule_add(
		   ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

static bool refuse_if(
    scmp_filter_ctx ctx, int call, struct scmp_arg_cmp compared)
{
	return seccomp_rule_add(
		   ctx, SCMP_ACT_ERRNO(EPERM), call, 1, compared) == 0;
}

/* abort() signals itself, getrlimit() is prlimit64 of 0, TIOCSTI types. */
static bool refuse_others(scmp_filter_ctx ctx)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();

	return refuse_if(ctx, SCMP_SYS(kill), SCMP_A0_32(SCMP_CMP_NE, self)) &&
	       refuse_if(
		   ctx, SCMP_SYS(tgkill), SCMP_A0_32(SCMP_CMP_NE, self)) &&
	       refuse_if(
		   ctx, SCMP_SYS(prlimit64), SCMP_A0_32(SCMP_CMP_NE, 0)) &&
	       refuse_if(
		   ctx, SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, TIOCSTI));
}

/*
 * Of families AF_UNIX, AF_INET and AF_INET6, of types SOCK_STREAM and
 * SOCK_DGRAM, which has flags beside it. A rule looks at an argument once, so
 * that each number that is not one of them has its own.
 */
static bool refuse_sockets(scmp_filter_ctx ctx)
{
	static const int calls[] = {SCMP_SYS(socket), SCMP_SYS(socketpair)};
	bool added = true;

	for (size_t i = 0; i < 2; i++) {
		added = added && refuse_if(ctx, calls[i],
				     SCMP_A0(SCMP_CMP_GT, AF_INET6));
		for (scmp_datum_t n = 0; n < AF_INET6 && added; n++)
			if (n != AF_UNIX && n != AF_INET)
				added = refuse_if(
				    ctx, calls[i], SCMP_A0(SCMP_CMP_EQ, n));
		for (scmp_datum_t n = 0; n < 16 && added; n++)
			if (n != SOCK_STREAM && n != SOCK_DGRAM)
				added = refuse_if(ctx, calls[i],
				    SCMP_A1(SCMP_CMP_MASKED_EQ, 15, n));
	}
	return added;
}

static bool refuse_all(scmp_filter_ctx ctx, const struct sandbox_spec *spec)
{
	bool added = refuse_processes(ctx) && refuse_others(ctx) &&
		     (!spec->calls || refuse_sockets(ctx));

	for (size_t i = 0; added && i < sizeof(refused) / sizeof(refused[0]);
	     i++)
		if (!spec->calls || !is_callers(refused[i]))
			added = refuse(ctx, refused[i]);
	for (size_t i = 0;
	     added && i < sizeof(refused_new) / sizeof(refused_new[0]); i++)
		added = refuse(ctx, refused_new[i]);
	return added;
}

/* A tree instead of a row: most calls are none of these. */
bool sandbox_calls(const struct sandbox_spec *spec)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (!ctx)
		return false;
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	const bool loaded =
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
	    refuse_all(ctx, spec) && seccomp_load(ctx) == 0;
	seccomp_release(ctx);
	return loaded;
}
