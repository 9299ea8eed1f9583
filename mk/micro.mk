# SPDX-License-Identifier: ISC
# bench/micro_X.c is a benchmark of one part alone, without sockets.
#
# make bench-micro           all of them
# make bench-micro MICRO=X   one

MICRO ?= $(patsubst bench/micro_%.c,%,$(wildcard bench/micro_*.c))

$(B)/bench/micro_%: $(B)/bench/micro_%.o $(call ARCHIVES,daemon)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call LINKLIBS,daemon)

.PHONY: bench-micro
bench-micro: $(MICRO:%=$(B)/bench/micro_%)
	@for x in $(MICRO); do echo "== $$x"; $(B)/bench/micro_$$x || exit 1; done
