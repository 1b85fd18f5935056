// floor makes the four writes of a run that goes well and nothing else: it watches nothing and decides nothing. Lines of
// "name uid" on its standard input are the runs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"orchestrator.io/bench/objects"
)

const workers = 10

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	folder := os.Getenv("BENCH_TEMPLATES")
	templates, err := objects.Load(folder)
	if err != nil {
		return err
	}
	statuses, err := loadStatuses(folder)
	if err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	floor := floor{client: client, templates: templates, statuses: statuses}
	return floor.work(ctx, os.Getenv("WATCH_NAMESPACES"))
}

type floor struct {
	client    *kubernetes.Clientset
	templates *objects.Templates
	statuses  [][]byte
}

func (f *floor) work(ctx context.Context, namespace string) error {
	runs := make(chan objects.Run, 100_000)
	failures := make(chan error, workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for run := range runs {
				if err := f.finish(ctx, run); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			name, uid, _ := strings.Cut(lines.Text(), " ")
			runs <- objects.Run{Namespace: namespace, Name: name, UID: types.UID(uid)}
		}
		close(runs)
		group.Wait()
		close(failures)
	}()
	return <-failures
}

func (f *floor) finish(ctx context.Context, run objects.Run) error {
	configMaps, jobs := f.client.CoreV1().ConfigMaps(run.Namespace), f.client.BatchV1().Jobs(run.Namespace)
	if _, err := configMaps.Create(ctx, f.templates.ConfigMap(run), metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := jobs.Create(ctx, f.templates.Job(run), metav1.CreateOptions{}); err != nil {
		return err
	}
	path := fmt.Sprintf("/apis/orchestrator.io/v1/namespaces/%s/docsgenerationruns/%s/status", run.Namespace, run.Name)
	for _, status := range f.statuses {
		patch := f.client.CoreV1().RESTClient().Patch(types.MergePatchType).AbsPath(path).Body(status)
		if _, err := patch.SetHeader("Accept", "application/json").DoRaw(ctx); err != nil {
			return err
		}
	}
	return nil
}

// loadStatuses reads the patches of the two statuses that the operator of this repository wrote.
func loadStatuses(folder string) ([][]byte, error) {
	text, err := os.ReadFile(folder + "/statuses.json")
	if err != nil {
		return nil, err
	}
	var statuses []json.RawMessage
	if err := json.Unmarshal(text, &statuses); err != nil {
		return nil, err
	}
	patches := make([][]byte, len(statuses))
	for i, status := range statuses {
		patches[i] = fmt.Appendf(nil, `{"status":%s}`, status)
	}
	return patches, nil
}
