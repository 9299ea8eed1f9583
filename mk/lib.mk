# SPDX-License-Identifier: ISC
# The TCP/IP stack as a library of its own: doc/netstack.md.

LIB_HEADERS = netstack/netstack.h netstack/chunk.h netstack/tag.h \
              netstack/dns.h netstack/dial.h $(wildcard base/*.h)

.PHONY: lib check-lib install-lib
lib: $(B)/libwgnetstack.a

$(B)/libwgnetstack.a: $(call OBJ,netstack) $(call OBJ,base)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/doc/examples/two_stacks: $(B)/doc/examples/two_stacks.o \
                              $(B)/libwgnetstack.a
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_netstack)

# The example works as its page says.
check-lib: $(B)/doc/examples/two_stacks
	@$(abspath $<) | diff - doc/examples/two_stacks.out && \
	  echo "library: 1 passed, 0 failed"

install-lib: lib
	install -d $(DESTDIR)$(prefix)/lib \
	  $(DESTDIR)$(prefix)/include/wgnetstack/netstack \
	  $(DESTDIR)$(prefix)/include/wgnetstack/base
	install -m 644 $(B)/libwgnetstack.a $(DESTDIR)$(prefix)/lib
	for h in $(LIB_HEADERS); do install -m 644 $$h \
	  $(DESTDIR)$(prefix)/include/wgnetstack/$$h || exit 1; done
