# SPDX-License-Identifier: ISC
# test/wgsim/*.c: WireGuard devices in virtual time over a bad network.
#
# make check-wgsim                     make check-wgsim WG_SEEDS=20000
# build/test/wgsim/wgsim --seed N --trace    one of them again

WGSIM_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard test/wgsim/*.c))
WG_SEEDS ?= 1000

$(B)/test/wgsim/wgsim: $(WGSIM_OBJ) $(call ARCHIVES,crypto)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_crypto)

.PHONY: check-wgsim
check-wgsim: $(B)/test/wgsim/wgsim
	@out=$$(./$< --seed 1 --count $(WG_SEEDS)); code=$$?; \
	  echo "wgsim: $$out"; exit $$code
