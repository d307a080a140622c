# Everything a developer or CI runs. The lab builds its control planes on first use: 7 minutes on 2 cores, once.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Linters are pinned here and never enter a go.mod.
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
APIDIFF     := golang.org/x/exp/cmd/apidiff@v0.0.0-20261113113407-e3970619a1a4

# Modules beside the root one; an example with a go.mod is one by itself. The control plane is compiled without cgo and with
# the lab's build tag, by tests too, or it is all compiled twice.
EXAMPLES := $(patsubst %/go.mod,%,$(wildcard examples/*/go.mod))
LIGHT := internal/lab internal/lab/bench $(EXAMPLES)
HEAVY := internal/lab/controlplane

# The race detector needs a C compiler, which a machine with only Go does not have.
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)

# Packages that leave most of their biggest tables out under the race detector run without it too.
SAMPLED = $(if $(RACE),$(shell grep -rl --include='*_test.go' 'meshpeer/internal/sampled"' internal peering probe rbac secrets examples | xargs -rn1 dirname | sort -u))

# testsum runs go test and counts; with RECORD the counts and times of several runs are collected there. Packages whose tests
# enter the lab have a TestMain. Those of the matrix build further versions of Istio first, and have a target of their own.
SUM = go run ./internal/testsum $(if $(RECORD),-record $(RECORD))
PART = go run ./internal/testsum -record $$record -part

# In somebody's environment it would write golden files where they are to be compared.
unexport MESHPEER_UPDATE

.PHONY: help test mode unit lab matrix lint cover fuzz cross tidy api mutate guard bench

# What can be made: the first sentence of the comment above each target.
help:
	@awk '/^# / { text = text substr($$0, 2); next } /^[A-Z]+ *[?:]?=/ { next } \
	  /^[a-z-]+:/ && text { sub(/:.*/, ""); sub(/^ /, "", text); sub(/[.;] .*|\.$$/, "", text); printf "%-8s %s\n", $$0, text } \
	  { text = "" }' Makefile

# All tests. The lab and the guard are required, unless MESHPEER_LAB=optional: what cannot run is skipped then, and counted.
test: export MESHPEER_LAB := $(or $(MESHPEER_LAB),required)
test: mode
	@record=$$(mktemp); code=0; make="$(MAKE) --no-print-directory"; \
	  { $(PART) lint $$make lint && $(PART) cross $$make cross; } || code=$$?; \
	  if [ $$code = 0 ]; then $$make unit lab RECORD=$$record || code=$$?; fi; \
	  go run ./internal/testsum -total $$record || code=$$?; rm -f $$record; exit $$code

# Says whether MESHPEER_LAB is one of the two words that it may be.
mode:
	@case "$$MESHPEER_LAB" in required|optional) ;; *) echo "MESHPEER_LAB=$$MESHPEER_LAB: set it to required or optional"; exit 1;; esac

# Unit tests, each package in a network of its own: one that dials or resolves anything but loopback fails.
unit:
	@dir=$$(mktemp -d); trap "rm -rf $$dir" EXIT; CGO_ENABLED=0 go build -o $$dir/guard ./internal/guard; code=0; \
	  $(SUM) -part unit go test $(RACE) -shuffle=on -exec $$dir/guard ./... || code=$$?; \
	  for p in $(SAMPLED); do $(SUM) -C $$p -part "unit, $$p without -race" go test -shuffle=on -exec $$dir/guard . || code=$$?; done; \
	  if [ "$$(go env GOOS)" = linux ]; then for m in $(LIGHT); do \
	    $(SUM) -C $$m -part "unit, $$m" -only unit go test $(RACE) -shuffle=on -exec $$dir/guard ./... || code=$$?; done; fi; exit $$code

# Proves that the guard of unit tests catches a dial over IPv4, IPv6, TCP, UDP, and a lookup, on this machine.
guard:
	MESHPEER_LAB=required go test -count=1 -v ./internal/guard

