package rbac_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/rbac"
)

// manifestOf has two roles and their bindings among other things, as a chart renders them.
const manifestOf = `
# a chart's notice
---
# Source: shop/templates/account.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: cart
  namespace: shop
---
# Source: shop/templates/empty.yaml

--- # Source: shop/templates/role.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: reads
  namespace: shop
  annotations:
    text: |
      --- not a document
rules:
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reads, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reads}
subjects:
- {kind: ServiceAccount, name: cart}
...
---
{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "nodes"}, "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]}
{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "nodes"},
 "roleRef": {"kind": "ClusterRole", "name": "nodes"}, "subjects": [{"kind": "ServiceAccount", "name": "cart", "namespace": "shop"}]}
---
`

func TestLoad(t *testing.T) {
	for name, text := range map[string]string{
		"as it is":     manifestOf,
		"CRLF":         strings.ReplaceAll(manifestOf, "\n", "\r\n"),
		"with a mark":  "\ufeff" + manifestOf,
		"mark and ---": "\ufeff---\n" + manifestOf,
		"no end":       strings.TrimSuffix(manifestOf, "\n"),
		"two files":    strings.Replace(manifestOf, "# Source: shop/templates/empty.yaml\n", "\ufeff# a\n", 1),
		"a directive":  "%YAML 1.1\n---" + manifestOf,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := rbac.Load(strings.NewReader(text))
			require.NoError(t, err)
			require.Equal(t, map[string]int{"v1 ServiceAccount": 1}, p.Skipped())
			require.Len(t, p.Objects(), 4)
			cart := rbac.ServiceAccount("shop", "cart")
			require.True(t, p.Allows(cart, rbac.Access{Verb: "list", Resource: "pods", Namespace: "shop"}).Allowed)
			require.True(t, p.Allows(cart, rbac.Access{Verb: "list", Resource: "nodes"}).Allowed)
			require.False(t, p.Allows(cart, rbac.Access{Verb: "list", Resource: "pods"}).Allowed)
			again, err := rbac.Load(iotest.OneByteReader(strings.NewReader(text)))
			require.NoError(t, err)
			require.Equal(t, p, again)
		})
	}
}

const head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n"

func TestLoadRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown field":        {head + "rule: []\n", `unknown field "rule"`},
		"capitals":             {head + "Rules: []\n", `unknown field "Rules"`},
		"unknown in a rule":    {head + "rules:\n- {apiGroups: [a], resources: [b], verb: [c], verbs: [d]}\n", `unknown field "rules[0].verb"`},
		"a key twice":          {head + "rules: []\nrules: []\n", `key "rules" already set`},
		"a JSON key twice":     {`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"a","name":"b"}}`, `key "name" is there twice`},
		"not a list":           {head + "rules: {}\n", "cannot unmarshal object into Go struct field ClusterRole.rules"},
		"a boolean as verb":    {head + "rules: [{apiGroups: [a], resources: [b], verbs: [yes]}]\n", "cannot unmarshal bool into Go struct field PolicyRule.rules.verbs of type string"},
		"v1beta1":              {strings.Replace(head, "io/v1", "io/v1beta1", 1), "not served since Kubernetes 1.22"},
		"kind misspelt":        {strings.Replace(head, "ClusterRole", "Clusterrole", 1), "kind Clusterrole is not one of rbac.authorization.k8s.io"},
		"group misspelt":       {strings.Replace(head, "rbac.authorization.k8s.io/v1", "rbac/v1", 1), "kind ClusterRole is not one of apiVersion rbac/v1"},
		"no kind":              {"a: b\n", "has no apiVersion"},
		"no object":            {"text\n", "mapping values are not allowed"},
		"two objects":          {"apiVersion: v1\nkind: A\n\r---\r" + head, "has more than one object"},
		"next line":            {"apiVersion: v1\nkind: A\n\u0085---\u0085" + head, "has more than one object"},
		"left of the first":    {"  apiVersion: v1\n  kind: A\n" + head, "has more than one object"},
		"flow and more":        {"!!map {apiVersion: v1, kind: A}\n" + head, "has more than one object"},
		"YAML in braces":       {"{apiVersion: v1, kind: A}\n", "begins with { but is not JSON"},
		"JSON and more":        {`{"apiVersion": "v1", "kind": "A"} rest`, "is not JSON"},
		"an array":             {`[{"apiVersion": "v1", "kind": "A"}]`, "is a list without kind"},
		"UTF-16":               {"\xff\xfea\x00", "is in UTF-16"},
		"latin-1":              {"apiVersion: v1\nkind: \xe9\n", "is not UTF-8"},
		"there twice":          {head + "---\n" + head, "document 2 (line 5): ClusterRole a: metadata.name \"a\": is there twice"},
		"no namespace":         {strings.Replace(head, "ClusterRole", "Role", 1), "say so with Loader.Namespace"},
		"no verbs":             {head + "rules: [{apiGroups: [a], resources: [b]}]\n", "rules[0].verbs: is empty"},
		"in a List":            {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A}\n- {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a, namespace: b}, rules: [{}]}\n", "items[1]: Role b/a: rules[0].verbs"},
		"items in capitals":    {"apiVersion: v1\nkind: List\nItems: []\n", `unknown field "Items"`},
		"items not a list":     {"apiVersion: v1\nkind: List\nitems: {}\n", "items are not a list"},
		"item not an object":   {"apiVersion: v1\nkind: List\nitems: [a]\n", "items[0]: is not an object"},
		"item without kind":    {"apiVersion: v1\nkind: List\nitems: [{}]\n", "items[0]: has no apiVersion or no kind"},
		"escapes in the error": {head + "\"a\\e[31m\": 1\n", `a\x1b[31m`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := rbac.Load(strings.NewReader(tc.text))
			require.Nil(t, p)
			require.ErrorContains(t, err, tc.want)
			var at *rbac.LoadError
			require.ErrorAs(t, err, &at)
			require.Equal(t, "stream 1", at.Stream)
		})
	}
}

