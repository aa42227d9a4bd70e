// Prints how Argo CD and Flux judge objects, with the evaluators that they themselves use.
//
// On standard input: {"lua": script of Argo CD, "exprs": one entry of Flux' spec.healthCheckExprs, "objects": [...]}.
// On standard output, for each object: {"argo": {"status", "message"}, "flux": {"status", "error"}, "kstatus": status}.
// A script that fails, or an expression that does not parse, ends the program with the reason and code 1.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/pkg/apis/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type question struct {
	Lua     string                           `json:"lua"`
	Exprs   kustomize.HealthCheckExpressions `json:"exprs"`
	Objects []json.RawMessage                `json:"objects"`
}

type verdict struct {
	Argo    argoHealth `json:"argo"`
	Flux    fluxStatus `json:"flux"`
	Kstatus string     `json:"kstatus"`
}

func main() {
	if err := answer(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(ctx context.Context) error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	verdicts := make([]verdict, 0, len(asked.Objects))
	for _, raw := range asked.Objects {
		// As clients of Kubernetes decode: whole numbers become int64, on which both evaluators depend.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(raw); err != nil {
			return err
		}
		argo, err := argoVerdict(ctx, asked.Lua, object)
		if err != nil {
			return fmt.Errorf("%s %s, lua: %w", object.GetKind(), object.GetName(), err)
		}
		flux, err := fluxVerdict(ctx, &asked.Exprs, object)
		if err != nil {
			return fmt.Errorf("%s %s, healthCheckExprs: %w", object.GetKind(), object.GetName(), err)
		}
		kstatus, err := kstatusVerdict(object)
		if err != nil {
			return fmt.Errorf("%s %s, kstatus: %w", object.GetKind(), object.GetName(), err)
		}
		verdicts = append(verdicts, verdict{Argo: argo, Flux: flux, Kstatus: kstatus})
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}
