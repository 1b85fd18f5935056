// Package objects has the ConfigMap and the Job that every contender creates: those that the operator of this repository
// wrote in one run, with places for the run's own name and UID.
package objects

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Selector chooses the Jobs and Pods of one kind of run.
const Selector = "app.kubernetes.io/managed-by=orchestrator,orchestrator.io/kind=DocsGenerationRun"

// RunName is the annotation of Jobs and Pods that names their run.
const RunName = "orchestrator.io/run-name"

const (
	runUID   = "orchestrator.io/run-uid"
	runInput = "run.json"
)

// Run is what the objects of a run are made from.
type Run struct {
	Namespace, Name string
	UID             types.UID
}

// AttemptName is the name of a run's ConfigMap and Job.
func AttemptName(run Run) string {
	sum := sha256.Sum256([]byte(run.UID))
	return fmt.Sprintf("docs-%s-%s", run.Name, hex.EncodeToString(sum[:])[:10])
}

// Templates are the objects with __NAME__, __RUN__ and __UID__ in the places of the attempt's name and the run's name and UID.
type Templates struct {
	configMap corev1.ConfigMap
	job       batchv1.Job
}

// Load reads configmap.json and job.json.
func Load(folder string) (*Templates, error) {
	t := &Templates{}
	for name, into := range map[string]any{"configmap.json": &t.configMap, "job.json": &t.job} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return t, nil
}

// ConfigMap is that of a run.
func (t *Templates) ConfigMap(run Run) *corev1.ConfigMap {
	configMap := t.configMap.DeepCopy()
	stamp(&configMap.ObjectMeta, run)
	places := strings.NewReplacer("__RUN__", run.Name, "__UID__", string(run.UID))
	configMap.Data[runInput] = places.Replace(configMap.Data[runInput])
	return configMap
}

// Job is that of a run.
func (t *Templates) Job(run Run) *batchv1.Job {
	job := t.job.DeepCopy()
	stamp(&job.ObjectMeta, run)
	template := &job.Spec.Template
	template.Labels[runUID], template.Annotations[RunName] = string(run.UID), run.Name
	for _, volume := range template.Spec.Volumes {
		if volume.ConfigMap != nil {
			volume.ConfigMap.Name = job.Name
		}
	}
	return job
}

func stamp(meta *metav1.ObjectMeta, run Run) {
	meta.Namespace, meta.Name = run.Namespace, AttemptName(run)
	meta.Labels[runUID], meta.Annotations[RunName] = string(run.UID), run.Name
	meta.OwnerReferences[0].Name, meta.OwnerReferences[0].UID = run.Name, run.UID
}
