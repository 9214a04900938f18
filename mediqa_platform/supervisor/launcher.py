"""Become another program, under conditions; started by its path with `python -I -S`, never imported.

Usage: launcher.py '{"parent": .., "signal": .., "uid": .., "gid": .., "reads_everything": ..}' PROGRAM ...

It replaces `subprocess`'s preexec_fn, which is unsafe in a process with threads, and does what no other
program can do for us: tie the child's life to its parent (Linux), and give up root while keeping the one
capability that lets an unprivileged server reach its files below a folder closed to others.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    """Apply the conditions, then replace this process by the program."""
    conditions: dict[str, Any] = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    if "uid" in conditions:
        become(libc, conditions["uid"], conditions["gid"], reads_everything=conditions["reads_everything"])
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, conditions["signal"], 0, 0, 0)
    if os.getppid() != conditions["parent"]:
        sys.exit("the parent is gone")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the caller's own command, no shell


def become(libc: Any, uid: int, gid: int, *, reads_everything: bool) -> None:
    """Give up root for this account, keeping CAP_DAC_READ_SEARCH alone if asked.

    Without the fix-up of capabilities by user id, the change of user keeps them until `keep_capability` drops all but
    the one, and access(2), by which initdb looks for its programs, counts that one too (capabilities(7), securebits).

    Raises:
        OSError: the kernel refuses the change or the capability.
    """
    if reads_everything:
        call(libc, libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if reads_everything:
        keep_capability(libc, CAP_DAC_READ_SEARCH)


def keep_capability(libc: Any, capability: int) -> None:
    """Hold exactly this capability, through the coming execve too (capabilities(7), ambient set)."""
    bit = 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    call(libc, libc.capset(header, sets))
    call(libc, libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def call(libc: Any, outcome: int) -> None:
    """Turn the C library's -1 into an OSError."""
    if outcome != 0:
        raise OSError(ctypes.get_errno(), "the capability cannot be kept")


if __name__ == "__main__":
    main()
