"""N clients for a minute: `aand serve` beside plain Python servers of ONNX Runtime and OpenVINO on the same exported graph;
then a model that changes under load, hostile bodies beside an honest client, and a kill.

    pip install onnxruntime openvino numpy pillow
    python3 docs/load_serve.py target/release/aand part.aand PICTURES [--clients 8] [--seconds 60] [--only aand]

All servers run at once, and are asked in turns, so that whatever else the machine does falls on all alike. Every client
sends one picture after the other over a connection that it keeps, and counts what is not answered 200 with a score. The
Python servers have a thread for each connection, decode and resize with Pillow, and share one session, which has all
cores, as aand has. Memory is the resident size before, in the middle and at the end; `cpu_ms` is what a picture takes of all
cores together, which other work on the machine changes least. It ends with 1 where something is lost.
"""

import argparse
import http.client
import http.server
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

TURNS = 6


def peer(kind, graph):
    """Serves `graph` at a free port, which is printed, by plain Python."""
    import numpy
    from PIL import Image, ImageOps

    if kind == "onnxruntime":
        import onnxruntime

        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        _, height, width, _ = session.get_inputs()[0].shape

        def score(pixels):
            return float(session.run(["score"], {"pixels": pixels})[0][0])
    else:
        import openvino

        model = openvino.Core().compile_model(graph, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        _, height, width, _ = [side.get_length() if side.is_static else -1 for side in model.input(0).partial_shape]
        output, lock, request = model.output("score"), threading.Lock(), model.create_infer_request()

        def score(pixels):
            with lock:
                return float(request.infer({"pixels": pixels})[output][0])

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without these an answer waits for the client's acknowledgement.
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            picture = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB")
            pixels = numpy.asarray(picture.resize((width, height), Image.BICUBIC))[None]
            answer = json.dumps({"score": score(pixels)}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(json.dumps({"address": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()


class Server:
    """A process that has printed its address."""

    def __init__(self, name, command):
        self.name, self.command = name, command
        self.scores, self.memory = {}, []
        self.begin()

    def begin(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.address = json.loads(self.process.stdout.readline())["address"].removeprefix("http://")
        self.forget()

    def resident(self):
        """Megabytes of memory, now and at the most."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return [round(int(status.split(f"{name}:")[1].split()[0]) / 1024) for name in ("VmRSS", "VmHWM")]

    def cpu(self):
        """Seconds of all cores together."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, pictures, clients, seconds, meanwhile=lambda: None):
        """Asks for so many seconds."""
        started = time.monotonic()
        ask = lambda: client(self, pictures, started + seconds)
        threads = [threading.Thread(target=ask) for _ in range(clients)]
        for thread in threads:
            thread.start()
        meanwhile()
        for thread in threads:
            thread.join()
        self.took += time.monotonic() - started

    def row(self):
        times = sorted(self.times)
        at = lambda share: round(1000 * times[min(len(times) - 1, int(len(times) * share))], 1)
        return {
            "server": self.name, "pictures": len(times), "lost": len(self.lost),
            "per_second": round(len(times) / self.took, 1), "p50_ms": at(0.5), "p95_ms": at(0.95),
            "cpu_ms": round(1000 * (self.cpu() - self.before) / max(1, len(times)), 1), "memory_mb": self.memory,
        }

    def forget(self):
        self.times, self.lost, self.took, self.before = [], [], 0.0, self.cpu()

    def metric(self, start):
        """The sum of aand's metrics whose line begins so."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))

    def end(self):
        self.process.terminate()
        return self.process.wait()


def free_port():
    """One that no system gives to outgoing connections: a client that asks in vain could otherwise come to hold it."""
    for port in range(21_000, 31_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return str(port)


def client(server, pictures, end):
    connection = http.client.HTTPConnection(server.address, timeout=60)
    while time.monotonic() < end:
        for name, bytes_ in pictures:
            if time.monotonic() >= end:
                break
            started = time.monotonic()
            try:
                connection.request("POST", "/detect", bytes_)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise OSError(f"{answer.status}: {body[:200]}")
                server.scores[name] = json.loads(body)["score"]
                server.times.append(time.monotonic() - started)
            except Exception as error:  # whatever it is, the request is lost
                server.lost.append(repr(error))
                connection.close()
                time.sleep(0.02)
    connection.close()


DETECTED = 'aand_requests_total{route="/detect",code="200"}'


def beside(servers, pictures, clients, seconds):
    """All servers in turns."""
    for server in servers:
        server.load(pictures, 1, 2)
        server.forget()
        server.memory.append(server.resident()[0])
    counted = servers[0].metric(DETECTED)
    for turn in range(TURNS):
        for server in servers:
            server.load(pictures, clients, seconds / TURNS)
            if turn in (TURNS // 2 - 1, TURNS - 1):
                server.memory.append(server.resident()[0])
    for server in servers:
        print(json.dumps(server.row()), flush=True)
        for error in server.lost[:3]:
            print(error, file=sys.stderr)
        names = [name for name in server.scores if name in servers[0].scores]
        apart = max(abs(server.scores[name] / servers[0].scores[name] - 1) for name in names)
        if server is not servers[0]:
            print(f"largest relative difference of a score from aand's: {apart:.1e}")
    counted = servers[0].metric(DETECTED) - counted
    print(f"answered 200 by aand's own count: {counted:.0f}")
    return sum(len(server.lost) for server in servers) + abs(counted - len(servers[0].times))


def changing(aand, model, pictures, clients, seconds):
    """A model file that is replaced every 3 seconds, once by what is no model."""
    aand.forget()

    def replace():
        draft = model.with_suffix(".draft")
        original = model.read_bytes()
        # The last one is good again.
        for n in range(max(3, int(seconds / 3) - 1)):
            draft.write_bytes(b"no model" if n == 1 else original)
            draft.rename(model)
            time.sleep(3)

    aand.load(pictures, clients, seconds, replace)
    good, bad = (aand.metric(f'aand_reloads_total{{model="{model.stem}",result="{kind}"}}') for kind in ("ok", "failed"))
    print(json.dumps({**aand.row(), "server": "model replaced every 3 s", "reloads": good, "refused": bad}), flush=True)
    return len(aand.lost) + (good == 0) + (bad == 0)


def huge_png(side):
    """A picture of one bit per pixel: a few kilobytes that are a gigabyte when they are decoded."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = zlib.compress(bytes((1 + (side + 7) // 8) * side), 9)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def bombs(aand, pictures, seconds):
    """Bodies that mean harm, over and over by several, and one honest client."""
    host, port = aand.address.split(":")
    huge, zeros, sent = huge_png(20_000), zlib.compress(bytes(1 << 28), 9), []
    head = f"POST /detect HTTP/1.1\r\nhost: {aand.address}\r\n"
    kinds = {
        "a length of 100 GB": (head + "content-length: 100000000000\r\n\r\n", b"x" * 65536, 10**9),
        "chunks without end": (head + "transfer-encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n", 10**9),
        "gzip": (head + f"content-encoding: gzip\r\ncontent-length: {len(zeros)}\r\n\r\n", zeros, 1),
        "a PNG of 400 megapixels": (head + f"content-length: {len(huge)}\r\n\r\n", huge, 1),
        "tensors without end": (head.replace("/detect", "/v2/models/x/infer") + "content-length: 60000000\r\n\r\n", b"[" * 65536, 10**9),
        "a body that never comes": (head + "content-length: 1000\r\n\r\n", b"", 0),
    }

    end = time.monotonic() + seconds

    def attack(kind, begin, data, times):
        while time.monotonic() < end:
            try:
                with socket.create_connection((host, int(port)), timeout=5) as connection:
                    try:
                        connection.sendall(begin.encode())
                        for _ in range(times):
                            if time.monotonic() >= end:
                                break
                            connection.sendall(data)
                    except OSError:
                        pass  # refused; why, may still be there to read
                    connection.settimeout(max(0.1, min(5, end - time.monotonic())))
                    sent.append((kind, connection.recv(12)[9:].decode()))
            except OSError:
                sent.append((kind, "closed"))

    threads = [threading.Thread(target=attack, args=(kind, *how)) for kind, how in kinds.items() for _ in range(2)]
    aand.forget()
    aand.load(pictures, 1, seconds, lambda: [thread.start() for thread in threads])
    for thread in threads:
        thread.join()
    answers = {kind: sorted({code for other, code in sent if other == kind}) for kind in kinds}
    print(json.dumps({**aand.row(), "server": "one client beside 12 hostile ones", "memory_mb": aand.resident()}), flush=True)
    print(json.dumps({"hostile": len(sent), "answers": answers}), flush=True)
    return len(aand.lost) + any("200" in codes for codes in answers.values())


def killed(aand, pictures):
    """The same command, after a kill under load."""
    aand.forget()
    before = dict(aand.scores)
    threads = [threading.Thread(target=client, args=(aand, pictures, time.monotonic() + 3)) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    os.kill(aand.process.pid, signal.SIGKILL)
    aand.process.wait()
    started = time.monotonic()
    aand.begin()
    aand.scores = {}
    client(aand, pictures[:1], time.monotonic() + 0.5)
    took = time.monotonic() - started
    for thread in threads:
        thread.join()
    same = all(before[name] == score for name, score in aand.scores.items())
    print(json.dumps({"killed": True, "serves_again_within_s": round(took, 2), "same_scores": same}), flush=True)
    return int(not same)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("aand")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", choices=["aand"])
    parser.add_argument("--peer", nargs=2, metavar=("KIND", "GRAPH"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        return peer(*args.peer)
    with tempfile.TemporaryDirectory() as folder:
        # A copy, which may be replaced.
        model = pathlib.Path(shutil.copy(args.model, folder))
        graph = str(model.with_suffix(".onnx"))
        subprocess.run([args.aand, "export", str(model), "--to", "onnx", "--out", graph, "--quiet"], check=True)
        files = sorted(path for path in args.pictures.rglob("*") if path.suffix in (".png", ".jpg"))[:32]
        pictures = [(path.name, path.read_bytes()) for path in files]
        serve = [args.aand, "serve", str(model), "--port", free_port(), "--json", "--quiet", "--device", "cpu"]
        servers = [Server("aand serve", serve)]
        for kind in [] if args.only else ["onnxruntime", "openvino"]:
            same = [sys.executable, __file__, args.aand, str(model), str(args.pictures), "--peer", kind, graph]
            servers.append(Server(f"{kind}, Python", same))
        aand = servers[0]
        wrong = beside(servers, pictures, args.clients, args.seconds)
        for server in servers[1:]:
            server.end()
        wrong += changing(aand, model, pictures, args.clients, args.seconds / 3)
        wrong += bombs(aand, pictures, args.seconds / 3)
        wrong += killed(aand, pictures)
        code = aand.end()
        print(json.dumps({"wrong": wrong, "exit": code}))
        return int(wrong + code > 0)


sys.exit(main())
