# SPDX-License-Identifier: ISC
# test/tcp/*.c is the program that runs test/tcp/SUITE/*.pkt, scripts in
# packetdrill's notation (test/README.md), against the netstack.

TCP_OBJ    = $(patsubst %.c,$(B)/%.o,$(wildcard test/tcp/*.c))
TCP_SUITES = $(sort $(patsubst test/tcp/%/,%,$(dir $(wildcard test/tcp/*/*.pkt))))

$(B)/test/tcp_script: $(TCP_OBJ) $(call ARCHIVES,netstack)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call LINKLIBS,netstack)

.PHONY: check-tcp
check-tcp: $(B)/test/tcp_script
	@failed=0; for s in $(TCP_SUITES); do \
	  out=$$(./$(B)/test/tcp_script test/tcp/$$s/*.pkt) || failed=1; \
	  echo "$$s: $$out"; done; exit $$failed
