# SPDX-License-Identifier: GPL-2.0-only
#
# What a person types. Kbuild says how demo.ko is built, scripts/ what the
# other targets do, Documentation/building.rst how to read what they print.

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.1
PREFIX ?= /usr

.PHONY: all
all: module

.PHONY: module
module: ## build demo.ko for the running kernel, or for KDIR=
	@test -e $(KDIR)/Makefile || { \
		echo "No kernel headers in $(KDIR): apt-get install linux-headers-$(shell uname -r)" >&2; \
		exit 1; \
	}
	@scripts/build.sh $(KDIR) build/host
	@echo "built: build/host/demo.ko"

.PHONY: run
run: ## show what the family does, in a VM; KERNEL=6.12 for another kernel
	@scripts/run.sh $(KERNEL) demo.sh

.PHONY: vm
vm: ## a shell in a VM, with the module loaded and the samples in the PATH
	@scripts/run.sh -i $(KERNEL) sh -l

.PHONY: check
check: ## run the selftests in VMs; KERNELS="6.1 6.12", TESTS="poll stream", FULL=1 for 7.2-debug, too
	@scripts/check.sh $(KERNELS)

.PHONY: check-debug
check-debug: ## the same on the two debug kernels alone, built if need be (6 to 10 minutes each)
	@scripts/check.sh 7.2-debug 7.2-kcsan

.PHONY: coverage
coverage: ## what of the module the selftests reach; KERNEL=7.2-debug, TESTS="poll stream"
	@scripts/coverage.sh $(KERNEL)

.PHONY: fuzz-coverage
fuzz-coverage: ## fuzz system calls, steered by what they reach; SECONDS=600. Grows fuzz/corpus
	@scripts/fuzz.sh 7.2-debug $(or $(SECONDS),600)

.PHONY: check-dkms
check-dkms: ## build through DKMS for each of the Debian kernels
	@scripts/check-dkms.sh

.PHONY: bench
bench: ## measure the family beside its relatives; KERNELS=, WAYS="counted timed", ROWS=, ROUNDS=
	@scripts/bench.sh

.PHONY: bench-check
bench-check: ## count the instructions of the main rows: 3 % more than those kept is a failure
	@scripts/bench.sh check

.PHONY: bench-keep
bench-keep: ## keep what is counted now, for bench-check to compare with
	@scripts/bench.sh keep

.PHONY: bench-compare
bench-compare: ## measure this module and other commits' by turns in one VM; WITH="HEAD~1", KERNELS=, WAYS=, ROWS=, ROUNDS=
	@scripts/bench.sh compare

.PHONY: fuzz
fuzz: ## random calls on AF_DEMO and on AF_UNIX side by side; SECONDS=600, KERNEL=, SEED=1
	@scripts/twins.sh $(KERNEL) $(or $(SECONDS),600) $(or $(SEED),1)

.PHONY: soak
soak: ## all that finds something new each time, for HOURS=1; KERNEL=7.2-debug
	@scripts/soak.sh $(if $(filter file,$(origin KERNEL)),7.2-debug,$(KERNEL)) $(or $(HOURS),1)

.PHONY: lint
lint: ## what can be said about the code without running it
	@scripts/lint.sh

.PHONY: install
install: module ## install the module, the header and the man page; DESTDIR, PREFIX
	@DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) scripts/install.sh $(KDIR)

.PHONY: uninstall
uninstall: ## remove them
	@DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) scripts/install.sh --remove $(KDIR)

.PHONY: clean
clean: ## remove what was built, but not the cached kernels
	rm -rf build
	$(MAKE) -C samples clean

.PHONY: distclean
distclean: clean ## remove the cached kernels as well
	@scripts/kernels.sh --delete

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.* ## /\1	/p' $(firstword $(MAKEFILE_LIST)) | \
		expand -t 14 | sed 's/^/  make /'
