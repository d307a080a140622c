# Everything a developer or CI runs. The lab builds its control planes on first use: 7 minutes on 2 cores, once.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Linters are pinned here and never enter a go.mod.
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Modules beside the root one. The control plane is compiled without cgo and with the lab's build tag, by tests too,
# or it is all compiled twice.
LIGHT := internal/lab examples/quickstart
HEAVY := internal/lab/controlplane

# The race detector needs a C compiler, which a machine with only Go does not have.
RACE := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo -race)

.PHONY: test unit lab lint cover fuzz cross tidy

# The lab tests come last, so that a run ends with the summary lines of go test.
test: lint cross unit lab

unit:
	go test $(RACE) -shuffle=on ./...

lab:
	cd examples/quickstart && go test -count=1 -timeout 40m ./...
	cd $(HEAVY) && CGO_ENABLED=0 go test -tags=disable_pgv -count=1 -timeout 40m ./...
	cd internal/lab && go test -count=1 -p 1 -timeout 40m ./...

lint: tidy
	@files=$$(go run $(GOFUMPT) -l .); if [ -n "$$files" ]; then echo "not gofumpt-ed:"; echo "$$files"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	for m in $(LIGHT); do (cd $$m && go vet ./... && go run $(STATICCHECK) ./...); done
	cd $(HEAVY) && CGO_ENABLED=0 go vet -tags=disable_pgv ./...

tidy:
	for m in . $(LIGHT) $(HEAVY); do (cd $$m && go mod tidy -diff); done

# The lab is for Linux; the SDK is for every system that people run their tools on.
cross:
	for os in darwin windows; do GOOS=$$os go vet ./rbac/... ./secrets/... ./probe/... ./peering/... ./examples/render; done

# Statement coverage of the public packages, by their own tests and by those on the lab.
cover:
	mkdir -p cover
	go test -coverpkg=./rbac/...,./secrets/...,./probe/...,./peering/... -coverprofile=cover/unit.out ./... >/dev/null
	cd internal/lab && go test -count=1 -timeout 40m -coverpkg=github.com/meshpeer/meshpeer/... -coverprofile=$(CURDIR)/cover/lab.out ./e2e >/dev/null
	go run ./internal/coverage cover/unit.out cover/lab.out

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 30s
fuzz:
	for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; \
	  done; \
	done
