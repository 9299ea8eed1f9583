# SPDX-License-Identifier: ISC
# What has to be installed. Both ask dpkg first and do nothing when all of it
# is here; else apt-get, with sudo for those who are not root.

.PHONY: deps deps-test
deps:
	@test/deps.sh build

deps-test:
	@test/deps.sh build test

.PHONY: deps-demo deps-bench
deps-demo:
	@test/deps.sh build demo

deps-bench: deps-test
	@test/deps.sh bench
