# SPDX-License-Identifier: ISC
"""unbound as the name server of the private network."""

import os

from lab.process import Process, as_root

CONFIG = """\
server:
  directory: "{folder}"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  do-daemonize: no
  {interfaces}
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  module-config: "iterator"
  rrset-roundrobin: no
  minimal-responses: yes
  edns-buffer-size: 1232
  num-threads: 1
  so-reuseport: no
  local-zone: "refused.internal." refuse
auth-zone:
  name: "internal."
  zonefile: "{zone}"
  for-downstream: yes
  for-upstream: yes
remote-control:
  control-enable: no
"""

SOA = "@ 5 IN SOA ns.internal. root.internal. 1 3600 600 86400 5\n" \
      "@ 5 IN NS ns.internal.\n"


class Names:
    def __init__(self, namespace, addresses, folder):
        self.namespace = namespace
        self.addresses = addresses
        self.folder = folder
        self.process = None

    def start(self, records):
        """records: (name below .internal, type, data), in this order."""
        zone = os.path.join(self.folder, "internal.zone")
        config = os.path.join(self.folder, "unbound.conf")
        with open(zone, "w") as file:
            file.write("$ORIGIN internal.\n" + SOA)
            for name, kind, data in records:
                file.write("%s 5 IN %s %s\n" % (name, kind, data))
        interfaces = "\n  ".join("interface: " + a for a in self.addresses)
        with open(config, "w") as file:
            file.write(CONFIG.format(folder=self.folder, zone=zone,
                                     interfaces=interfaces))
        self.process = Process(
            "unbound", as_root(self.namespace.command(
                ["unbound", "-d", "-p", "-c", config])),
            os.path.join(self.folder, "unbound.log"))
        self.process.wait_for_log("start of service")

    def stop(self):
        if self.process is not None:
            self.process.stop()
            self.process = None

    close = stop
