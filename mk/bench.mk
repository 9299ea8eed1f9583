# SPDX-License-Identifier: ISC
# Figures: bench/README.md tells which, and what they say.

$(B)/bench/floor: $(B)/bench/floor.o $(call ARCHIVES,crypto)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call LINKLIBS,crypto)

$(B)/bench/load: $(B)/bench/load.o
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

# wireguard-go's netstack, where there is a Go compiler.
$(B)/bench/engine: bench/engine/main.go bench/engine/go.mod
	$(say) GO $@
	-$(Q)cd bench/engine && go build -o $(abspath $@) .

.PHONY: bench bench-paths
bench: deps-bench all peers $(B)/bench/floor $(B)/bench/load $(B)/bench/engine
	$(AS_ROOT) env WGPROXYD=$(abspath $(B)/wgproxyd) $(PYTHON) -B \
	  bench/table.py $(BENCH_ARGS)

# One stream over long and lossy paths, beside Linux TCP: 12 minutes.
bench-paths: deps-bench all
	$(AS_ROOT) env WGPROXYD=$(abspath $(B)/wgproxyd) $(PYTHON) -B \
	  bench/paths.py $(SECONDS_EACH)

# The far end of the tests in memory is the other end here, too.
$(B)/bench/micro_turn: $(B)/test/unit/daemon/far.o

# Fails when fixed work takes 3 % more instructions than bench/instructions.json
# says; bench-accept writes them there.
.PHONY: bench-check bench-accept
bench-check: $(B)/bench/micro_turn
	@$(PYTHON) -B bench/guard.py $(B)/bench/micro_turn "$(CC)"

bench-accept: $(B)/bench/micro_turn
	@$(PYTHON) -B bench/guard.py --accept $(B)/bench/micro_turn "$(CC)"
