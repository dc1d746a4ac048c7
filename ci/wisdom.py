"""What quotations for a proof of work cost, and what a flood does to the server that gives them."""

import json
import os
import re
import shutil
import statistics
import subprocess
import threading
import time
import urllib.request

from measure import RELEASE, ROOT, ReferenceServer, row

WISDOM = os.path.join(RELEASE, "wisdom")
FLOOD = os.path.join(RELEASE, "examples", "wisdom_flood")

SOLVING_SECONDS = 1

# The honest clients solve on this machine too, where a server's clients have machines of their own; so challenges are
# four bits easier than by default. 500 attackers are more connections than the server is told to have, and that is what
# presses on it. How long a solution waits for a thread does not count here, since on a busy machine it always waits.
DIFFICULTY, DIFFICULTY_MAX = 16, 20
FLOODED = ["--admin", "127.0.0.1:0", "--max-connections", "400"]
FLOODED += ["--difficulty", str(DIFFICULTY), "--difficulty-min", str(DIFFICULTY)]
FLOODED += ["--difficulty-max", str(DIFFICULTY_MAX), "--quote-wait-target", "60000"]
BACK_WITHIN_S = 60


def figures(is_short):
    """All of them; in short those that need nothing built but the programs."""
    if not is_short:
        checking()
        once()
    solving(rounds=3 if is_short else 7)
    flood(seconds=8 if is_short else 20)


