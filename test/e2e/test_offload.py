# SPDX-License-Identifier: ISC
"""UDP segmentation offload: missing, failing, or too big for the path."""

import os

import pytest

from lab import clients, stream
from lab.lab import APP4, APP6, Lab, all_services
from lab.process import run
from lab.wireguard import TOP

SIZE = 16 * stream.MIB


@pytest.fixture(scope="module")
def shim(shared_lab):
    path = os.path.join(shared_lab.folder, "nogso.so")
    run(["cc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", path,
         os.path.join(TOP, "test/e2e/nogso.c"), "-ldl"])
    return path


@pytest.mark.parametrize("mode", ["option", "send", "emsgsize"])
def test_without_offload(lab, shim, mode):
    environment = {"LD_PRELOAD": shim, "NOGSO": mode}
    with lab.daemon(all_services(APP6), environment=environment) as daemon:
        clients.upload(daemon, "sink6", SIZE)
        clients.download(daemon, "source6", SIZE)


def test_without_ipv6(lab, shim):
    """E8: one family is enough, outside; inside both work."""
    environment = {"LD_PRELOAD": shim, "NOGSO": "ipv4"}
    with lab.daemon(all_services(APP4, APP6),
                    environment=environment) as daemon:
        assert daemon.events("udp_open")[0]["ipv6"] == "no"
        clients.echoes(daemon, "echo6")
        clients.echoes(daemon, "echo4")


def fragments_made(namespace):
    """Of datagrams that did not fit, by both families."""
    counters = namespace.run(["cat", "/proc/net/snmp6"]).stdout.split()
    made = int(counters[counters.index("Ip6FragCreates") + 1])
    names, values = [line.split() for line in namespace.run(
        ["cat", "/proc/net/snmp"]).stdout.splitlines()
        if line.startswith("Ip: ")]
    return made + int(values[names.index("FragCreates")])


@pytest.mark.parametrize("family, mtu", [(4, 1400), (6, 1400), (4, 1300)])
def test_path_narrower_than_the_tunnel(family, mtu):
    """The outer path shrinks in the middle of a transfer (S7)."""
    with Lab() as lab:
        tunnel = lab.tunnel(endpoint=lab.endpoint(family))
        with lab.daemon(all_services(APP4, APP6), tunnel) as daemon:
            clients.upload(daemon, "sink4", stream.MIB)
            for namespace in (lab.near, lab.far):
                namespace.ip("link", "set", "up0", "mtu", str(mtu))
            clients.upload(daemon, "sink6", SIZE)
            clients.upload(daemon, "sink4", SIZE)
            clients.download(daemon, "source6", SIZE)


@pytest.mark.parametrize("family, mtu", [(4, 1400), (6, 1400)])
def test_tcp_learns_what_fits(family, mtu):
    """Datagrams are cut in two until TCP was told, and no longer then."""
    with Lab() as lab:
        tunnel = lab.tunnel(endpoint=lab.endpoint(family))
        with lab.daemon(all_services(APP4, APP6), tunnel) as daemon:
            clients.upload(daemon, "sink4", stream.MIB)
            assert fragments_made(lab.near) == 0
            for namespace in (lab.near, lab.far):
                namespace.ip("link", "set", "up0", "mtu", str(mtu))
            clients.upload(daemon, "sink6", stream.MIB)
            learning = fragments_made(lab.near)
            assert learning > 0
            clients.upload(daemon, "sink6", SIZE)
            clients.upload(daemon, "sink4", SIZE)
            assert fragments_made(lab.near) == learning
