# SPDX-License-Identifier: ISC
# test/swarm/swarm.c is many clients of one gateway, for test/e2e.

$(B)/test/swarm_clients: $(B)/test/swarm/swarm.o $(call ARCHIVES,daemon)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call LINKLIBS,daemon)

check-e2e check-e2e-long: $(B)/test/swarm_clients
