package preflight

import (
	"errors"
	"fmt"
)

// FieldError is an Input that cannot be checked.
type FieldError struct {
	Field, Value   string
	Reason, Remedy string
}

// Error names the field, its value, the reason and the remedy.
func (e *FieldError) Error() string {
	return fmt.Sprintf("preflight: %s %q: %s; %s", e.Field, e.Value, e.Reason, e.Remedy)
}

func (in Input) validate() error {
	var errs []error
	refuse := func(field, value, reason, remedy string) {
		errs = append(errs, &FieldError{field, value, reason, remedy})
	}
	switch in.Flavour {
	case "", ASM, Upstream:
	default:
		refuse("Input.Flavour", string(in.Flavour), "is unknown", "use asm or upstream")
	}
	if in.Parallel < 0 {
		refuse("Input.Parallel", fmt.Sprint(in.Parallel), "is negative", "use 0 for the default of 16")
	}
	if w := in.Workload; w != nil {
		if w.Namespace == "" {
			refuse("Input.Workload.Namespace", "", "is empty", "name the namespace of the Service, or leave Workload nil")
		}
		if w.Service == "" {
			refuse("Input.Workload.Service", "", "is empty", "name the Service, or leave Workload nil")
		}
		if w.Port < 0 || w.Port > 65535 {
			refuse("Input.Workload.Port", fmt.Sprint(w.Port), "is no port", "use one of the Service's ports, or 0 for all")
		}
	}
	return errors.Join(errs...)
}
