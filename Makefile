# SPDX-License-Identifier: ISC
#
# make            programs under $(B)/
# make check      fast tests: unit, vectors, TCP scripts, simulator, tidy
# make check-e2e  the daemon against real peers (root, network namespaces)
# make check-asan make fuzz-smoke make analyze make bench
# make demo       the whole thing once, from nothing
# make test       install what is missing, then every test
# make install    DESTDIR and prefix are honoured; make uninstall
#
# Sources are found by folder; a new file needs no line here.

B       ?= build
CC      ?= cc
prefix  ?= /usr/local
V       ?= 0
Q        = $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),@:,@printf '  %-6s %s\n')

PKGS = libuv libsodium yaml-0.1 libcares jansson
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
# The system call filter is left out where there is no libseccomp.
SECCOMP    := $(shell pkg-config --exists libseccomp && echo libseccomp)
PKG_CFLAGS += $(if $(SECCOMP),-DHAVE_LIBSECCOMP \
  $(shell pkg-config --cflags libseccomp))
# So are the metrics over HTTP where there is no libmicrohttpd, which is not
# linked but loaded when metrics are configured.
HTTP       := $(shell pkg-config --exists libmicrohttpd && echo libmicrohttpd)
PKG_CFLAGS += $(if $(HTTP),-DHAVE_MICROHTTPD \
  $(shell pkg-config --cflags libmicrohttpd))
# And the faster ciphers, which are not linked but loaded when chosen.
LIBCRYPTO  := $(shell pkg-config --exists 'libcrypto >= 3.0' && echo libcrypto)
PKG_CFLAGS += $(if $(LIBCRYPTO),-DHAVE_LIBCRYPTO \
  $(shell pkg-config --cflags libcrypto))
# This one has no .pc file in Debian.
IPSEC_MB   := $(shell echo '\#include <intel-ipsec-mb.h>' | \
  $(CC) -E - >/dev/null 2>&1 && echo ipsec-mb)
PKG_CFLAGS += $(if $(IPSEC_MB),-DHAVE_IPSEC_MB)

WARN = -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wvla \
       -Wundef -Wcast-align -Wcast-qual -Wwrite-strings -Wpointer-arith \
       -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes \
       -Wformat=2 -Wimplicit-fallthrough -Wdouble-promotion -Wnull-dereference
HARDEN = -fno-common -fstack-protector-strong -fstack-clash-protection -fPIE
OPT    ?= -O2 -g
FORTIFY ?= -D_FORTIFY_SOURCE=2
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. $(OPT) $(WARN) $(HARDEN) $(FORTIFY) \
             $(PKG_CFLAGS) $(SAN) $(if $(STRICT),-Werror) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)

LIBS_base     =
LIBS_crypto   = $(shell pkg-config --libs libsodium)
LIBS_netstack = $(shell pkg-config --libs libcares)
LIBS_config   = $(shell pkg-config --libs yaml-0.1 libsodium)
LIBS_ctl      = $(shell pkg-config --libs jansson)
LIBS_daemon   = $(shell pkg-config --libs libuv $(SECCOMP))

# A layer's archive, and the archives below it in link order.
LAYERS   = base crypto netstack config ctl daemon
UNDER_base     = base
UNDER_crypto   = crypto base
UNDER_netstack = netstack base
UNDER_config   = config base
UNDER_ctl      = ctl config base
UNDER_daemon   = daemon ctl config netstack crypto base
SRC      = $(filter-out %/main.c,$(wildcard $(1)/*.c))
OBJ      = $(patsubst %.c,$(B)/%.o,$(call SRC,$(1)))
ARCHIVES = $(patsubst %,$(B)/lib%.a,$(UNDER_$(1)))
LINKLIBS = $(foreach l,$(UNDER_$(1)),$(LIBS_$(l)))

.PHONY: all
all: $(B)/wgproxyd $(B)/proxyctl

$(B)/wgproxyd: $(B)/daemon/main.o $(call ARCHIVES,daemon)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call LINKLIBS,daemon)

$(B)/proxyctl: $(B)/ctl/main.o $(call ARCHIVES,ctl)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call LINKLIBS,ctl)

define LAYER
$(B)/lib$(1).a: $(call OBJ,$(1))
	$$(say) AR $$@
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call LAYER,$(l))))

$(B)/%.o: %.c
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---------------------------------------------------------------- tests
# test/unit/LAYER/test_X.c is one program, linked with that layer and the
# layers below it; helper files there without the prefix go into all of them.

UNIT_SRC  = $(wildcard test/unit/*/test_*.c)
UNIT_BIN  = $(patsubst test/unit/%.c,$(B)/test/unit/%,$(UNIT_SRC))
CMOCKA    = $(shell pkg-config --libs cmocka)

define UNIT
UNIT_HELP_$(1) = $(patsubst %.c,$(B)/%.o,$(filter-out test/unit/$(1)/test_%,$(wildcard test/unit/$(1)/*.c)))
$(B)/test/unit/$(1)/%: $(B)/test/unit/$(1)/%.o $$(UNIT_HELP_$(1)) $(call ARCHIVES,$(1))
	$$(say) LD $$@
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(call LINKLIBS,$(1)) $$(CMOCKA)
endef
$(foreach l,$(LAYERS),$(eval $(call UNIT,$(l))))
.SECONDARY:

-include $(wildcard mk/*.mk)

.PHONY: check-unit
check-unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do echo "== $$t"; ./$$t || exit 1; done

.PHONY: check-unit-%
check-unit-%:
	$(Q)$(MAKE) --no-print-directory check-unit \
	  UNIT_SRC="$(wildcard test/unit/$*/test_*.c)"

.PHONY: clean
clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
