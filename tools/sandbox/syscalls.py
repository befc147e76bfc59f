"""Numbers of system calls on x86-64, as in the kernel's `arch/x86/entry/syscalls/syscall_64.tbl`.

Numbers of other processors differ. A filter with wrong numbers would let through what it should stop, so a processor
whose table is not here has no sandbox.
"""

from __future__ import annotations

MACHINE = "x86_64"
AUDIT_ARCH = 0xC000003E
X32_BIT = 0x40000000
"""Set in the numbers of the x32 calling convention, another way to nearly the same calls."""

SECCOMP, LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 317, 444, 445, 446

ALLOWED = {
    # Files, within what Landlock allows.
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "lseek": 8, "pread64": 17,
    "pwrite64": 18, "readv": 19, "writev": 20, "access": 21, "dup": 32, "dup2": 33, "sendfile": 40, "flock": 73,
    "fsync": 74, "fdatasync": 75, "ftruncate": 77, "getdents": 78, "getcwd": 79, "chdir": 80, "fchdir": 81,
    "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "unlink": 87, "readlink": 89, "umask": 95, "statfs": 137,
    "fstatfs": 138, "getdents64": 217, "fadvise64": 221, "openat": 257, "mkdirat": 258, "newfstatat": 262,
    "unlinkat": 263, "renameat": 264, "readlinkat": 267, "faccessat": 269, "dup3": 292,
    "preadv": 295, "pwritev": 296, "copy_file_range": 326, "preadv2": 327, "pwritev2": 328,
    "statx": 332, "faccessat2": 439,
    # Memory.
    "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "mremap": 25, "msync": 26, "madvise": 28,
    # Threads, signals to itself, waiting, time.
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "pause": 34, "nanosleep": 35,
    "getitimer": 36, "alarm": 37, "setitimer": 38, "exit": 60, "gettimeofday": 96, "times": 100,
    "rt_sigsuspend": 130, "sigaltstack": 131, "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204,
    "set_tid_address": 218, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
    "clock_nanosleep": 230, "exit_group": 231, "set_robust_list": 273, "get_robust_list": 274, "getcpu": 309,
    "rseq": 334,
    # Its own pipes and pairs of sockets; polling.
    "poll": 7, "pipe": 22, "select": 23, "recvfrom": 45, "shutdown": 48, "getsockname": 51, "setsockopt": 54,
    "getsockopt": 55, "epoll_create": 213, "epoll_wait": 232, "epoll_ctl": 233, "pselect6": 270, "ppoll": 271,
    "epoll_pwait": 281, "timerfd_create": 283, "eventfd": 284, "timerfd_settime": 286, "timerfd_gettime": 287,
    "eventfd2": 290, "epoll_create1": 291, "pipe2": 293,
    # About itself and the machine.
    "getpid": 39, "uname": 63, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "getuid": 102, "getgid": 104,
    "geteuid": 107, "getegid": 108, "getppid": 110, "getpgrp": 111, "getgroups": 115, "getresuid": 118,
    "getresgid": 120, "getrandom": 318,
}  # fmt: skip
"""Whatever is not here, and has no rule of its own, fails with EPERM. Left out on purpose: everything that makes a
process, a socket to somebody else, a link, a special file, a mount, a key, a ring (io_uring), a memory file, a
watch (inotify), or that touches another process."""

TRUNCATE = 76
"""By path; Landlock knows it from ABI 3 on, before that it is refused."""
CLONE, CLONE3, PRCTL, KILL, TGKILL, PRLIMIT, SOCKETPAIR, SENDTO, IOCTL, FCNTL, OPENAT2 = (
    56, 435, 157, 62, 234, 302, 53, 44, 16, 72, 437,
)  # fmt: skip
RENAMEAT2, CLOSE_RANGE = 316, 436
FALLOCATE = 285
"""Takes gigabytes of the disk between two looks at it, which writing them does not: it is said that the file system
cannot do it, and libraries write instead."""
FEIGNED = (90, 91, 92, 93, 94, 132, 235, 260, 261, 268, 280, 452)
"""chmod, chown, utime and their kin: Landlock does not see them, so nothing is done, and success is said. `shutil.copy`
and `zipfile` then work, which want to set modes and times of their own files."""
