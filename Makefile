# Each target does its own set-up on Debian (scripts/setup); MICRO_NO_SETUP=1 switches that off.

SWIFT ?= swift
# Python modules of the set-up go before those of the system.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

SOURCES = Package.swift Sources Tests Examples Interop Fuzz scripts $(wildcard Benchmarks/Package.swift Benchmarks/Sources)

# Where `make install` puts things; DESTDIR goes before it, for those who make packages.
PREFIX ?= /usr/local
RELEASE = $(SWIFT) build -c release --static-swift-stdlib

.DEFAULT_GOAL := help
.PHONY: help build install uninstall demo test soak fleet sanitize coverage products samples docs settings-pages protos \
	linkage bench bench-smoke bench-peers fuzz format lint clean

help:
	@echo "make demo         builds a greeter and the micro command, finds the one with the other, and calls it"
	@echo "make install      builds micro and protoc's plugin for release and installs them in PREFIX ($(PREFIX))"
	@echo "make test         builds and runs all tests, or those of the targets in TESTS=A,B"
	@echo "make soak         what takes hours, before a release: sanitize, coverage, products, fleet, and SOAK_ROUNDS (5) of test"
	@echo "make fleet        restarts, kills, stops and cuts off instances of a service, and prints what that does to calls"
	@echo "make sanitize     the tests of core, HTTP/2, NATS and mDNS under Thread and Address Sanitizer"
	@echo "make coverage     how many lines of each target the tests reach; fails below COVERAGE_MINIMUM (85) percent"
	@echo "make products     builds each product alone"
	@echo "make samples      compiles the samples of the documents as somebody else's package would"
	@echo "make docs         makes the documentation of the modules that have a catalogue, in .build/docs"
	@echo "make protos       generates the Swift code of all .proto files anew"
	@echo "make settings-pages writes the documents' tables of settings and metrics anew from what is declared"
	@echo "make linkage      checks that a program on core, kit and go-micro's formats alone stays light"
	@echo "make bench        measures our servers and clients beside others, and prints a table"
	@echo "make bench-smoke  runs each benchmark for a moment, to see that it works"
	@echo "make bench-peers  builds the peers of the benchmarks that take minutes"
	@echo "make fuzz         feeds the parsers with made-up bytes, each for FUZZ_SECONDS (60)"
	@echo "make format       formats the sources"
	@echo "make lint         checks the sources' format and documentation"
	@echo "make clean        removes what was built"

build:
	@scripts/setup build
	$(SWIFT) build

# The programs need no Swift on the machine that they run on.
install:
	@scripts/setup install
	$(RELEASE) --product micro
	$(RELEASE) --product protoc-gen-micro-swift
	scripts/install "$$($(RELEASE) --show-bin-path)" "$(DESTDIR)$(PREFIX)"

uninstall:
	scripts/install --remove "$(DESTDIR)$(PREFIX)"

demo:
	@scripts/setup build
	$(SWIFT) build --product greeter-service
	$(SWIFT) build --product micro
	scripts/demo "$$($(SWIFT) build --show-bin-path)"

# Several processes at once, JOBS of them; see scripts/test.
test: export MICRO_TESTS = $(TESTS)
test:
	@scripts/setup test
	$(SWIFT) build --build-tests
	scripts/test "$$($(SWIFT) build --show-bin-path)"

SOAK_ROUNDS ?= 5
soak: sanitize coverage products
	for round in $$(seq $(SOAK_ROUNDS)); do $(MAKE) test || exit 1; done
	$(MAKE) fleet
	FUZZ_SECONDS=$${FUZZ_SECONDS:-600} $(MAKE) fuzz

# Restarts, deaths, pauses and partitions of real processes, at length and with the limits of a machine that does nothing else.
fleet: export FLEET_SOAK = 1
fleet: export JOBS = 1
fleet:
	$(MAKE) test TESTS=FleetTests

# Each in a scratch folder of its own, so that the ordinary build stays.
sanitize:
	@scripts/setup test
	SWIFT="$(SWIFT)" scripts/sanitize $(SANITIZERS)

coverage:
	@scripts/setup test
	SWIFT="$(SWIFT)" scripts/coverage

products:
	@scripts/setup build
	SWIFT="$(SWIFT)" scripts/products

# All samples against the modules of one debug build, which takes seconds.
samples:
	@scripts/setup samples
	$(SWIFT) build
	scripts/samples/check "$$($(SWIFT) build --show-bin-path)"
	scripts/samples/third-party "$$($(SWIFT) build --show-bin-path)"

# The tables of settings in the documents, from what plugins and engine declare.
settings-pages: export MICRO_WRITE_PAGES = 1
settings-pages: export MICRO_TESTS = ServiceEndpointTests,MicroMetricsPrometheusTests
settings-pages:
	@scripts/setup test
	$(SWIFT) test --filter 'SettingPageTests|ObservabilityPageTests'

# From the modules of a debug build as well.
docs:
	@scripts/setup build
	$(SWIFT) build
	scripts/docc "$$($(SWIFT) build --show-bin-path)" .build/docs

protos:
	@scripts/setup protos
	SWIFT="$(SWIFT)" scripts/protos

linkage:
	@scripts/setup build
	$(SWIFT) build --product linkage-probe
	scripts/check-linkage "$$($(SWIFT) build --show-bin-path)/linkage-probe"

bench:
	@scripts/setup bench
	$(MAKE) -C Benchmarks bench

bench-smoke:
	@scripts/setup bench
	$(MAKE) -C Benchmarks quick

bench-peers:
	@scripts/setup bench
	$(MAKE) -C Benchmarks peers

fuzz:
	@scripts/setup build
	Fuzz/run

format:
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

lint:
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)
	@for script in $$(grep -ls '^#!.*bash' scripts/* .ci/run Fuzz/run); do bash -n $$script || exit 1; done

clean:
	rm -rf .build .venv
	$(MAKE) -C Benchmarks clean
