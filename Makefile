# SPDX-License-Identifier: BSD-2-Clause
# The front door. `make` prints the targets; CI calls nothing but these.
# On FreeBSD use gmake: this is GNU make, for the module alone see kmod/Makefile.

RJAIL_FREEBSD ?= $(HOME)/.cache/rjail/freebsd-15.1
RELEASE       ?= 15.1-RELEASE
KERNEL        ?= all
VMM           ?= qemu
T             ?=
MINUTES       ?= 60
DESTDIR       ?=
PREFIX        ?= /usr/local
MODULES       ?= /boot/modules
MANDIR        ?= $(PREFIX)/share/man
KO            ?= target/kmod/rjail.ko
TOOL          ?= target/release/rjail
export RJAIL_FREEBSD

KMOD_BUILD := cargo run --quiet --package kmod-build -- --freebsd $(RJAIL_FREEBSD)
VM_TEST    := cargo run --quiet --package vm-test --

.DEFAULT_GOAL := help
.PHONY: help setup test test-host lint kmod asm vm-test soak bench table line-two demo privileges freebsd install dist miri fuzz mutants clean

help: ## this list
	@echo 'rjail: the jail of Kamp and Watson'"'"'s paper as a FreeBSD kernel module'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  RJAIL_FREEBSD=$(RJAIL_FREEBSD)'
	@echo '                 sys/, kernel, kernel-debug, kernel-kasan, loader.efi of one FreeBSD release'

setup: ## install what the other targets need, or say what is missing
	@scripts/setup all

test: ## everything that must pass: host, module build, real kernel in a VM
	@scripts/test

test-host: ## the tests that need no kernel
	@scripts/setup host
	cargo test

lint: ## rustfmt, clippy, and the rules of the source tree
	@scripts/setup host
	@scripts/lint

kmod: ## build target/kmod/rjail.ko, and {debug,kasan}/rjail.ko for those kernels
	@scripts/setup kmod
	@scripts/kmod $(KERNEL)

asm: ## the MAC hooks' code; marked, what a caller outside any jail executes
	@scripts/setup kmod
	@scripts/kmod generic
	@$(KMOD_BUILD) --out target/kmod --asm

vm-test: ## run the guest tests on a real kernel (KERNEL=generic|debug|kasan, T=name, VMM=bhyve)
	@scripts/setup vm
	@scripts/kmod $(KERNEL)
	$(VM_TEST) run --kernel $(KERNEL) --vmm $(VMM) $(if $(T),--test $(T))

soak: ## random sequences for as long as asked (MINUTES=60), from where the last time ended
	@scripts/setup vm
	@scripts/kmod generic
	$(VM_TEST) soak --minutes $(MINUTES)

bench: ## what a jail costs, in instructions, on GENERIC (long): docs/cost.md, docs/cost.svg
	@scripts/setup vm
	@scripts/kmod generic
	$(VM_TEST) bench

table: ## who stops what: line one, line two, both (after vm-test)
	@$(VM_TEST) table

line-two: ## ask a real kernel anew what its own jails make of each privilege (docs/)
	@scripts/setup vm
	@scripts/kmod generic
	$(VM_TEST) line-two

demo: ## what root tries outside and inside a jail, as a table
	@scripts/demo

privileges: ## every privilege, what a jailed root gets, and why (Markdown)
	@scripts/setup host
	@cargo run --quiet --package rjail-cli -- privileges

freebsd: ## fill RJAIL_FREEBSD from the official distribution sets (RELEASE=15.1-RELEASE)
	@scripts/setup host
	cargo run --quiet --release --package vm-test -- freebsd $(RELEASE) --freebsd $(RJAIL_FREEBSD)

install: ## put module, tool, headers, manual pages and rc.d script in place (DESTDIR=, PREFIX=)
	@for file in $(KO) $(TOOL); do [ -f "$$file" ] || { \
	    echo "make install: no $$file: on FreeBSD, make kmod and cargo build --release -p rjail-cli" >&2; \
	    exit 1; }; done
	install -d $(addprefix $(DESTDIR),$(MODULES) \
	    $(addprefix $(PREFIX)/,etc/rc.d include sbin share/examples/rjail) \
	    $(addprefix $(MANDIR)/man,2 3 4 5 8))
	install -m 444 $(KO) $(DESTDIR)$(MODULES)/rjail.ko
	install -m 555 $(TOOL) $(DESTDIR)$(PREFIX)/sbin/rjail
	install -m 444 kmod/rjail.h confine/include/rjail_confine.h $(DESTDIR)$(PREFIX)/include
	install -m 444 confine/examples/nanojail.c confine/examples/nanojail.rs \
	    $(DESTDIR)$(PREFIX)/share/examples/rjail
	install -m 555 etc/rc.d/rjail $(DESTDIR)$(PREFIX)/etc/rc.d/rjail
	install -m 444 etc/rjail.conf.sample $(DESTDIR)$(PREFIX)/etc/rjail.conf.sample
	for page in rjail.2 rjail_confine.3 rjail.4 rjail.conf.5 rjail.8; do \
	    install -m 444 man/$$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page || exit 1; done

dist: ## a release tarball, every crate in it: target/rjail-VERSION.tar.xz
	@scripts/dist

miri: ## all that runs on the host and is not random, under Miri (needs a nightly; long)
	@scripts/miri

fuzz: ## what parses user memory, under libFuzzer, for as long as asked (MINUTES=60)
	@scripts/setup host
	@scripts/fuzz 0 $$(( $(MINUTES) * 60 / 3 ))

mutants: ## plant each fault of mutants/list.txt, and see who catches it (long): docs/mutants.md
	@cargo run --quiet --package mutants

clean: ## remove all that was built
	cargo clean
