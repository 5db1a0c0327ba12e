// Reads a dashboard as strictly as Grafana's own schemas have it: an unknown field, a missing one or a value of another
// type is named, and the exit status is 1. It knows the panels and queries that deploy/grafana/dashboard.json uses.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var read dashboard.Dashboard
	if err := read.UnmarshalJSONStrict(text); err != nil && !isEmpty(err) {
		return err
	}
	return read.Validate()
}

// isEmpty tells the empty list of faults, which UnmarshalJSONStrict returns where there is none.
func isEmpty(err error) bool {
	var faults cog.BuildErrors
	return errors.As(err, &faults) && len(faults) == 0
}
