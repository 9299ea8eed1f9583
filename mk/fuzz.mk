# SPDX-License-Identifier: ISC
# test/fuzz/fuzz_X.c is a libFuzzer target, test/fuzz/corpus/X its inputs.
#
# make fuzz-smoke            the corpus, cut and changed a little, under ASan
# make fuzz FUZZ=X TIME=60   new inputs with libFuzzer, kept in build-fuzz/X

FUZZ_SRC = $(wildcard test/fuzz/fuzz_*.c)
FUZZ_ALL = $(patsubst test/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
FUZZ_LIB = $(call ARCHIVES,daemon)
TIME    ?= 60

$(B)/test/fuzz/replay_%: $(B)/test/fuzz/fuzz_%.o $(B)/test/fuzz/replay.o \
		$(FUZZ_LIB)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call LINKLIBS,daemon)

$(B)/test/fuzz/libfuzzer_%: $(B)/test/fuzz/fuzz_%.o $(FUZZ_LIB)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ \
	  $(call LINKLIBS,daemon)

.PHONY: fuzz fuzz-smoke fuzz-replay
fuzz-smoke:
	$(SUB) B=build-asan $(SANITIZE) fuzz-replay

fuzz-replay: $(patsubst %,$(B)/test/fuzz/replay_%,$(FUZZ_ALL))
	@for x in $(FUZZ_ALL); do echo "== fuzz $$x"; \
	  ./$(B)/test/fuzz/replay_$$x test/fuzz/corpus/$$x || exit 1; done
	@echo "$(words $(FUZZ_ALL)) passed, 0 failed"

fuzz:
	$(SUB) B=build-fuzz CC=clang FORTIFY= OPT="-O1 -g" \
	  SAN="-fsanitize=address,undefined,fuzzer-no-link" \
	  build-fuzz/test/fuzz/libfuzzer_$(FUZZ)
	@mkdir -p build-fuzz/$(FUZZ)
	./build-fuzz/test/fuzz/libfuzzer_$(FUZZ) -max_total_time=$(TIME) \
	  build-fuzz/$(FUZZ) test/fuzz/corpus/$(FUZZ)
