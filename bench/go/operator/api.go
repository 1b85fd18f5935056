package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// DocsGenerationRun is the kind of this repository, as far as a run that goes well uses it.
type DocsGenerationRun struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              Spec   `json:"spec"`
	Status            Status `json:"status,omitempty"`
}

type Spec struct {
	Repository   Repository `json:"repository"`
	TargetTasks  []int      `json:"targetTasks,omitempty"`
	OutputFormat string     `json:"outputFormat,omitempty"`
	Parallelism  int        `json:"parallelism,omitempty"`
	Model        string     `json:"model,omitempty"`
	Budget       *Budget    `json:"budget,omitempty"`
}

type Repository struct {
	URL       string     `json:"url"`
	Branch    string     `json:"branch,omitempty"`
	Provider  string     `json:"provider,omitempty"`
	SecretRef *SecretRef `json:"secretRef,omitempty"`
}

type SecretRef struct {
	Name string `json:"name"`
}

type Budget struct {
	MaxCostUsd string `json:"maxCostUsd,omitempty"`
}

type Status struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Phase              string             `json:"phase,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Message            string             `json:"message,omitempty"`
	Round              int                `json:"round,omitempty"`
	StartTime          *metav1.Time       `json:"startTime,omitempty"`
	CompletionTime     *metav1.Time       `json:"completionTime,omitempty"`
	Attempts           []Attempt          `json:"attempts,omitempty"`
	Usage              *Usage             `json:"usage,omitempty"`
	TotalCostUsd       string             `json:"totalCostUsd,omitempty"`
	Result             *Result            `json:"result,omitempty"`
	Tasks              *Tasks             `json:"tasks,omitempty"`
	Provenance         *Provenance        `json:"provenance,omitempty"`
}

type Attempt struct {
	Number     int          `json:"number"`
	Round      int          `json:"round"`
	JobName    string       `json:"jobName"`
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	Outcome    string       `json:"outcome"`
	Reason     string       `json:"reason,omitempty"`
	Message    string       `json:"message,omitempty"`
	ExitCode   *int32       `json:"exitCode,omitempty"`
	SessionID  string       `json:"sessionId,omitempty"`
	CostUsd    string       `json:"costUsd,omitempty"`
}

type Usage struct {
	InputTokens         int64  `json:"inputTokens"`
	OutputTokens        int64  `json:"outputTokens"`
	CacheReadTokens     int64  `json:"cacheReadTokens"`
	CacheCreationTokens int64  `json:"cacheCreationTokens"`
	CostUsd             string `json:"costUsd,omitempty"`
	Turns               int64  `json:"turns"`
}

type Result struct {
	Branch      string       `json:"branch,omitempty"`
	Commit      string       `json:"commit,omitempty"`
	PullRequest *PullRequest `json:"pullRequest,omitempty"`
}

type PullRequest struct {
	Number int    `json:"number"`
	URL    string `json:"url"`
}

type Tasks struct {
	Summary   string `json:"summary"`
	Total     int    `json:"total"`
	Delivered int    `json:"delivered"`
	UpToDate  int    `json:"upToDate"`
	Failed    int    `json:"failed"`
}

type Provenance struct {
	Image        string `json:"image,omitempty"`
	AgentVersion string `json:"agentVersion,omitempty"`
	Model        string `json:"model,omitempty"`
	SettingsHash string `json:"settingsHash,omitempty"`
	PromptHash   string `json:"promptHash,omitempty"`
}

type DocsGenerationRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DocsGenerationRun `json:"items"`
}

// DeepCopy copies what a reconcile changes or hands out; the rest is never written to.
func (r *DocsGenerationRun) DeepCopy() *DocsGenerationRun {
	out := *r
	r.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Status.Conditions = append([]metav1.Condition(nil), r.Status.Conditions...)
	out.Status.Attempts = append([]Attempt(nil), r.Status.Attempts...)
	return &out
}

func (r *DocsGenerationRun) DeepCopyObject() runtime.Object { return r.DeepCopy() }

func (l *DocsGenerationRunList) DeepCopyObject() runtime.Object {
	out := *l
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]DocsGenerationRun, len(l.Items))
	for i := range l.Items {
		out.Items[i] = *l.Items[i].DeepCopy()
	}
	return &out
}

func addToScheme(scheme *runtime.Scheme) {
	version := schema.GroupVersion{Group: "orchestrator.io", Version: "v1"}
	scheme.AddKnownTypes(version, &DocsGenerationRun{}, &DocsGenerationRunList{})
	metav1.AddToGroupVersion(scheme, version)
}
