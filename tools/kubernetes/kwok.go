package main

import (
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/kwok/kustomize/stage/node/fast"
	"sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	pods "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
)

// What becomes of nodes and pods, as kwok's own configuration for haste has it: ready, complete and gone at once.
var kwokStages = strings.Join([]string{
	fast.DefaultNodeInit,
	heartbeat_with_lease.DefaultNodeHeartbeatWithLease,
	pods.DefaultPodReady,
	pods.DefaultPodComplete,
	pods.DefaultPodDelete,
}, "\n---\n")

// As kwok's own main has it.
func runKwok() {
	// those that Kubernetes gives to each program that it is in
	pflag.CommandLine = pflag.NewFlagSet("kubernetes", pflag.ContinueOnError)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := log.InitFlags(signals.SetupSignalContext(), flags)
	ctx, err := config.InitFlags(ctx, flags)
	if err != nil {
		fail(err.Error())
	}
	command := cmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	if err := command.ExecuteContext(ctx); err != nil {
		fail(err.Error())
	}
}
