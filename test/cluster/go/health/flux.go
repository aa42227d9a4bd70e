package main

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type fluxStatus struct {
	Status string `json:"status"`
	Error  string `json:"error,omitempty"`
}

// fluxVerdict asks the evaluator of kustomize-controller and helm-controller: Current, InProgress or Failed. What an expression cannot
// be asked of is Unknown: they note the error and ask again until their time-out.
func fluxVerdict(ctx context.Context, exprs *kustomize.HealthCheckExpressions, object *unstructured.Unstructured) (fluxStatus, error) {
	evaluator, err := cel.NewStatusEvaluator(exprs)
	if err != nil {
		return fluxStatus{}, err
	}
	result, err := evaluator.Evaluate(ctx, object)
	if err != nil {
		return fluxStatus{Status: "Unknown", Error: err.Error()}, nil
	}
	return fluxStatus{Status: result.Status.String()}, nil
}

// kstatusVerdict is what Flux, and whatever else waits by kstatus, says without being told anything of the kind.
func kstatusVerdict(object *unstructured.Unstructured) (string, error) {
	result, err := status.Compute(object)
	if err != nil {
		return "", err
	}
	return result.Status.String(), nil
}
