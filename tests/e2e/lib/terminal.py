#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives a program on a pseudo-terminal: steps on standard input, one a line:

  wait PATTERN   until the output since the last wait matches (without escape sequences)
  wait end       until the program has ended
  send TEXT      types (Python's escapes: \\r, \\x03, ...)
  paste TEXT     pastes, as a terminal that marks it does

What was seen goes to standard output. Exits with the program's status; with 99 when a wait took too
long: the step, what the screen showed and what the program was at then go to standard error, and
the program is killed.
"""
import os
import pty
import re
import select
import signal
import sys
import time

WAIT_S = 60  # so long only where something hangs
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")
SHOWN = 2000  # bytes of the screen


class Terminal:
    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            os.execv(argv[0], argv)
        self.seen = b""
        self.all = b""

    def read(self, until):
        """More output; False at the end of it, or when the time is over."""
        ready, _, _ = select.select([self.fd], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        sys.stdout.buffer.write(data)
        self.seen += data
        self.all = (self.all + data)[-SHOWN:]
        return bool(data)

    def wait(self, pattern):
        until = time.monotonic() + WAIT_S
        while True:
            self.seen = ESCAPE.sub(b"", self.seen)
            found = re.search(pattern, self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return True
            if not self.read(until):
                return False

    def end(self):
        """The program's status; None where it does not end."""
        until = time.monotonic() + WAIT_S
        while self.read(until):
            pass
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > until:
                return None
            time.sleep(0.01)

    def send(self, data):
        os.write(self.fd, data)

    def give_up(self, n, line):
        """Says where it stands, and kills the program."""
        say = ["nothing came of step %d: %s" % (n, line), "the last that was seen:"]
        say += ["  " + repr(part)[2:-1] for part in self.all.splitlines()]
        say += ["what came since the wait before: %r" % self.seen[-SHOWN:], "processes:"]
        say += ["  " + one for one in family(self.pid)]
        print("\n".join("# " + one for one in say), file=sys.stderr)
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass  # it ended too early
        return 99


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return "?"


def family(pid):
    """A line for the process and each of its descendants: state, where it waits, what it is."""
    stat = read("/proc/%d/stat" % pid).rpartition(")")[2].split()
    lines = ["%d %s in %s: %s" % (pid, stat[0] if stat else "gone", read("/proc/%d/wchan" % pid),
                                  read("/proc/%d/cmdline" % pid))]
    for child in read("/proc/%d/task/%d/children" % (pid, pid)).split():
        if child.isdigit():
            lines += family(int(child))
    return lines


def main():
    terminal = Terminal(sys.argv[1:])
    for n, line in enumerate(sys.stdin, 1):
        line = line.rstrip("\n")
        verb, _, text = line.partition(" ")
        if verb == "wait" and text == "end":
            status = terminal.end()
            return terminal.give_up(n, line) if status is None else status
        if verb == "wait":
            if not terminal.wait(text.encode()):
                return terminal.give_up(n, line)
            continue
        data = text.encode().decode("unicode_escape").encode("latin-1")
        if verb == "paste":
            data = b"\x1b[200~" + data + b"\x1b[201~"
        try:
            terminal.send(data)
        except OSError:
            return terminal.give_up(n, line)
    return terminal.give_up(0, "the steps say no end")


sys.exit(main())
