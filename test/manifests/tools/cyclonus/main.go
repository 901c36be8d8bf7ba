// Command cyclonus answers in bulk what `cyclonus analyze --mode lint,query-traffic` draws a table for:
// tens of thousands of questions take about a second. What it answers is cyclonus' own.
//
// usage: cyclonus POLICIES TRAFFIC
//
//	POLICIES   a NetworkPolicyList as YAML
//	TRAFFIC    who may send and be sent to, and the questions, as JSON
//
// It writes one JSON object: what each end answers to each question, and what the linter has against how a
// policy is written.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/kube"
	"github.com/mattfenwick/cyclonus/pkg/linter"
	"github.com/mattfenwick/cyclonus/pkg/matcher"
)

// traffic names every peer once: a question has their places in the list.
type traffic struct {
	Peers     []*matcher.TrafficPeer
	Questions []struct {
		From, To int
		matcher.Traffic
	}
}

// verdict has an answer of each end to each question: traffic passes where both say yes.
type verdict struct {
	Sends    []bool   `json:"sends"`
	Receives []bool   `json:"receives"`
	Warnings []string `json:"warnings"`
}

func judge(policyFile, trafficFile string) (*verdict, error) {
	sources, err := kube.ReadNetworkPoliciesFromPath(policyFile)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(trafficFile)
	if err != nil {
		return nil, err
	}
	var asked traffic
	if err := json.Unmarshal(text, &asked); err != nil {
		return nil, err
	}
	said := &verdict{Sends: []bool{}, Receives: []bool{}, Warnings: []string{}}
	policy := matcher.BuildNetworkPolicies(false, sources)
	for _, question := range asked.Questions {
		question.Source = asked.Peers[question.From]
		question.Destination = asked.Peers[question.To]
		answer := policy.IsTrafficAllowed(&question.Traffic)
		said.Sends = append(said.Sends, answer.Egress.IsAllowed())
		said.Receives = append(said.Receives, answer.Ingress.IsAllowed())
	}
	for _, warning := range linter.LintSourcePolicies(sources) {
		said.Warnings = append(said.Warnings,
			fmt.Sprintf("%s: %s", warning.GetSourcePolicies(), warning.GetCheck()))
	}
	return said, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: cyclonus POLICIES TRAFFIC")
		os.Exit(2)
	}
	said, err := judge(os.Args[1], os.Args[2])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(said)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
