# SPDX-License-Identifier: ISC
# Which lines the fast tests of a layer reach.
#
# make coverage                   netstack/: unit tests, TCP scripts, simulator
# make coverage COVER=crypto      another layer
#
# It fails below COVER_MIN percent. What no test reached is then in build-cov/missed.txt.

COVER ?= netstack
COVER_MIN ?= 95
COVER_SUITES = check-unit-$(COVER) \
  $(if $(filter netstack,$(COVER)),check-tcp check-sim fuzz-replay) \
  $(if $(filter crypto,$(COVER)),check-wgsim check-driver)

.PHONY: coverage
coverage:
	@find build-cov -name '*.gcda' -delete 2>/dev/null || true
	$(SUB) B=build-cov SAN="--coverage -DCOVERAGE" FORTIFY= OPT="-O0 -g" SEEDS=60 \
	  $(COVER_SUITES) >build-cov.log 2>&1 || { tail -n 20 build-cov.log; \
	  rm -f build-cov.log; exit 1; }
	@mv build-cov.log build-cov/tests.log
	@test/coverage.py build-cov $(COVER) build-cov/missed.txt $(COVER_MIN)
