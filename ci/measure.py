"""What the measurements of ci/bench share: a server under load, and how a figure is printed."""

import glob
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "target", "release")
CLIENT = os.path.join(RELEASE, "examples", "bench_client")
SERVER = os.path.join(RELEASE, "server")


class ReferenceServer:
    """The reference server, or another command that takes its flags, on a free port."""

    speech = "index"
    admin = None

    def __init__(self, *flags, command=(SERVER,)):
        self.command, self.flags = command, flags

    def __enter__(self):
        command = [*self.command, "--addr", "127.0.0.1:0", "--threads", "1", "--log-level", "error", *self.flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        while not (line := self.process.stdout.readline()).startswith("listening on "):
            assert line, "the server ended before it listened"
            if line.startswith("admin on "):
                self.admin = line.split()[-1]
        self.addr = line.split()[-1]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def resident_mebibytes(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


def drive(server, in_flight, seconds):
    """Runs the client; returns requests, requests per second, and nanoseconds of the server's CPU per request."""
    before = cpu_ns(server.process.pid)
    command = [CLIENT, "--addr", server.addr, "--speech", server.speech]
    command += ["--in-flight", str(in_flight), "--seconds", str(seconds)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    requests, took = int(said[0]), float(said[1])
    return requests, requests / took, (cpu_ns(server.process.pid) - before) / requests


def cpu_ns(pid):
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path) as file:
            total += int(file.read().split()[0])
    return total


def header():
    print(f"\n{'figure':<66} {'measured':>9} {'required':>9} {'goal':>6}")


def row(name, measured, required, goal, more_is_better=False):
    falls_short = measured < required if more_is_better else measured > required
    figure = lambda value: "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
    sign = "≥ " if more_is_better else "≤ "
    mark = "  falls short" if falls_short else ""
    print(f"{name:<66} {figure(measured):>9} {sign + figure(required):>9} {figure(goal):>6}{mark}", flush=True)
