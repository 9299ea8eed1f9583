# SPDX-License-Identifier: ISC
# What is run by whom: developers "make check", a newcomer and CI "make test".
# doc/testing.md tells what each suite is for.

# Debian's Python, because python3-pytest belongs to it.
PYTHON  ?= /usr/bin/python3
# The whole-program tests make network namespaces.
AS_ROOT  = $(if $(filter 0,$(shell id -u)),,sudo)
PYTEST   = $(PYTHON) -B -m pytest -p no:cacheprovider -q
E2E      = test/e2e

SANITIZE = SAN="-fsanitize=address,undefined -fno-sanitize-recover=all" \
           FORTIFY= OPT="-O1 -g"
SUITES   = check-unit check-ctl check-lib \
           $(if $(wildcard mk/driver.mk),check-driver) \
           $(if $(wildcard mk/tcp.mk),check-tcp) \
           $(if $(wildcard mk/sim.mk),check-sim) \
           $(if $(wildcard mk/wgsim.mk),check-wgsim)
SUB      = +$(Q)$(MAKE) --no-print-directory

.PHONY: check check-asan check-valgrind tidy
check:
	$(SUB) STRICT=1 all $(SUITES)
	$(SUB) tidy check-units

tidy:
	@test/tidy.sh

check-asan:
	$(SUB) B=build-asan $(SANITIZE) all $(SUITES)

check-valgrind: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do echo "== valgrind $$t"; \
	  valgrind -q --error-exitcode=9 --leak-check=full ./$$t || exit 1; done

# proxyctl against a daemon written in Python; no root, no network.
.PHONY: check-ctl
check-ctl: $(B)/proxyctl $(B)/wgproxyd
	@env PROXYCTL=$(abspath $(B)/proxyctl) $(PYTEST) test/ctl $(PYTEST_ARGS)

# ------------------------------------------------------- whole-program tests

.PHONY: check-e2e check-e2e-full check-e2e-asan check-e2e-valgrind peers
check-e2e: all
	$(AS_ROOT) env WGPROXYD=$(abspath $(B)/wgproxyd) CI=$(CI) \
	  SWARM=$(abspath $(B)/test/swarm_clients) \
	  WGPROXYD_E2E_FULL=$(FULL) $(PYTEST) $(E2E) $(PYTEST_ARGS)

check-e2e-full: FULL = 1
check-e2e-full: check-e2e

# Three rekeys: 6.5 minutes of waiting, so it may run beside the others.
.PHONY: check-e2e-long
check-e2e-long: all
	$(AS_ROOT) env WGPROXYD=$(abspath $(B)/wgproxyd) WGPROXYD_E2E_LONG=1 \
	  $(PYTEST) $(E2E)/test_long.py

check-e2e-asan:
	$(SUB) B=build-asan $(SANITIZE) check-e2e

check-e2e-valgrind: PYTEST_ARGS = -k test_valgrind
check-e2e-valgrind: export WGPROXYD_E2E_VALGRIND = 1
check-e2e-valgrind: check-e2e

# Peers that are not in Debian; the tests skip those that are not here.
peers:
	@test/peers.sh

# ------------------------------------------------------------------ analysis

TIDY_CHECKS = -*,bugprone-*,-bugprone-easily-swappable-parameters,$\
  -bugprone-reserved-identifier,clang-analyzer-*,$\
  -clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling
ANALYZED = $(foreach l,$(LAYERS),$(wildcard $(l)/*.c))

.PHONY: analyze analyze-clang analyze-cppcheck analyze-gcc
analyze: analyze-cppcheck analyze-clang analyze-gcc

analyze-cppcheck:
	cppcheck -q --std=c11 --enable=warning,portability --inline-suppr \
	  --suppress=missingIncludeSystem -I. --error-exitcode=1 $(LAYERS)

analyze-clang:
	clang-tidy --quiet --warnings-as-errors='*' -checks='$(TIDY_CHECKS)' \
	  $(ANALYZED) -- -std=c11 -D_GNU_SOURCE -I. $(PKG_CFLAGS)

analyze-gcc:
	$(SUB) B=build-analyze OPT="-O1 -fanalyzer" STRICT=1 CC=gcc all

# --------------------------------------------------------------- everything

.PHONY: test demo
test:
	@test/all.sh

demo: deps-demo all
	@env WGPROXYD=$(abspath $(B)/wgproxyd) $(PYTHON) -B demo/demo.py
