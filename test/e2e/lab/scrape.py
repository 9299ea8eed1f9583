# SPDX-License-Identifier: ISC
"""HTTP requests to the daemon, and Prometheus text as numbers."""

import http.client
import re
import socket

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+)'
                    r'\})? (\d+(?:\.\d+)?)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Connection(http.client.HTTPConnection):
    """To a port of a namespace, or to a socket's path."""

    def __init__(self, namespace, where, seconds=10):
        super().__init__("localhost", timeout=seconds)
        self.namespace = namespace
        self.where = where

    def connect(self):
        if isinstance(self.where, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.where)
        else:
            self.sock = self.namespace.connect(
                "127.0.0.1", self.where, self.timeout)


def request(daemon, where, path, method="GET"):
    """(status, text, headers) of one request."""
    connection = Connection(daemon.namespace, where)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


class Metrics:
    """One scrape: series by name and labels. Strict about the form."""

    def __init__(self, text):
        self.series = {}
        family, kind, seen = None, None, set()
        assert text.endswith("\n")
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                family, kind = line.split(" ")[2], None
                assert family not in seen, family
                seen.add(family)
            elif line.startswith("# TYPE "):
                assert kind is None and line.split(" ")[2] == family
                kind = line.split(" ")[3]
            else:
                found = SAMPLE.fullmatch(line)
                assert found and kind, line
                name = found[1]
                if kind == "histogram":
                    name = re.sub("_(bucket|sum|count)$", "", name)
                assert name == family, line
                key = (found[1], frozenset(LABEL.findall(found[2] or "")))
                assert key not in self.series, line
                self.series[key] = float(found[3])

    def value(self, name, **labels):
        return self.series[name, frozenset(labels.items())]

    def sum(self, name, **labels):
        """Over all series of that name with these labels and others."""
        values = [value for (found, has), value in self.series.items()
                  if found == name and has >= set(labels.items())]
        assert values, name
        return sum(values)


def scrape(daemon, where):
    status, text, headers = request(daemon, where, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return Metrics(text)
