# SPDX-License-Identifier: ISC
"""psql and pgbench through the daemon."""

import hashlib
import re
import signal
import subprocess
import time

import pytest

from lab import clients
from lab.postgres import program


@pytest.fixture(scope="module")
def daemon(shared_lab):
    with shared_lab.daemon({"pg": "appname.internal:5432",
                            "pg4": "four.internal:5432",
                            "three": "three.internal:5432"}) as daemon:
        yield daemon


@pytest.mark.parametrize("forward", ["pg", "pg4", "three"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_rows_by_name(lab, daemon, forward, host):
    rows = clients.psql(lab, daemon.ports[forward], "-c",
                        "select n, n * n from generate_series(1, 3) n",
                        host=host)
    assert rows == "1|1\n2|4\n3|9\n"


def test_uri(lab, daemon):
    uri = "postgres://postgres@localhost:%d" % daemon.ports["pg"]
    done = lab.near.run(["psql", "-X", "-Atc", "select 6 * 7", uri])
    assert done.stdout == "42\n"


def test_many_rows(lab, daemon):
    rows = clients.psql(
        lab, daemon.ports["pg"], "-c",
        "select md5(n::text) from generate_series(1, 200000) n")
    assert len(rows) == 200000 * 33
    assert clients.psql(
        lab, daemon.ports["pg"], "-c", "select md5(string_agg("
        "md5(n::text) || E'\\n', '' order by n)) "
        "from generate_series(1, 200000) n").strip() == md5(rows)


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def test_copy_in(lab, daemon, tmp_path):
    file = tmp_path / "rows"
    file.write_text("".join("%d\t%s\n" % (n, "x" * 90)
                            for n in range(100000)))
    out = clients.psql(lab, daemon.ports["pg"], "-q", "-c",
                       "create temp table t (n int, s text)", "-c",
                       "\\copy t from '%s'" % file, "-c",
                       "select count(*), sum(n), sum(length(s)) from t")
    assert out.split("\n")[-2] == "100000|4999950000|9000000"


def test_concurrent_clients(lab, daemon):
    """100 sessions at once under a limit of 256 descriptors."""
    query = "select pg_sleep(1), pg_backend_pid()"
    argv = clients.psql_argv(daemon.ports["pg"]) + ["-c", query]
    running = [clients.start(lab, argv) for _ in range(100)]
    pids = set()
    for client in running:
        output = client.communicate(timeout=60)[0]
        assert client.returncode == 0, output
        pids.add(output)
    assert len(pids) == 100


def test_pgbench(lab, daemon):
    bench = [program("pgbench"), "-h", "localhost", "-p",
             str(daemon.ports["pg"]), "-U", "postgres"]
    lab.near.run(bench + ["-i", "-q", "postgres"])
    done = lab.near.run(bench + ["-S", "-n", "-c", "8", "-j", "2", "-T", "5",
                                 "-M", "prepared", "postgres"])
    assert "number of failed transactions: 0 " in done.stdout
    assert float(re.search(r"tps = ([\d.]+)", done.stdout)[1]) > 100
    # A new connection for each transaction.
    done = lab.near.run(bench + ["-S", "-n", "-C", "-c", "4", "-T", "2",
                                 "postgres"])
    assert "number of failed transactions: 0 " in done.stdout


@pytest.mark.parametrize("forward", ["pg", "three"])
def test_cancel(lab, daemon, forward):
    """Ctrl-C opens a second connection, which must find the same server."""
    argv = clients.psql_argv(daemon.ports[forward])
    # Of the group, so that psql gets it and not only its parent.
    client = clients.start(lab, argv + ["-c", "select pg_sleep(60)"],
                           start_new_session=True)
    deadline = time.monotonic() + 10
    while clients.psql(lab, daemon.ports["pg"], "-c", SLEEPERS) != "1\n":
        assert time.monotonic() < deadline, "the query never started"
        time.sleep(0.05)
    start = time.monotonic()
    client.send_signal(signal.SIGINT)
    try:
        output = client.communicate(timeout=10)[0]
    except subprocess.TimeoutExpired:
        client.kill()
        raise
    assert "canceling statement due to user request" in output
    assert time.monotonic() - start < 3


SLEEPERS = "select count(*) from pg_stat_activity " \
           "where query like 'select pg_sleep(60)%'  and state = 'active'"


def test_server_ends_the_session(lab, daemon):
    """What the server says before it cuts a client reaches the client."""
    argv = clients.psql_argv(daemon.ports["pg"])
    query = "select pg_terminate_backend(pg_backend_pid())"
    client = clients.start(lab, argv + ["-c", query])
    output = client.communicate(timeout=10)[0]
    assert client.returncode != 0
    assert "terminating connection due to administrator command" in output
