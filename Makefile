# make demo: the main job, on nothing but Go.  make test: the tests.  make ci: all that must hold.
SHELL    := /bin/bash -o pipefail
GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null)
BASE     ?= gcr.io/distroless/static-debian12:nonroot
# Without inlining in go-redis, whose thousands of methods are linked and hardly called, the binary is 2.2 MB smaller.
GOBUILD   = CGO_ENABLED=0 $(GO) build -tags urfave_cli_no_docs -trimpath -buildvcs=false -gcflags='github.com/redis/...=-l' -ldflags '-s -w -X main.version=$(VERSION)'
# One way to compile for all that follows: what make build has compiled is not compiled again for the linters.
export GOFLAGS ?= -trimpath
FUZZTIME ?= 1m
REPORT    = $(GO) run ./internal/testing/testreport $(STRICT)
export DOCKER_BUILDKIT ?= $(shell docker buildx version >/dev/null 2>&1 && echo 1 || echo 0)

.PHONY: build demo test unit integration ci checks format lint tidy vuln cross reproducible image image-smoke bench-wait bench-fetch bench-plan bench-audit bench-logs bench-metrics bench-scale fuzz soak corpus
build: ## bin/inith, static and stripped
	$(GOBUILD) -o bin/inith ./cmd/inith
	@chmod 755 bin/inith # whatever the umask: in the image another user runs it

demo: build ## fetch from a simulated origin, killed in the middle; wait for servers, live; become a command
	@$(GO) run ./internal/testing/demo bin/inith

test: ## the tests, each once; those against real servers where Docker answers
	@code=0; $(MAKE) --no-print-directory unit || code=1; \
	if docker info >/dev/null 2>&1; then $(MAKE) --no-print-directory integration || code=1; \
	else echo "skipped integration/: no Docker engine answers (it runs inith against real servers and in its image)"; \
	if [ -n "$(STRICT)" ]; then code=1; fi; fi; exit $$code

unit:
	$(GO) test -race -vet=off -shuffle=on -count=1 -parallel 4 -timeout 60m -json ./... | $(REPORT)

integration: build ## inith against real servers, and in its image; most tests wait, so that four at a time keep two cores busy
	cd integration && . images/env.sh && $(GO) test -vet=off -count=1 -parallel 4 -timeout 60m -json ./... | (cd .. && $(REPORT))

ci: STRICT = -strict
ci: checks test ## what must hold before a change lands; needs Docker
	@echo "ci: all passed"

checks: format lint tidy vuln cross reproducible image-smoke ## what must hold besides the tests

format:
	golangci-lint fmt --diff
	cd integration && golangci-lint fmt --diff

lint: ## with go vet, as the linter govet, so that the tests need not run it again
	golangci-lint run
	cd integration && golangci-lint run

tidy:
	$(GO) mod tidy -diff
	cd integration && $(GO) mod tidy -diff
	cd integration/apiuser && $(GO) mod tidy -diff

vuln reproducible image-smoke: ## known vulnerabilities; two clones give one binary; the image runs
	./.ci/$@

cross: ## it compiles on the other platforms; without optimization, which would take half as long again
	@for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
		if [ $$platform != "$$($(GO) env GOHOSTOS)/$$($(GO) env GOHOSTARCH)" ]; then \
		echo "build $$platform"; GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GOBUILD) -gcflags='all=-N -l' -o /dev/null ./cmd/inith || exit 1; fi; done

image: ## the image, for linux on any host; BASE=scratch where the distroless base cannot be pulled
	GOOS=linux $(GOBUILD) -o bin/linux/inith ./cmd/inith && chmod 755 bin/linux/inith
	docker build --build-arg BASE=$(BASE) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t inith -t inith:$(VERSION) .

bench-wait: build ## side by side with wait4x, dockerize and a busybox loop
	cd integration && . images/env.sh && $(GO) run ./bench/wait $(ARGS)

bench-fetch: build ## side by side with curl, aria2, pget, s5cmd and axel; as root, for slow lines and memory limits
	cd integration && $(GO) run ./bench/fetch $(ARGS)

bench-plan: build ## plans: their longest path, what they take, and their steps one after another in a shell
	cd integration && $(GO) run ./bench/plan $(ARGS)

bench-audit: build ## the audit proxy side by side with a bare ReverseProxy, nginx and haproxy, wrk as the client
	cd integration && $(GO) run ./bench/audit $(ARGS)

bench-logs: build ## beside rsyslog: a file to a receiver, memory while it is away, CPU when idle
	cd integration && $(GO) run ./bench/logs $(ARGS)

bench-scale: ## a simulation of 1,000 Pods over one origin: each for itself, with the node cache, with a mirror
	cd integration && $(GO) run ./bench/scale $(ARGS)

bench-metrics: build ## packets a second without loss, and CPU a packet, side by side with statsd_exporter
	cd integration && $(GO) run ./bench/metrics $(ARGS)

fuzz: ## each fuzz target for a minute
	@for d in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	for f in $$(grep -ho '^func Fuzz[A-Za-z]*' $$d/*_test.go | cut -c6-); do \
	$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$d || exit 1; done; done

soak: ## thousands of random combinations of faults, and of kills
	INITH_SOAK_SEEDS=5000 $(GO) test -run Soak -count=1 -timeout 2h ./fetch
	INITH_KILL_ROUNDS=100 $(GO) test -run TestKilled -count=1 -timeout 2h ./cmd/inith

corpus: build ## lint the manifests of other projects, from the module cache: no error but those that are known to be real
	$(GO) run ./internal/testing/corpus bin/inith
	cd integration && $(GO) run ./fields $$(cd .. && $(GO) run ./internal/testing/corpus -dirs)
