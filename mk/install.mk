# SPDX-License-Identifier: ISC
# Programs, manual pages, units. Nothing is written outside $(DESTDIR)$(prefix)
# and nothing is started: after an installation by hand
#
#   systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload

sbindir     = $(prefix)/sbin
bindir      = $(prefix)/bin
mandir      = $(prefix)/share/man
docdir      = $(prefix)/share/doc/wgproxyd
bashdir     = $(prefix)/share/bash-completion/completions
zshdir      = $(prefix)/share/zsh/site-functions
fishdir     = $(prefix)/share/fish/vendor_completions.d
unitdir     = $(prefix)/lib/systemd/system
userunitdir = $(prefix)/lib/systemd/user
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d

SEALED = wgproxyd.socket wgproxyd-udp.socket wgproxyd.service.d/sealed.conf
MANUAL = $(notdir $(wildcard doc/*.[158]))

# $(1): from where in dist/, $(2): to where; units name programs by full path.
INSTALL_UNIT = install -d $(DESTDIR)$(dir $(2)) && \
  sed -e 's|/usr/sbin/|$(sbindir)/|' -e 's|/usr/bin/|$(bindir)/|' \
    dist/$(1) >$(DESTDIR)$(2) && chmod 644 $(DESTDIR)$(2)

# $(1): the shell, $(2): to where.
INSTALL_COMPLETION = install -d $(DESTDIR)$(dir $(2)) && \
  $(B)/proxyctl completion $(1) >$(DESTDIR)$(2) && chmod 644 $(DESTDIR)$(2)

# What there is besides the manual, by its place below $(DESTDIR).
INSTALLED = $(sbindir)/wgproxyd $(bindir)/proxyctl $(bashdir)/proxyctl \
  $(zshdir)/_proxyctl $(fishdir)/proxyctl.fish $(unitdir)/wgproxyd.service \
  $(userunitdir)/wgproxyd.service $(sysusersdir)/wgproxyd.conf \
  $(tmpfilesdir)/wgproxyd.conf $(SEALED:%=$(docdir)/sealed/%)

.PHONY: install uninstall check-units
install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(bindir)
	install -m 755 $(B)/wgproxyd $(DESTDIR)$(sbindir)/
	install -m 755 $(B)/proxyctl $(DESTDIR)$(bindir)/
	$(call INSTALL_COMPLETION,bash,$(bashdir)/proxyctl)
	$(call INSTALL_COMPLETION,zsh,$(zshdir)/_proxyctl)
	$(call INSTALL_COMPLETION,fish,$(fishdir)/proxyctl.fish)
	for page in $(MANUAL); do \
	  folder=$(DESTDIR)$(mandir)/man$${page##*.}; \
	  install -d $$folder && install -m 644 doc/$$page $$folder/ || exit 1; \
	done
	$(call INSTALL_UNIT,systemd/wgproxyd.service,$(unitdir)/wgproxyd.service)
	$(call INSTALL_UNIT,systemd/user/wgproxyd.service,$(userunitdir)/wgproxyd.service)
	$(call INSTALL_UNIT,sysusers.d/wgproxyd.conf,$(sysusersdir)/wgproxyd.conf)
	$(call INSTALL_UNIT,tmpfiles.d/wgproxyd.conf,$(tmpfilesdir)/wgproxyd.conf)
	$(foreach f,$(SEALED),$(call INSTALL_UNIT,systemd/sealed/$(f),$(docdir)/sealed/$(f)) &&) :

uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)%)
	for page in $(MANUAL); do \
	  rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$$page; \
	done
	-rmdir -p $(DESTDIR)$(docdir)/sealed/wgproxyd.service.d 2>/dev/null

# The units' exposure must not grow: 1.1, and 0.4 when sealed.
check-units:
	@test/units.sh
