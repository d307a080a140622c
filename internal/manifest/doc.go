// Package manifest reads streams of Kubernetes objects as helm template, kustomize build and kubectl get print them: YAML
// documents, JSON documents, or both. It reads nothing twice, holds one document in memory, and fails on what a YAML
// parser would pass over in silence: a second document behind an odd line break, what stands left of an indented one, a
// key that is there twice.
package manifest
