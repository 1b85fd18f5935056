package main

import (
	"context"
	"encoding/json"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"orchestrator.io/bench/objects"
)

type reconciler struct {
	client.Client
	templates *objects.Templates
}

// Reconcile makes the ConfigMap and the Job of a run, writes Running when its agent has started, and Succeeded when its
// gateway has reported a delivery.
func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var run DocsGenerationRun
	if err := r.Get(ctx, request.NamespacedName, &run); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if run.Status.Phase == "Succeeded" || !run.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	var job batchv1.Job
	key := client.ObjectKey{Namespace: run.Namespace, Name: objects.AttemptName(identity(&run))}
	if err := r.Get(ctx, key, &job); apierrors.IsNotFound(err) {
		return ctrl.Result{}, r.start(ctx, &run)
	} else if err != nil {
		return ctrl.Result{}, err
	}
	var pods corev1.PodList
	if err := r.List(ctx, &pods, client.InNamespace(run.Namespace), client.MatchingFields{byRun: run.Name}); err != nil {
		return ctrl.Result{}, err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !metav1.IsControlledBy(pod, &job) {
			continue
		}
		if finished(pod) {
			return ctrl.Result{}, r.finish(ctx, &run, &job, pod)
		}
		if started := agentStart(pod); started != nil && run.Status.Phase != "Running" {
			return ctrl.Result{}, r.running(ctx, &run, pod, *started)
		}
	}
	return ctrl.Result{}, nil
}

func (r *reconciler) start(ctx context.Context, run *DocsGenerationRun) error {
	configMap, job := r.templates.ConfigMap(identity(run)), r.templates.Job(identity(run))
	for _, object := range []client.Object{configMap, job} {
		if err := r.Create(ctx, object); apierrors.IsAlreadyExists(err) {
			continue
		} else if err != nil {
			return err
		}
		log.FromContext(ctx).Info("created", "object", object.GetName())
	}
	return nil
}

func (r *reconciler) running(ctx context.Context, run *DocsGenerationRun, pod *corev1.Pod, at metav1.Time) error {
	base := run.DeepCopy()
	message := fmt.Sprintf("The agent works in pod %s.", pod.Name)
	run.Status.Phase, run.Status.Message = "Running", message
	run.Status.Round, run.Status.StartTime = 1, &pod.CreationTimestamp
	run.Status.Attempts = []Attempt{{Number: 1, Round: 1, JobName: objects.AttemptName(identity(run)), StartedAt: &at, Outcome: "Running"}}
	conditions(run, metav1.ConditionUnknown, "Running", message, "The agent has not ended yet.")
	return r.patch(ctx, run, base)
}

func (r *reconciler) finish(ctx context.Context, run *DocsGenerationRun, job *batchv1.Job, pod *corev1.Pod) error {
	var gateway gatewayMessage
	var agent agentMessage
	state := termination(pod.Status.ContainerStatuses, "agent")
	if state == nil {
		return fmt.Errorf("pod %s has ended without its agent", pod.Name)
	}
	if err := json.Unmarshal([]byte(state.Message), &agent); err != nil {
		return err
	}
	if state := termination(pod.Status.InitContainerStatuses, "gateway"); state == nil {
		return fmt.Errorf("pod %s has ended without its gateway", pod.Name)
	} else if err := json.Unmarshal([]byte(state.Message), &gateway); err != nil {
		return err
	}
	base := run.DeepCopy()
	now := metav1.Now()
	message := "Delivered in pull request " + gateway.Delivery.Result.PullRequest.URL
	run.Status.Phase, run.Status.Message, run.Status.CompletionTime = "Succeeded", message, &now
	run.Status.Round, run.Status.StartTime = 1, &pod.CreationTimestamp
	run.Status.Attempts = []Attempt{{
		Number: 1, Round: 1, JobName: job.Name, StartedAt: &state.StartedAt, FinishedAt: &state.FinishedAt,
		Outcome: "Succeeded", Reason: "Delivered", Message: message, ExitCode: &state.ExitCode,
		SessionID: agent.SessionID, CostUsd: gateway.Usage.CostUsd,
	}}
	run.Status.Usage, run.Status.TotalCostUsd = &gateway.Usage, gateway.Usage.CostUsd
	run.Status.Result = &gateway.Delivery.Result
	run.Status.Tasks = &Tasks{Summary: "2/2", Total: 2, Delivered: 2}
	run.Status.Provenance = &Provenance{
		Image: job.Spec.Template.Spec.Containers[0].Image, AgentVersion: agent.AgentVersion, Model: gateway.Model,
		SettingsHash: job.Annotations["orchestrator.io/settings-hash"], PromptHash: job.Annotations["orchestrator.io/prompt-hash"],
	}
	conditions(run, metav1.ConditionTrue, "Delivered", message, message)
	return r.patch(ctx, run, base)
}

func (r *reconciler) patch(ctx context.Context, run, base *DocsGenerationRun) error {
	run.Status.ObservedGeneration = run.Generation
	if err := r.Status().Patch(ctx, run, client.MergeFrom(base)); err != nil {
		return err
	}
	log.FromContext(ctx).Info("status written", "phase", run.Status.Phase)
	return nil
}

type gatewayMessage struct {
	Usage    Usage  `json:"usage"`
	Model    string `json:"model"`
	Delivery struct {
		Result Result `json:"result"`
	} `json:"delivery"`
}

type agentMessage struct {
	SessionID    string `json:"sessionId"`
	AgentVersion string `json:"agentVersion"`
}

func conditions(run *DocsGenerationRun, status metav1.ConditionStatus, reason, message, delivered string) {
	for _, condition := range []metav1.Condition{
		{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted", Message: "The run is understood."},
		{Type: "Succeeded", Status: status, Reason: reason, Message: message},
		{Type: "Delivered", Status: status, Reason: reason, Message: delivered},
	} {
		condition.ObservedGeneration = run.Generation
		meta.SetStatusCondition(&run.Status.Conditions, condition)
	}
}

func identity(run *DocsGenerationRun) objects.Run {
	return objects.Run{Namespace: run.Namespace, Name: run.Name, UID: run.UID}
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func agentStart(pod *corev1.Pod) *metav1.Time {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == "agent" && status.State.Running != nil {
			return &status.State.Running.StartedAt
		}
	}
	return nil
}

func termination(statuses []corev1.ContainerStatus, name string) *corev1.ContainerStateTerminated {
	for _, status := range statuses {
		if status.Name == name {
			return status.State.Terminated
		}
	}
	return nil
}
