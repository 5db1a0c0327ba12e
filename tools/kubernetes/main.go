// A Kubernetes for tests in one program: `kubernetes COMPONENT [ARGUMENT…]`, where a component has its own arguments.
// etcd, the control plane, kubelet and kube-proxy are as their projects release them; kwok plays kubelet for nodes that
// don't exist; dns answers the names of services. One program, since they share most of what has to be compiled.
package main

import (
	"context"
	"fmt"
	"os"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var commands = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-proxy":              proxy.NewProxyCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"dns":                     newDNSCommand,
}

func main() {
	if len(os.Args) < 2 {
		fail("usage: kubernetes COMPONENT [ARGUMENT...]")
	}
	os.Args = os.Args[1:]
	switch name := os.Args[0]; name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kwok":
		runKwok()
	case "kwok-stages":
		fmt.Print(kwokStages)
	default:
		newCommand, known := commands[name]
		if !known {
			fail("unknown component: " + name)
		}
		os.Exit(cli.Run(newCommand()))
	}
}

func fail(words string) {
	fmt.Fprintln(os.Stderr, words)
	os.Exit(2)
}
