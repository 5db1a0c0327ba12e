package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/net/dns/dnsmessage"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	slices "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	zone = ".svc.cluster.local."
	// Of an answer, in seconds: a test must not wait for an old one.
	timeToLive = 1
	largest    = 4096
)

// What pods ask a cluster's DNS for, by UDP and IPv4: SERVICE.NAMESPACE.svc.cluster.local, and HOST before it.
// See https://github.com/kubernetes/dns/blob/master/docs/specification.md, 2.3.1 and 2.4.1.
type names struct {
	services  listers.ServiceLister
	endpoints slices.EndpointSliceLister
}

func newDNSCommand() *cobra.Command {
	var kubeconfig, address string
	command := &cobra.Command{
		Use:  "dns",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			settings, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(settings)
			if err != nil {
				return err
			}
			factory := informers.NewSharedInformerFactory(client, 0)
			known := names{
				factory.Core().V1().Services().Lister(),
				factory.Discovery().V1().EndpointSlices().Lister(),
			}
			stop := command.Context().Done()
			factory.Start(stop)
			factory.WaitForCacheSync(stop)
			socket, err := net.ListenPacket("udp4", address)
			if err != nil {
				return err
			}
			fmt.Println("ready")
			return known.serve(socket)
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how the API is reached")
	command.Flags().StringVar(&address, "address", "127.0.0.1:53", "where it listens")
	return command
}

func (known names) serve(socket net.PacketConn) error {
	buffer := make([]byte, largest)
	for {
		length, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if answer, err := known.answer(buffer[:length]); err == nil {
			_, _ = socket.WriteTo(answer, from) // a lost answer is asked for again
		}
	}
}

func (known names) answer(asked []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(asked)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	addresses, exists := known.lookUp(strings.ToLower(question.Name.String()))
	header.Response, header.Authoritative, header.RecursionAvailable = true, true, false
	if header.RCode = dnsmessage.RCodeSuccess; !exists {
		header.RCode = dnsmessage.RCodeNameError
	}
	builder := dnsmessage.NewBuilder(nil, header)
	builder.EnableCompression()
	if err := builder.StartQuestions(); err != nil {
		return nil, err
	}
	if err := builder.Question(question); err != nil {
		return nil, err
	}
	if err := builder.StartAnswers(); err != nil {
		return nil, err
	}
	resource := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: timeToLive}
	for _, address := range addresses {
		ip, err := netip.ParseAddr(address)
		if question.Type != dnsmessage.TypeA || err != nil || !ip.Is4() {
			continue
		}
		if err := builder.AResource(resource, dnsmessage.AResource{A: ip.As4()}); err != nil {
			return nil, err
		}
	}
	return builder.Finish()
}

// The addresses of a name, and whether there is such a name.
func (known names) lookUp(name string) ([]string, bool) {
	inZone, isIn := strings.CutSuffix(name, zone)
	if !isIn {
		return nil, false
	}
	parts := strings.Split(inZone, ".")
	host := ""
	if len(parts) == 3 {
		host, parts = parts[0], parts[1:]
	}
	if len(parts) != 2 {
		return nil, false
	}
	service, err := known.services.Services(parts[1]).Get(parts[0])
	if err != nil {
		return nil, false
	}
	if service.Spec.ClusterIP != core.ClusterIPNone && host == "" {
		return []string{service.Spec.ClusterIP}, service.Spec.ClusterIP != ""
	}
	of := labels.Set{discovery.LabelServiceName: service.Name}.AsSelector()
	all, err := known.endpoints.EndpointSlices(service.Namespace).List(of)
	if err != nil {
		return nil, false
	}
	var addresses []string
	for _, slice := range all {
		for _, endpoint := range slice.Endpoints {
			isReady := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			isAsked := host == "" || endpoint.Hostname != nil && *endpoint.Hostname == host
			if isReady && isAsked {
				addresses = append(addresses, endpoint.Addresses...)
			}
		}
	}
	return addresses, len(addresses) > 0
}
