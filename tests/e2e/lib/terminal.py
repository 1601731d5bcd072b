# SPDX-License-Identifier: Apache-2.0
"""Drives a program on a pseudo-terminal: steps on standard input, one a line:

  wait PATTERN   until the output since the last wait matches (without escape sequences)
  wait end       until the program has ended
  send TEXT      types (Python's escapes: \\r, \\x03, ...)
  paste TEXT     pastes, as a terminal that marks it does

What was seen goes to standard output. Exits with the program's status, 99 when a wait took too long.
"""
import os
import pty
import re
import select
import sys
import time

WAIT_S = 40
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            os.execv(argv[0], argv)
        self.seen = b""

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
        until = time.monotonic() + WAIT_S
        while self.read(until):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def send(self, data):
        os.write(self.fd, data)


def main():
    terminal = Terminal(sys.argv[1:])
    for line in sys.stdin:
        verb, _, text = line.rstrip("\n").partition(" ")
        if verb == "wait" and text == "end":
            return terminal.end()
        if verb == "wait":
            if not terminal.wait(text.encode()):
                print("\nnothing came like: %s" % text, file=sys.stderr)
                return 99
            continue
        data = text.encode().decode("unicode_escape").encode("latin-1")
        if verb == "paste":
            data = b"\x1b[200~" + data + b"\x1b[201~"
        terminal.send(data)
    return 99


sys.exit(main())
