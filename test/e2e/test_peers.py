# SPDX-License-Identifier: ISC
"""Foreign WireGuard implementations, over both outer families."""

import pytest

from lab import clients, netns, stream
from lab.lab import APP4, APP6, OUTER, Lab, endpoint
from lab.wireguard import Keys, implementation, preshared_key

SIZE = 16 * stream.MIB
KINDS = ["wireguard-go", "wireguard-go-newest", "boringtun"]
FORWARDS = {"sink": (APP6, "sink"), "source": (APP6, "source"),
            "echo": ("four.internal", "echo")}


def need(kind):
    if implementation(kind) is None:
        pytest.skip(kind + " is not here; test/peers.sh builds it when its "
                    "toolchain is")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("psk", [False, True], ids=["", "psk"])
def test_transfer(kind, family, psk):
    need(kind)
    with Lab(kind, psk=preshared_key() if psk else None) as lab, \
            lab.daemon(FORWARDS, lab.tunnel(
                endpoint=lab.endpoint(family))) as daemon:
        clients.echoes(daemon, "echo")
        clients.upload(daemon, "sink", SIZE)
        clients.download(daemon, "source", SIZE)


@pytest.mark.parametrize("kind", KINDS)
def test_peer_starts_the_handshake(kind):
    """The peer knows our port and has something to say: we answer, and
    then use its session for our own connections."""
    need(kind)
    with Lab(kind) as lab:
        keys = Keys()
        identity = lab.identity(keys)
        tunnel = lab.tunnel(listen_port=51900, private_key=keys.private,
                            address=[identity.four + "/24",
                                     identity.six + "/120"])
        del tunnel["peers"][0]["endpoint"]
        with lab.daemon(FORWARDS, tunnel) as daemon:
            lab.peer.set_endpoint(keys.public,
                                  endpoint(OUTER["near4"], 51900))
            lab.far.run(["dig", "+tries=1", "+time=1", "@" + identity.four,
                         "x.internal"], check=False)
            daemon.wait_event("peer_up", 10)
            clients.echoes(daemon, "echo")


@pytest.mark.parametrize("kind", KINDS)
def test_name_of_the_endpoint(kind):
    need(kind)
    with Lab(kind) as lab:
        lab.near.set_hosts({"gateway.example": OUTER["far6"]})
        tunnel = lab.tunnel(endpoint="gateway.example:51820")
        with lab.daemon(FORWARDS, tunnel) as daemon:
            clients.echoes(daemon, "echo")
            event = daemon.wait_event("peer_up")
            assert event["endpoint"] == "[%s]:51820" % OUTER["far6"]


def test_two_tunnels():
    """Two peers with the same inner network, one daemon."""
    with Lab() as one, Lab() as two:
        # The second far end is reached through a second link.
        netns.join(one.near, two.far, "up1", ["198.51.100.1/24"],
                   ["198.51.100.2/24"])
        second = two.tunnel(endpoint="198.51.100.2:51820")
        forwards = {"one": {"to": "appname.internal:7001", "tunnel": "lab"},
                    "two": {"to": "four.internal:7001", "tunnel": "other"}}
        with one.daemon(forwards, more_tunnels={"other": second}) as daemon:
            before = len(two.services.endings("echo"))
            clients.echoes(daemon, "two")
            assert two.services.wait_ending("echo", before)["bytes"] == 5
            clients.echoes(daemon, "one")
            assert len(two.services.endings("echo")) == before + 1
