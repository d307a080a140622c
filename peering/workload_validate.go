package peering

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// validate names the first field that no cluster could have.
func (w *Workload) validate() error {
	if w == nil {
		return nil
	}
	for _, f := range []struct {
		field, value string
		check        func(string) []string
	}{
		{"Namespace", w.Namespace, validation.IsDNS1123Label},
		{"Service", w.Service, validation.IsDNS1035Label},
		{"Client", w.Client, validation.IsDNS1123Subdomain},
		{"Server", w.Server, validation.IsDNS1123Subdomain},
		{"Control", w.Control, validation.IsDNS1123Subdomain},
		{"Domain", w.Domain, validation.IsDNS1123Subdomain},
	} {
		if f.value == "" {
			continue
		}
		if wrong := f.check(f.value); len(wrong) > 0 {
			return refused("Peering.Workload."+f.field, f.value, "is not valid", strings.Join(wrong, "; "))
		}
	}
	if w.Port < 0 || w.Port > 65535 {
		return fmt.Errorf("peering: Peering.Workload.Port %d: give the Service's port, 1 to 65535, or 0 for 8000", w.Port)
	}
	if w.Asks < 0 {
		return fmt.Errorf("peering: Peering.Workload.Asks %d: give how often to ask at most, or 0 for 20", w.Asks)
	}
	return nil
}
