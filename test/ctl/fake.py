# SPDX-License-Identifier: ISC
"""A daemon that speaks the control protocol and has no tunnel: what proxyctl
says to it is kept, what it answers is told by the test."""

import json
import os
import socket
import threading


class No(Exception):
    """The daemon says no."""

    def __init__(self, code, message, **members):
        super().__init__(message)
        self.error = {"code": code, "message": message, **members}


class Fake:
    """Answers each op with a dict, a function of the request that returns one,
    or an exception; with bytes, these are sent as they are. None: it never
    answers. An op of a list is answered by its items in turn; the last
    stays."""

    def __init__(self, folder):
        self.path = os.path.join(str(folder), "control.sock")
        self.answers = {}
        self.requests = []
        self._threads = []
        self._held = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(16)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for held in self._held:
            held.close()

    def ops(self):
        return [request["op"] for request in self.requests]

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._serve(client)

    def _serve(self, client):
        line = b""
        while not line.endswith(b"\n"):
            part = client.recv(65536)
            if not part:
                client.close()
                return
            line += part
        answer = self._answer(json.loads(line))
        if answer is None:
            self._held.append(client)
            return
        try:
            client.sendall(answer)
        except OSError:
            pass
        client.close()

    def _answer(self, request):
        assert request.pop("v") == 1
        self.requests.append(request)
        answer = self.answers[request["op"]]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        try:
            if callable(answer):
                answer = answer(request)
            if isinstance(answer, No):
                raise answer
        except No as no:
            return line_of({"v": 1, "ok": False, "error": no.error})
        if isinstance(answer, dict):
            return line_of({"v": 1, "ok": True, "result": answer})
        return answer


def line_of(message):
    return json.dumps(message).encode() + b"\n"


def forward(name="pg", **members):
    return {
        "name": name, "listen": "localhost:15432", "port": 15432,
        "to": "appname.internal:5432", "tunnel": "fly", "state": "listening",
        "origin": "runtime", "connections": 3, "accepted": 7, "refused": 0,
        "bytes_up": 2048, "bytes_down": 5 << 20, "allow": [],
        "address_policy": "sticky", "address": "[fdaa::2]:5432", **members}


STATUS = {
    "version": "0.1.0", "pid": 4242, "started_at": 1, "uptime_ms": 7500000,
    "state": "degraded", "text": "1 forward is paused", "aead": "libsodium",
    "tunnels": [{"name": "fly", "state": "up", "text": "", "peers": 1,
                 "peers_up": 1, "rx_bytes": 1536, "tx_bytes": 10}],
    "forwards": {"listening": 2, "paused": 1, "failed": 0, "draining": 0},
    "connections": 3, "connections_max": 10000, "accepted": 512,
    "bytes_up": 1000, "bytes_down": 1 << 30, "memory_used": 12 << 20,
    "memory_max": 256 << 20, "config": "/etc/wgproxyd/wgproxyd.yaml",
    "config_loaded_at": 1, "state_dir": "/var/lib/wgproxyd"}
