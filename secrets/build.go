package secrets

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/names"
	"github.com/meshpeer/meshpeer/internal/printable"
)

const (
	// LabelMultiCluster with the value "true" makes a Secret a remote secret
	// (Istio pkg/kube/multicluster/secretcontroller.go).
	LabelMultiCluster = "istio/multiCluster"
	// AnnotationCluster names the cluster for people; istioctl writes it, istiod
	// does not read it (Istio istioctl/pkg/multicluster/remote_secret.go).
	AnnotationCluster = "networking.istio.io/cluster"

	namePrefix            = "istio-remote-secret-"
	defaultNamespace      = "istio-system"
	defaultServiceAccount = "istio-reader-service-account"
)

// SecretName returns the usual name of the remote secret of cluster:
// istio-remote-secret-<cluster>, as istioctl names it, if that is a legal name.
// Otherwise cluster becomes a readable label with 8 hex digits of its SHA-256. If
// cluster looks like a credential, only its hash is used.
func SecretName(cluster string) string {
	if name := namePrefix + cluster; len(validation.IsDNS1123Subdomain(name)) == 0 && printable.Line(cluster) == cluster {
		return name
	}
	return namePrefix + names.Label(cluster)
}

// Build makes the Secret that tells an istiod of r. Build refuses what istiod
// or the API server would refuse, with joined *FieldErrors. Equal input gives
// equal bytes: istiod treats any other bytes as a rotation (Istio
// pkg/kube/multicluster/secretcontroller.go). The kubeconfig is the one that
// istioctl create-remote-secret writes.
func Build(r Remote, o Options) (*corev1.Secret, error) {
	o.Namespace = cmp.Or(o.Namespace, defaultNamespace)
	o.Name = cmp.Or(o.Name, SecretName(r.Cluster))
	if err := errors.Join(checkRemote(r), checkOptions(o, r.Cluster)); err != nil {
		return nil, err
	}
	kubeconfig, err := writeKubeconfig(r)
	if err != nil {
		return nil, fmt.Errorf("secrets: writing the kubeconfig: %w", err)
	}
	if len(kubeconfig) > corev1.MaxSecretSize {
		return nil, invalid.Field(
			"Endpoint.CA", fmt.Sprintf("%d bytes", len(r.Endpoint.CA)),
			fmt.Sprintf("makes a Secret of %d bytes, of at most %d", len(kubeconfig), corev1.MaxSecretSize),
			"leave only the authorities that sign this server's certificate")
	}
	labels, annotations := maps.Clone(o.Labels), maps.Clone(o.Annotations)
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	labels[LabelMultiCluster] = "true"
	annotations[AnnotationCluster] = r.Cluster
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, Labels: labels, Annotations: annotations},
		Type:       corev1.SecretTypeOpaque,
		// Not StringData: it is write-only, and no field manager can own it.
		Data: map[string][]byte{r.Cluster: kubeconfig},
	}, nil
}

func checkRemote(r Remote) error {
	errs := []error{checkCluster(r.Cluster), r.Endpoint.Validate(), checkToken(r)}
	if r.Credential != "" {
		errs = append(errs, invalid.Field("Remote.Credential", r.Credential, "is not a bearer token alone, and Build writes no other credential", "use a ServiceAccount token"))
	}
	if r.CAFile != "" {
		errs = append(errs, invalid.Field("Remote.CAFile", r.CAFile, ownFiles, "put the certificates into the kubeconfig (Endpoint.CA)"))
	}
	return errors.Join(errs...)
}

func checkCluster(cluster string) error {
	if msgs := validation.IsConfigMapKey(cluster); len(msgs) > 0 {
		return invalid.Field("Remote.Cluster", cluster, "is not a cluster ID that a Secret can hold as its data key", strings.Join(msgs, ", "))
	}
	return nil
}

const tokenEmpty = "is empty"

func checkToken(r Remote) error {
	const field = "Remote.Token"
	value := r.Token.Reveal()
	if value == "" {
		return invalid.Field(field, "", tokenEmpty, "get one from a TokenSource")
	}
	if strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return invalid.Field(field, "", "holds a space, a line end or another character that an HTTP header cannot hold", "trim it")
	}
	return nil
}

func checkOptions(o Options, cluster string) error {
	return errors.Join(
		checkName("Options.Namespace", o.Namespace, validation.IsDNS1123Label),
		checkName("Options.Name", o.Name, validation.IsDNS1123Subdomain),
		checkLabels("Options.Labels", o.Labels),
		checkAnnotations("Options.Annotations", o.Annotations),
		checkReserved("Options.Labels", LabelMultiCluster, "true", o.Labels),
		checkReserved("Options.Annotations", AnnotationCluster, cluster, o.Annotations),
	)
}

// writeKubeconfig writes r as istioctl does: cluster, context and user all have
// the cluster's ID for a name.
func writeKubeconfig(r Remote) ([]byte, error) {
	if text := plainKubeconfig(r); text != nil {
		return text, nil
	}
	return clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{r.Cluster: {
			Server:                   r.Endpoint.Server,
			CertificateAuthorityData: r.Endpoint.CA,
			TLSServerName:            r.Endpoint.TLSServerName,
			ProxyURL:                 r.Endpoint.proxyText(),
			InsecureSkipTLSVerify:    r.Endpoint.InsecureSkipTLSVerify,
		}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{r.Cluster: {Token: r.Token.Reveal()}},
		Contexts:       map[string]*clientcmdapi.Context{r.Cluster: {Cluster: r.Cluster, AuthInfo: r.Cluster}},
		CurrentContext: r.Cluster,
	})
}

func checkLabels(field string, labels map[string]string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		msgs := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(labels[key])...)
		if len(msgs) > 0 {
			errs = append(errs, invalid.Field(field+"["+key+"]", labels[key], "is not a valid label", strings.Join(msgs, ", ")))
		}
	}
	return errors.Join(errs...)
}

func checkAnnotations(field string, annotations map[string]string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if key == corev1.LastAppliedConfigAnnotation {
			errs = append(errs, invalid.Field(field+"["+key+"]", "", "belongs to kubectl apply and holds a copy of the object", "leave it out"))
			continue
		}
		// Annotation keys are compared in lower case, as the API server does.
		if msgs := validation.IsQualifiedName(strings.ToLower(key)); len(msgs) > 0 {
			errs = append(errs, invalid.Field(field+"["+key+"]", "", "is not a valid annotation key", strings.Join(msgs, ", ")))
		}
	}
	return errors.Join(errs...)
}

// checkReserved refuses to change a label or annotation that Build sets.
func checkReserved(field, key, want string, given map[string]string) error {
	if got, found := given[key]; found && got != want {
		return invalid.Field(field+"["+key+"]", got, "differs from the value "+want+" that a remote secret has", "leave it out")
	}
	return nil
}
