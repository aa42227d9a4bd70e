package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type argoHealth struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// What Argo CD takes for a status. Any other makes the resource Unknown.
var argoStatuses = []string{"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"}

// argoVerdict runs a health script as Argo CD does unless told otherwise: one second, the global "obj", and of Lua's libraries
// only package, base and table. A script that uses string or math works in tests elsewhere and fails there.
func argoVerdict(ctx context.Context, script string, object *unstructured.Unstructured) (argoHealth, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return argoHealth{}, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	state.SetContext(limited)
	state.SetGlobal("obj", toLua(state, object.Object))
	if err := state.DoString(script); err != nil {
		return argoHealth{}, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return argoHealth{}, fmt.Errorf("returned %s, expected a table", state.Get(-1).Type())
	}
	health := argoHealth{Status: lua.LVAsString(table.RawGetString("status")), Message: lua.LVAsString(table.RawGetString("message"))}
	if !slices.Contains(argoStatuses, health.Status) {
		return argoHealth{}, fmt.Errorf("returned status %q", health.Status)
	}
	return health, nil
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch known := value.(type) {
	case bool:
		return lua.LBool(known)
	case string:
		return lua.LString(known)
	case int64:
		return lua.LNumber(known)
	case float64:
		return lua.LNumber(known)
	case []any:
		table := state.CreateTable(len(known), 0)
		for _, item := range known {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(known))
		for key, item := range known {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}