# Tests on real clusters.
lab:
	@code=0; \
	  CGO_ENABLED=0 $(SUM) -C $(HEAVY) -part "differential" go test -tags=disable_pgv -count=1 -timeout 40m ./... || code=$$?; \
	  for m in $(EXAMPLES) internal/lab; do \
	    $(SUM) -C $$m -part "lab, $$m" -only lab -without /matrix$$ go test -count=1 -p 1 -timeout 40m ./... || code=$$?; done; exit $$code

# The core of these tests with every version of Istio that the lab has, which are built first: some minutes each, once.
# Writes docs/compatibility.md. ISTIO=1.29.1,1.31 runs these alone, and RUN=TestAlone one kind of test; both only print.
ISTIO ?=
RUN ?=
matrix:
	cd internal/lab && MESHPEER_LAB=required MESHPEER_MATRIX_ISTIO=$(ISTIO) \
	  MESHPEER_MATRIX_DOCS=$(if $(ISTIO)$(RUN),,$(CURDIR)/docs/compatibility.md) \
	  go test -count=1 -timeout 90m -v ./matrix $(if $(RUN),-run '$(RUN)')

# Measures the SDK beside the least that its work takes, and writes docs/benchmarks.md. BENCH=memory prints that measure
# alone, BENCH=-h lists them.
BENCH ?= -docs $(CURDIR)/docs
bench:
	go run -C internal/lab/bench . $(BENCH)

# Breaks conditions one at a time and says which no unit test guards; MUTATE="-run regexp" or "-sample 100 -seed 7" for others.
MUTATE ?=
mutate:
	go run ./internal/mutate $(MUTATE)

# gofumpt, go vet and staticcheck, of every module; changes nothing.
lint: tidy api
	@files=$$(go run $(GOFUMPT) -l .); if [ -n "$$files" ]; then echo "not gofumpt-ed:"; echo "$$files"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	for m in $(LIGHT); do (cd $$m && go vet ./... && go run $(STATICCHECK) ./...); done
	cd $(HEAVY) && CGO_ENABLED=0 go vet -tags=disable_pgv ./...

# Whether every go.mod is as go mod tidy writes it; changes nothing.
tidy:
	for m in . $(LIGHT) $(HEAVY); do (cd $$m && go mod tidy -diff); done

# Whether CHANGELOG.md tells of every incompatible change of the exported API since the last release. API="-base HEAD~9" looks
# at any commit instead.
API ?=
api:
	@go run ./internal/api -tool $(APIDIFF) $(API)

# Vets for the other systems that the SDK is for, 32 bits included. The lab and what is tested on it is for Linux on amd64 and
# arm64; the command runs on people's machines too.
cross:
	for target in darwin/arm64 windows/amd64 linux/386; do \
	  GOOS=$${target%/*} GOARCH=$${target#*/} go vet ./rbac/... ./secrets/... ./probe/... ./peering/... ./examples/...; \
	done
	for m in internal/lab $(EXAMPLES); do (cd $$m && GOARCH=arm64 go vet ./...); done
	for m in $(wildcard examples/meshpeer); do (cd $$m && GOOS=darwin GOARCH=arm64 go vet . && GOOS=windows GOARCH=amd64 go vet .); done

# Statement coverage of the public packages, by their own tests and by those on the lab.
cover:
	mkdir -p cover
	go test -coverpkg=./rbac/...,./secrets/...,./probe/...,./peering/... -coverprofile=cover/unit.out ./... >/dev/null
	cd internal/lab && go test -count=1 -timeout 40m -coverpkg=github.com/meshpeer/meshpeer/... -coverprofile=$(CURDIR)/cover/lab.out ./e2e >/dev/null
	go run ./internal/coverage cover/unit.out cover/lab.out

# Runs each fuzz target for FUZZTIME.
FUZZTIME ?= 30s
fuzz:
	for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; \
	  done; \
	done
