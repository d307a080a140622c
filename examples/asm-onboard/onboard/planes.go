package onboard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/probe"

	"github.com/meshpeer/meshpeer/examples/asm-onboard/asmapi"
)

// config opens the API server of the instance, which holds the mesh configuration of all clusters. It is only read.
func (r *run) config(ctx context.Context) error {
	key, err := r.API.DescribeServiceMeshKubeconfig(ctx, r.Mesh.Instance, r.Mesh.Private)
	if err != nil {
		return err
	}
	config, err := key.REST()
	if err != nil {
		return &Error{Err: errors.New("the instance's kubeconfig is no use: " + err.Error()), Hint: "see the instance in the ASM console"}
	}
	side, err := preflight.Connect("asm", config)
	if err != nil {
		return &Error{Err: errors.New("the instance's kubeconfig is no use: it names no server"), Hint: "see the instance in the ASM console"}
	}
	r.meshCfg = side.Reader
	return nil
}

// planes reads which clusters have a control plane of their own: the keys of spec.externalIstiodConfigurations (ASM, "Reduce
// push latency using ASM remote control plane"). The control plane of all others is ASM's, hosted elsewhere.
func (r *run) planes(ctx context.Context) error {
	wanted := &unstructured.Unstructured{}
	wanted.SetAPIVersion("istio.alibabacloud.com/v1beta1")
	wanted.SetKind("ASMMeshConfig")
	wanted.SetName("default")
	r.own = map[peering.ID]bool{}
	found, err := r.meshCfg.Get(ctx, wanted)
	if apierrors.IsNotFound(err) {
		r.found("asm-control-planes", preflight.Warns, probe.Warned, r.Mesh.Instance,
			"there is no ASMMeshConfig default: no cluster has a control plane of its own",
			"add the cluster to spec.externalIstiodConfigurations, with the kubeconfig of the instance")
		return nil
	}
	if err != nil {
		return &Error{
			Err:  errors.New("whose control plane is whose is unknown: ASMMeshConfig default cannot be read: " + asmapi.Clean(err.Error())),
			Hint: "see that the API server of the instance can be reached from here, and that the caller may get asmmeshconfigs there",
		}
	}
	read, ok := found.(*unstructured.Unstructured)
	if !ok {
		return &Error{Err: fmt.Errorf("ASMMeshConfig default was read as %T", found)}
	}
	configured, _, err := unstructured.NestedMap(read.Object, "spec", "externalIstiodConfigurations")
	if err != nil {
		return &Error{
			Err:  errors.New("spec.externalIstiodConfigurations of ASMMeshConfig default is no map"),
			Hint: "see the documentation of ASM's remote control plane",
		}
	}
	r.assign(configured)
	return nil
}

// assign compares the keys with the wanted clusters. Others may be clusters of the mesh that nobody asked for here.
func (r *run) assign(configured map[string]any) {
	for _, m := range r.Mesh.Clusters {
		_, r.own[m.ID] = configured[m.ID.String()]
		delete(configured, m.ID.String())
		r.Log.Info("control plane", "cluster", m.ID, "hosted", !r.own[m.ID])
	}
	own := 0
	for _, is := range r.own {
		if is {
			own++
		}
	}
	if own == 0 {
		r.found("asm-control-planes", preflight.Warns, probe.Warned, r.Mesh.Instance,
			fmt.Sprintf("externalIstiodConfigurations names %q, none of the wanted clusters: there is nothing to peer", slices.Sorted(maps.Keys(configured))),
			"if one is to have its own, use its cluster ID as the key")
	}
}
