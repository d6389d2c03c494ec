package view

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"

	"github.com/inith/inith/lint"
)

// The part of SARIF 2.1.0 that is written.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		Name             string    `json:"name"`
		ShortDescription sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		Level               string            `json:"level"`
		Message             sarifText         `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

func writeSARIF(w io.Writer, r lint.Report) {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "inith"}}, Results: []sarifResult{}}
	for _, rule := range lint.Rules() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{rule.ID, rule.Name, sarifText{rule.Means}})
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, sarifOf(f))
	}
	writeIndented(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// sarifOf converts a finding. Its fingerprint has no line, so that it remains the same when other lines change.
func sarifOf(f lint.Finding) sarifResult {
	level := map[lint.Severity]string{lint.Info: "note", lint.Warning: "warning", lint.Error: "error"}[f.Severity]
	sum := sha256.Sum256([]byte(f.Rule + "\x00" + f.Object + "\x00" + f.Container + "\x00" + f.Message))
	return sarifResult{
		RuleID: f.Rule, Level: level, Message: sarifText{f.Message + ". Fix: " + f.Fix + "."},
		Locations: []sarifLocation{{sarifPhysical{
			sarifArtifact{filepath.ToSlash(f.Path)}, sarifRegion{max(1, f.Line), max(1, f.Column)},
		}}},
		PartialFingerprints: map[string]string{"inith/v1": hex.EncodeToString(sum[:])},
	}
}
