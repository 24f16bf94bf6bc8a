"""Starting, placing and measuring processes."""

import os
import resource
import signal
import subprocess
import time

PRIORITY = -15


def cores():
    """Returns the core for servers and the core for load; both are `None` on a one-core machine."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)


def raise_file_limit():
    """Lets this process and those that it starts open as many files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def place_self(core):
    """Moves this process to a core, ahead of other work; what it starts is placed for itself."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    favour(os.getpid())


def _prepare(core):
    def run():
        if core is not None:
            os.sched_setaffinity(0, {core})
        try:
            os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
            # Where the scheduler groups by session, the group's own priority is what counts.
            with open("/proc/self/autogroup", "w", encoding="ascii") as group:
                group.write(str(PRIORITY))
        except OSError:
            pass  # Only root may, or there are no groups: the figures are as quiet as the machine is.

    return run


def start(arguments, core, **options):
    """Starts a program on a core, ahead of other work where the user may ask for that."""
    return subprocess.Popen(arguments, preexec_fn=_prepare(core), start_new_session=True, **options)


def run(arguments, core, timeout):
    """Runs a load generator and returns its output and its own CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        arguments, preexec_fn=_prepare(core), start_new_session=True, timeout=timeout, capture_output=True,
        text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode != 0:
        raise RuntimeError(f"{arguments[0]} failed: {(result.stderr or result.stdout).strip()[-500:]}")
    return result.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def favour(pid):
    """Puts every thread of a process ahead of other work.

    A thread does not always inherit this from the one that starts it: those of Swift's pool, and all
    that they start, begin as ordinary ones.
    """
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            os.setpriority(os.PRIO_PROCESS, int(thread), PRIORITY)
        except (PermissionError, ProcessLookupError):
            pass  # Not root, or the thread has ended.


def cpu_seconds(pid):
    """Returns the CPU time of a process, of all its threads, those that have ended included.

    It is the scheduler's own sum in nanoseconds, which `/proc/PID/stat` shows as utime + stime in
    ticks of 10 ms, read through the process's CPU clock (clock_getcpuclockid).
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid):
    """Returns the resident memory of a process."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} shows no resident memory")


def stop(process):
    """Ends a process: politely first."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
