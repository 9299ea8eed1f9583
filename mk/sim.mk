# SPDX-License-Identifier: ISC
# test/sim/*.c is the simulator (test/README.md).
#
# make check-sim                 seeds that once failed, and some others
# make check-sim SEEDS=5000      more of them
# make check-sim-long            1000 of ten virtual minutes each
# build/test/sim/sim --paths     how fast one stream is on named paths, and
#                                what it takes beside a kernel's
# build/test/sim/sim --seed N        one of them again

SIM_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard test/sim/*.c))
SEEDS  ?= 200
TUNNEL_SEEDS ?= 40

$(B)/test/sim/sim: $(SIM_OBJ) $(B)/libnetstack.a $(call ARCHIVES,crypto)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_netstack) $(LIBS_crypto) -lm

.PHONY: check-sim
check-sim: $(B)/test/sim/sim
	@out=$$(./$< --regressions test/sim/regressions.txt \
	  --seed 1 --count $(SEEDS)); code=$$?; echo "sim: $$out"; exit $$code
	@out=$$(./$< --tunnel --seed 1 --count $(TUNNEL_SEEDS)); code=$$?; \
	  echo "tunnels: $$out"; exit $$code
ifndef SAN # the seeds find what sanitizers see; this is about speed
	@./$< --paths >$(B)/test/sim/paths.log; code=$$?; \
	  [ $$code = 0 ] || cat $(B)/test/sim/paths.log; \
	  echo "paths: $$(tail -n 1 $(B)/test/sim/paths.log)"; exit $$code
endif

LONG_SEEDS ?= 1000

.PHONY: check-sim-long
check-sim-long: $(B)/test/sim/sim
	@out=$$(./$< --long --seed 1 --count $(LONG_SEEDS)); code=$$?; \
	  echo "long: $$out"; exit $$code
