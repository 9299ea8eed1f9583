# SPDX-License-Identifier: ISC
"""A private network in two network namespaces, made and removed by tests.

    near namespace                      far namespace
    daemon or clients ── up0 ══ veth ══ up0 ── peer on a TUN
    192.0.2.1  2001:db8::1              192.0.2.2  2001:db8::2
    10.18.0.2  fdaa:0:18:a7b:..:2       10.18.0.3, .80  fdaa:0:18::3, ::80

All addresses live inside the namespaces and all names carry the process's
id, so any number of labs run beside each other.
"""
