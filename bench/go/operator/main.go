// operator is an idiomatic, tuned controller-runtime operator of DocsGenerationRuns: what the operators of this repository
// are measured beside. It knows the runs that go well, no others.
package main

import (
	"context"
	"fmt"
	"os"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"orchestrator.io/bench/objects"
)

// byRun is the index of Pods by the name of their run.
const byRun = "run"

const workers = 10

func main() {
	ctrl.SetLogger(zap.New(zap.UseDevMode(false)))
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	templates, err := objects.Load(os.Getenv("BENCH_TEMPLATES"))
	if err != nil {
		return err
	}
	ctx := ctrl.SetupSignalHandler()
	manager, err := newManager()
	if err != nil {
		return err
	}
	if err := manager.GetFieldIndexer().IndexField(ctx, &corev1.Pod{}, byRun, runOf); err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).
		For(&DocsGenerationRun{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&batchv1.Job{}, builder.WithPredicates(deletions)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(requestsOf), builder.WithPredicates(steps)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(&reconciler{Client: manager.GetClient(), templates: templates})
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}

func newManager() (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	addToScheme(scheme)
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	// The API server's own flow control is enough.
	config.QPS = -1
	ours, err := labels.Parse(objects.Selector)
	if err != nil {
		return nil, err
	}
	namespaces := map[string]cache.Config{os.Getenv("WATCH_NAMESPACES"): {}}
	return ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{
			DefaultNamespaces: namespaces,
			DefaultTransform:  cache.TransformStripManagedFields(),
			ByObject:          map[client.Object]cache.ByObject{&batchv1.Job{}: {Label: ours}, &corev1.Pod{}: {Label: ours}},
		},
	})
}

func runOf(object client.Object) []string {
	return []string{object.GetAnnotations()[objects.RunName]}
}

func requestsOf(_ context.Context, pod client.Object) []reconcile.Request {
	name := pod.GetAnnotations()[objects.RunName]
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: name}}}
}

// What a Job says is said by its Pod, too, so only its end matters.
var deletions = predicate.Funcs{
	CreateFunc:  func(event.CreateEvent) bool { return false },
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	DeleteFunc:  func(event.DeleteEvent) bool { return true },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// steps are the two moments of a Pod that a run waits for.
var steps = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return step(e.Object) != waiting },
	UpdateFunc: func(e event.UpdateEvent) bool { return step(e.ObjectOld) != step(e.ObjectNew) },
	DeleteFunc: func(event.DeleteEvent) bool { return true },
}

const (
	waiting = iota
	working
	ended
)

func step(object client.Object) int {
	pod := object.(*corev1.Pod)
	switch {
	case finished(pod):
		return ended
	case agentStart(pod) != nil:
		return working
	}
	return waiting
}
