package cmd

import "strings"

// words turns what the SDK calls things into what they are called here.
func (a *app) words(text string) string {
	for _, prefix := range []string{"peering: ", "secrets: ", "traffic: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return translate(text)
}

// translate does that anywhere in a text.
func translate(text string) string {
	return strings.NewReplacer(
		"set Peering.Adopt to AdoptKeep or AdoptRevoke and call Ensure, which takes the Secret over in place", "adopt takes the Secret over in place",
		"Ensure with Peering.Adopt takes it over in place", "adopt takes it over in place",
		"; or set Link.Endpoint or ConnectOptions.Endpoint to the address", "; or give with --endpoint the address",
		"set ConnectOptions.Namespace to that namespace, or fill Cluster.Istiods", "or give that namespace with --istio-namespace",
		"set Hosted for it (ConnectOptions)", "give --hosted for it",
		"(IstiodSelector)", "(--istiod-selector)",
		"set Peering.Workload, and Verify tells by requests", "verify and why tell by requests",
		"set Workload.Control to a Deployment", "give with --control a Deployment",
		"prove it with Workload.Failover", "prove it with a failover test",
		"with Peering.RestartIstiods, Rotate does it for you", "then rotate",
		"or use an account that is managed elsewhere (Peering.Account)", "or use an account that is managed elsewhere (--account)",
		"Link.Endpoint, given by the caller", "given by --endpoint",
		"give Endpoint.CA", "give it with --endpoint-ca",
		"correct Link.Endpoint", "correct --endpoint",
		"not checked: Input.Config is not given", "not checked: it is on the API server of the ASM instance, which is not asked here",
		"give Input.Config", "look at it there",
		", or set Input.Workload", "",
		"Peering.Account", "--account", "Peering.Flavour", "--flavour", "Peering.Tolerate", "--tolerate",
		"call Ensure", "run ensure", "the next Ensure", "the next ensure", "call again", "run it again",
		"the package documentation lists the permissions for both clusters", "docs/rights.md lists the permissions for both clusters",
	).Replace(text)
}
