# SPDX-License-Identifier: ISC
# test/driver/*.c is the WireGuard core behind lines of text, for vectors made
# by others (test/README.md). WG_VECTORS names a folder with more of them.

DRIVER_OBJ = $(patsubst %.c,$(B)/%.o,$(wildcard test/driver/*.c))

$(B)/test/wg_driver: $(DRIVER_OBJ) $(call ARCHIVES,crypto)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call LINKLIBS,crypto)

.PHONY: check-driver
check-driver: $(B)/test/wg_driver
	@env WG_DRIVER=$(abspath $(B)/test/wg_driver) \
	  $(PYTHON) -B test/driver/test_driver.py
