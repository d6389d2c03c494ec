# make demo | test | ci : what it does, what it passes, what must hold before a change lands.
GO        ?= go
TAGS      := urfave_cli_no_docs
GOBUILD   := CGO_ENABLED=0 $(GO) build -tags $(TAGS) -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

.PHONY: build
build: ## bin/inith, static and stripped
	$(GOBUILD) -o bin/inith ./cmd/inith
