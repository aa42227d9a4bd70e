// Command netpol enforces the NetworkPolicies of a cluster on the node it runs on: the policy controller of kube-router, alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cloudnativelabs/kube-router/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/pkg/options"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// heartbeats is room for those that the controller sends while nobody happens to be reading.
const heartbeats = 10

func main() {
	config := options.NewKubeRouterConfig()
	config.RunFirewall = true
	flag.StringVar(&config.Kubeconfig, "kubeconfig", "", "file of the credentials to read policies, pods and namespaces with")
	flag.StringVar(&config.HostnameOverride, "node", "", "name of the node this runs on")
	flag.StringVar(&config.ClusterIPCIDR, "service-cluster-ip-range", "", "addresses of Services")
	flag.DurationVar(&config.IPTablesSyncPeriod, "resync", 5*time.Minute, "how often the rules are written anew without a change")
	flag.Parse()
	if err := enforce(config); err != nil {
		fmt.Fprintln(os.Stderr, "netpol:", err)
		os.Exit(1)
	}
}

// awaitNode returns when the node has registered: the controller asks for it once, at the beginning, and gives up without it.
func awaitNode(client kubernetes.Interface, name string) {
	for {
		if _, err := client.CoreV1().Nodes().Get(context.Background(), name, metav1.GetOptions{}); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// enforce returns when the process is told to stop. The rules stay: without them every pod would be open.
func enforce(config *options.KubeRouterConfig) error {
	access, err := clientcmd.BuildConfigFromFlags("", config.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	awaitNode(client, config.HostnameOverride)
	shared := informers.NewSharedInformerFactory(client, 0)
	pods, policies, namespaces := shared.Core().V1().Pods().Informer(), shared.Networking().V1().NetworkPolicies().Informer(), shared.Core().V1().Namespaces().Informer()
	controller, err := netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces, &sync.Mutex{})
	if err != nil {
		return err
	}
	pods.AddEventHandler(controller.PodEventHandler)
	namespaces.AddEventHandler(controller.NamespaceEventHandler)
	policies.AddEventHandler(controller.NetworkPolicyEventHandler)
	gate := newGate(pods)

	stop := make(chan struct{})
	shared.Start(stop)
	shared.WaitForCacheSync(stop) // rules written from a half-filled cache would open what a policy closes
	health := make(chan *healthcheck.ControllerHeartbeat, heartbeats)
	go func() {
		for range health { // the supervisor watches the process; these only must not pile up
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	go controller.Run(health, stop, &running)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go gate.run(ctx)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	close(stop)
	running.Wait()
	return nil
}
