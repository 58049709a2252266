"""Packet capture around a scenario: tcpdump or dumpcap, started before the traffic and stopped after it."""

import gzip
import pathlib
import re
import signal
import struct
import subprocess
import time

# form: file name ending, program, its arguments.
FORMS = {
    "pcap": (".pcap", "tcpdump", []),
    "nano": (".pcap", "tcpdump", ["--time-stamp-precision=nano"]),
    "sll": (".pcap", "tcpdump", ["-y", "LINUX_SLL"]),
    "pcapng": (".pcapng", "dumpcap", []),
    "gzip": (".pcap.gz", "tcpdump", []),
    "zstd": (".pcapng.zst", "dumpcap", []),
}


KEYS = "/tmp/wssniff-record.keys"  # where the ends of TLS write their secrets


class Capture:
    """Writes what passes an interface to a file, and refuses to end with packets dropped."""

    def __init__(self, scenario, folder, prefix=()):
        ending, self.program, extra = FORMS[scenario.form]
        self.form, self.keys = scenario.form, scenario.keys
        self.file = folder / (scenario.name + ending)
        self.bare = pathlib.Path("/tmp") / (scenario.name + ".recording")
        args = ["-i", scenario.interface, "-w", str(self.bare), *extra]
        if scenario.snaplen:
            args += ["-s", str(scenario.snaplen)]
        if self.program == "tcpdump":
            args = ["tcpdump", "--immediate-mode", "-U", "-B", "131072", "-Z", "root", *args, scenario.filter]
        else:
            args = ["dumpcap", "-q", "-B", "128", *args, "-f", scenario.filter]
        self.process = subprocess.Popen([*prefix, *args], stderr=subprocess.PIPE, text=True)
        ready = "listening on" if self.program == "tcpdump" else "File:"
        for line in self.process.stderr:
            if ready in line:
                break
        else:
            raise SystemExit(f"record: {self.program} did not start")
        time.sleep(0.4)

    def stop(self):
        time.sleep(0.4)
        self.process.send_signal(signal.SIGINT)
        said = self.process.stderr.read()
        self.process.wait()
        dropped = re.search(r"(\d+) packets? dropped by kernel|received/dropped on interface.*: \d+/(\d+)", said)
        if not dropped or int(dropped[1] or dropped[2]):
            raise SystemExit(f"record: packets were dropped: {said}")
        self._store()
        return self.file.name

    def _store(self):
        data = self.bare.read_bytes()
        self.bare.unlink()
        if self.program == "dumpcap":
            data = without_machine(data)
        if self.keys:
            data = with_secrets(data, pathlib.Path(KEYS).read_text())
        if self.form == "gzip":
            data = gzip.compress(data, mtime=0)
        if self.form == "zstd":
            data = subprocess.run(["zstd", "-19", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
        self.file.write_bytes(data)


def without_machine(data):
    """Drops the processor and the kernel, which dumpcap puts into the options of the first two pcapng blocks."""
    out = b""
    for options, dropped in ((24, (2, 3)), (16, (12,))):
        length, at, kept = int.from_bytes(data[4:8], "little"), options, b""
        while at < length - 4:
            code, size = struct.unpack("<HH", data[at:at + 4])
            after = at + 4 + (size + 3 & ~3)
            if code not in dropped:
                kept += data[at:after]
            at = after
        total = (options + len(kept) + 4).to_bytes(4, "little")
        out += data[:4] + total + data[8:options] + kept + total
        data = data[length:]
    return out + data


def with_secrets(data, keys):
    """Puts a decryption secrets block with a key log ahead of the packets."""
    log = "".join(sorted({line for line in keys.splitlines(True) if not line.startswith("#")})).encode()
    body = struct.pack("<II", 0x544C534B, len(log)) + log + bytes(-len(log) % 4)
    total = struct.pack("<I", 12 + len(body))
    at = sum_of_blocks(data, 2)
    return data[:at] + struct.pack("<I", 10) + total + body + total + data[at:]


def sum_of_blocks(data, count):
    at = 0
    for _ in range(count):
        at += int.from_bytes(data[at + 4:at + 8], "little")
    return at