func TestLoadLimits(t *testing.T) {
	text := strings.Repeat("---\napiVersion: v1\nkind: A\n", 20)
	_, err := rbac.Loader{MaxObjects: 19}.Load(strings.NewReader(text))
	require.ErrorContains(t, err, "document 20 (line 59): there are more than 19 objects")
	_, err = rbac.Loader{MaxObjects: 20}.Load(strings.NewReader(text))
	require.NoError(t, err)
	_, err = rbac.Loader{MaxBytes: int64(len(text)) - 1}.Load(strings.NewReader(text))
	require.ErrorContains(t, err, "raise the limit with Loader")
	_, err = rbac.Loader{MaxBytes: 9}.Load(strings.NewReader(text), strings.NewReader(text))
	require.Len(t, err.(interface{ Unwrap() []error }).Unwrap(), 1, "the second stream is not read")
	_, err = rbac.Loader{MaxBytes: int64(len(text))}.Load(strings.NewReader(text))
	require.NoError(t, err)
	_, err = rbac.Load(strings.NewReader(strings.Repeat("a: b\n", 20)+"---\n"), strings.NewReader("a: b"))
	require.Error(t, err)
	_, err = rbac.Load(strings.NewReader(strings.Repeat("---\na: b\n", 20)))
	require.Len(t, err.(interface{ Unwrap() []error }).Unwrap(), 10)
	_, err = rbac.Load()
	require.ErrorContains(t, err, "nothing to load")
	_, err = rbac.Load(io.MultiReader(strings.NewReader("a"), iotest.ErrReader(errors.New("gone"))))
	require.ErrorContains(t, err, "document 1 (line 1): gone")
	_, err = rbac.Load(strings.NewReader("# " + strings.Repeat("x", 9<<20)))
	require.ErrorContains(t, err, "larger than 8 MiB")
	file, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer file.Close()
	_, err = rbac.Load(file)
	require.ErrorContains(t, err, file.Name())
}

// What kubectl get prints: Lists, lists of a kind, and lists in Lists.
func TestLoadLists(t *testing.T) {
	const roles = `{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleList", "metadata": {"resourceVersion": "7"}, "items": [
		{"metadata": {"name": "a", "namespace": "n", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:rules": {}}}]},
		 "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}]}`
	const list = `
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- apiVersion: v1
  kind: Pod
- apiVersion: v1
  kind: List
  items:
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: {name: a}
    roleRef: {kind: Role, name: a}
    subjects: [{kind: User, name: jane}]
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRoleList
  items:
- apiVersion: iam.example.com/v1
  kind: Role
`
	p, err := rbac.Loader{Namespace: "n"}.Load(strings.NewReader(roles), strings.NewReader(list))
	require.NoError(t, err)
	require.Equal(t, map[string]int{"v1 Pod": 1, "iam.example.com/v1 Role": 1}, p.Skipped())
	require.Len(t, p.Objects(), 2)
	d := p.Allows(rbac.Subject{User: "jane"}, rbac.Access{Verb: "get", Resource: "pods", Namespace: "n", Name: "x"})
	require.True(t, d.Allowed)
	require.Equal(t, "RoleBinding n/a binds User jane to Role n/a, whose rules[0] allows it: get pods", d.Reason)
}

// Load refuses a stream or reads it. What it has read it reads again, to the same policy.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		manifestOf, head, head + "---\n" + head, "", "---\n...\n# a\n%YAML 1.1\n", "{}", "\xff\xfe", "--- {\"a\": 1}\n", "a: &a [*a]\n", "\ufeff---\r\n" + head + "\r",
		head + "rules:\n- {apiGroups: ['*'], resources: ['*'], verbs: ['*']}\naggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}\n",
		"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: [{}]}]\n", "  " + head,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := rbac.Loader{Namespace: "n", MaxObjects: 100}.Load(bytes.NewReader(text))
		if err != nil {
			require.Nil(t, p)
			require.False(t, strings.ContainsFunc(err.Error(), func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }), "%q", err)
			return
		}
		for _, name := range asKubectlReads(text) {
			require.True(t, slices.ContainsFunc(p.Objects(), func(o runtime.Object) bool { return o.(metav1.Object).GetName() == name }), "%q is not there", name)
		}
		p.Allows(rbac.Subject{User: "a", Groups: []string{"b"}}, rbac.Access{Verb: "get", Resource: "pods", Namespace: "n"})
		var written bytes.Buffer
		for _, o := range p.Objects() {
			document, err := yaml.Marshal(o)
			require.NoError(t, err)
			written.WriteString("---\n")
			written.Write(document)
		}
		again, err := rbac.Load(&written)
		require.NoError(t, err)
		require.Equal(t, p.Grants(), again.Grants())
		require.Equal(t, p.Dangling(), again.Dangling())
	})
}

// asKubectlReads returns the names of the roles and bindings that kubectl would apply, up to the first error. It drops what
// follows a document marker on its line.
func asKubectlReads(text []byte) (names []string) {
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 64); ; {
		var o metav1.PartialObjectMetadata
		if err := decoder.Decode(&o); err != nil {
			return names
		}
		if o.APIVersion == rbacv1.SchemeGroupVersion.String() && slices.Contains([]string{"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}, o.Kind) {
			names = append(names, o.Name)
		}
	}
}