def test(kind, name):
    """Runs a test that is ignored otherwise; returns what it said."""
    command = ["cargo", "test", "--release", "--locked", "--quiet", "-p", "wisdom", *kind, name]
    command += ["--", "--ignored", "--nocapture"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def checking():
    """What one solution costs, a million times; each call by itself, with the two readings of the clock."""
    said = test(["--lib"], "a_million_solutions")
    for count, p50, p99, name in re.findall(r"checked (\d+) p50 (\d+) p99 (\d+) ns: (.*)", said):
        row(f"{int(count):,} solutions, {name}: µs, p50", int(p50) / 1000, 2.0, None)
        row("  p99", int(p99) / 1000, 2.0, None)


def solving(rounds):
    """Our solver against openssl, both on one core, in turns. A try of ours is one block of SHA-256, since that of the
    token is computed once; a message of 64 bytes is two blocks, and one of 16,384 bytes 257. The long ones show what
    openssl does where nothing but blocks takes time; they are no goal, since each try is a hash of its own."""
    seen = []
    if not shutil.which("openssl"):
        print("solving: not run, it needs openssl")
        return
    for _ in range(rounds):
        command = [WISDOM, "bench", "--seconds", str(SOLVING_SECONDS), "--json"]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["one_core_hashes_per_s"]
        seen.append((ours / 1e6, openssl_messages(64) / 1e6, openssl_messages(16_384) / 1e6))
    # Others use the machine too: what each can do is what it did in its best round.
    tries, short, _ = (max(column) for column in zip(*seen))
    print(f"solving, one core, best of {rounds} rounds (median):")
    for name, column, blocks in [("ours", 0, 1), ("openssl, 64 bytes", 1, 2), ("openssl, 16,384 bytes", 2, 257)]:
        best, median = max(one[column] for one in seen), statistics.median(one[column] for one in seen)
        rates = f"{best:7.2f} ({median:.2f}) million hashes/s"
        print(f"  {name:<22} {rates}, {best * blocks:7.2f} ({median * blocks:.2f}) million blocks/s")
    row("solving: blocks per second, of openssl's with messages of 64 bytes", tries / (2 * short), 0.9, None, True)
    row("solving: tries per second, of openssl's messages of 64 bytes", tries / short, 0.9, None, True)


def openssl_messages(size):
    """Messages of this size that openssl hashes in a second of the clock on one core."""
    command = ["openssl", "speed", "-bytes", str(size), "-seconds", str(SOLVING_SECONDS), "-elapsed", "sha256"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kilobytes = float(re.search(r"^sha256\s+([\d.]+)k", said, re.MULTILINE)[1])
    return kilobytes * 1000 / size


def once():
    """64 equal solutions at once, again and again. The test fails unless each time one brings a quotation."""
    said = test(["--test", "it"], "w27_a_thousand_times")
    rounds, right = map(int, re.search(r"rounds (\d+) right (\d+)", said).groups())
    row(f"64 equal solutions at once, {rounds:,} rounds: 1 QUOTE, 63 REPLAYED", right, rounds, None, True)


def flood(seconds):
    """Half of 500 attackers send solutions with a wrong tag, and half what they have hoarded: 1,000 solutions at once,
    which are replays from then on. 20 honest clients want a quotation every two seconds each."""
    with ReferenceServer(*FLOODED, command=(WISDOM, "serve")) as server, Watch(server.admin) as watch:
        command = [FLOOD, "--addr", server.addr, "--seconds", str(seconds)]
        flooding = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        begun = ended = None
        attacks = {}
        for line in flooding.stdout:
            words = line.split()
            if line.startswith("flood begins"):
                begun = time.monotonic()
            elif line.startswith("flood ends"):
                ended = time.monotonic()
            elif words[0] == "attack":
                attacks[words[1]] = int(words[2])
            else:
                assert words[0] == "honest", line
                honest = words
        assert flooding.wait() == 0
        while time.monotonic() < ended + BACK_WITHIN_S + 5 and not watch.back_at(DIFFICULTY, ended):
            time.sleep(0.1)
    seen = ", ".join(f"{count:,} {answer}" for answer, count in sorted(attacks.items()))
    print(f"flood of {ended - begun:.1f} s: {sum(attacks.values()) / (ended - begun):,.0f} solutions a second: {seen}")
    tries, got = int(honest[1]), int(honest[3])
    print(f"  {' '.join(honest)}")
    row(f"flood: percent of {tries} honest tries with a quotation in 10 s", 100 * got / tries, 99.0, None, True)
    risen, back = watch.first_above(DIFFICULTY, begun), watch.back_at(DIFFICULTY, ended)
    row("  difficulty has risen after: s", risen - begun if risen else float("inf"), 3.0, None)
    row(f"  at its most (from {DIFFICULTY}): bits", watch.most(), DIFFICULTY + 1, None, True)
    row("  difficulty is back after the flood: s", back - ended if back else float("inf"), float(BACK_WITHIN_S), None)
    if is_table_full():
        print("  the kernel's table of connections (nf_conntrack) is full, of floods just before: it drops packets of anybody")


def is_table_full():
    """Whether the kernel has no room to track more connections; it keeps those that ended for minutes."""
    try:
        count, most = (int(open(f"/proc/sys/net/netfilter/nf_conntrack_{name}").read()) for name in ("count", "max"))
    except OSError:
        return False
    return count > 0.95 * most


class Watch:
    """Reads a server's difficulty ten times a second."""

    def __init__(self, admin):
        self.url = f"http://{admin}/metrics"
        self.seen = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def __enter__(self):
        self.read()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def look(self):
        while not self.is_over.wait(0.1):
            self.read()

    def read(self):
        try:
            with urllib.request.urlopen(self.url, timeout=1) as answer:
                metrics = answer.read().decode()
        except OSError:
            return  # nothing was seen this time; a machine that drops packets does so to everybody
        bits = re.search(r"^wisdom_difficulty_bits (\d+)$", metrics, re.MULTILINE)[1]
        self.seen.append((time.monotonic(), int(bits)))

    def most(self):
        return max((bits for _, bits in self.seen), default=0)

    def first_above(self, base, begun):
        return next((when for when, bits in self.seen if when >= begun and bits > base), None)

    def back_at(self, base, ended):
        return next((when for when, bits in self.seen if when >= ended and bits <= base), None)
