"""mamba-run chat PACK on a pseudo terminal, as somebody would use it."""
import fcntl
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import termios
import time

PACK = sys.argv[1]
PROMPT = "ROMEO> "
ENDLESS = ["--stop", "@@@@", "--ignore-eos", "-n", "100000000"]
os.environ.update(TERM="xterm", XDG_STATE_HOME=os.path.abspath("state"), LC_ALL="C")


class Chat:
    """stdin and stderr are the terminal, stdout a file."""

    def __init__(self, *options):
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.out = open("answers", "w+b")

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            # Whoever runs this may ignore it.
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        self.process = subprocess.Popen(
            ["mamba-run", "chat", PACK, "--seed", "1", *options],
            stdin=slave, stdout=self.out, stderr=slave, preexec_fn=own_terminal,
        )
        self.seen = ""
        self.greeting = self.wait_for(PROMPT)

    def wait_for(self, text):
        """Reads on until `text` has come; what came before it."""
        deadline = time.monotonic() + 120
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                self.seen += os.read(self.master, 4096).decode(errors="replace")
            elif self.process.poll() is not None:
                sys.exit(f"it ended with {self.process.returncode} before {text!r}: {self.seen!r}")
            assert time.monotonic() < deadline, (text, self.seen)
        before, self.seen = self.seen.split(text, 1)
        return before

    def type(self, text):
        os.write(self.master, text.encode())

    def say(self, line):
        self.type(line + "\r")
        return self.wait_for(PROMPT)

    def answers(self):
        return os.pread(self.out.fileno(), 1 << 24, 0).decode()

    def wait_for_answer(self):
        start, deadline = len(self.answers()), time.monotonic() + 120
        while len(self.answers()) <= start:
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.01)

    def end(self, wanted):
        deadline = time.monotonic() + 120
        while self.process.poll() is None:
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 4096).decode(errors="replace")
            assert time.monotonic() < deadline, self.seen
        assert self.process.returncode == wanted, (self.process.returncode, self.seen)
        after = termios.tcgetattr(self.slave)
        assert after == self.before, "the terminal was left otherwise than it was found"
        os.close(self.master)
        os.close(self.slave)


# A turn; what is on the terminal is typed or a message, never an answer.
chat = Chat("-n", "30")
chat.say("What is the matter?")
first = chat.answers()
assert len(first) > 5 and first.endswith("\n"), first
assert first.strip() not in chat.seen
# Lines before are at the arrow, and a character of two bytes goes at once.
assert "seed 5" in chat.say("/seed 5")
assert "seed 5" in chat.say("\x1b[A")
assert "seed 6" in chat.say("/s\u00e9\x7feed 6")
assert "'/\u4e16\u754c'" in chat.say("/\u4e16\u754c")
# At the prompt Ctrl-C drops what was typed and says how to leave.
chat.type("/nonsense")
chat.type("\x03")
assert "Ctrl-D or /quit leaves" in chat.wait_for(PROMPT)
assert "nonsense" not in chat.say("/stats")
chat.type("\x04")
chat.end(0)

# Ctrl-C ends an answer, the program goes on, and the state holds what was shown.
chat = Chat(*ENDLESS)
assert "the state holds 0 tokens" in chat.say("\x1b[A"), "the lines of the program before"
for _ in range(3):
    chat.type("Go on.\r")
    chat.wait_for_answer()
    chat.type("\x03")
    chat.wait_for(PROMPT)
    time.sleep(0.05)
said = chat.say("/stats")
held = int(said.split("the state holds ")[1].split()[0])
assert held > 3, said
chat.type("/quit\r")
chat.end(0)

# A signal that ends programs leaves the terminal as it was.
chat = Chat()
chat.type("half a li")
time.sleep(0.1)
chat.process.send_signal(signal.SIGTERM)
chat.end(128 + signal.SIGTERM)

file = "state/mamba/history"
assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
lines = open(file, encoding="utf-8").read().splitlines()
assert lines[:5] == ["What is the matter?", "/seed 5", "/seed 6", "/\u4e16\u754c", "/stats"], lines

# In another file, or nowhere; long ones are cut; what was typed before is there.
with open("long", "wb") as out:
    out.write(b"".join(b"/seed %d\n" % i for i in range(2500)) + b"\xff\xfe\n")
chat = Chat("--history", "long")
assert "seed 2499" in chat.say("\x1b[A")
chat.type("\x04")
chat.end(0)
kept = open("long").read().splitlines()
assert kept[0] == "/seed 1500" and kept[-1] == "/seed 2499" and len(kept) == 1000, kept[:2]
size = os.path.getsize(file)
chat = Chat("--no-history")
chat.say("/seed 77")
assert "seed 77" in chat.say("\x1b[A")
chat.type("\x04")
chat.end(0)
assert os.path.getsize(file) == size
# One that cannot be kept is a warning.
chat = Chat("--history", "/dev/null/x")
assert "the history '/dev/null/x': Not a directory; --no-history does without" in chat.greeting + chat.say("/seed 3")
assert "history" not in chat.say("/seed 4")
chat.type("\x04")
chat.end(0)
