package preflight

import (
	"errors"
	"fmt"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/istiod"
)

// FieldError is an input that cannot work, found before anything is read. Several
// are joined; errors.As finds the first.
type FieldError = invalid.FieldError

func (in Input) validate() error {
	var errs []error
	refuse := func(field, value, reason, remedy string) {
		errs = append(errs, invalid.Field(field, value, reason, remedy))
	}
	switch in.Flavour {
	case "", ASM, Upstream:
	default:
		refuse("Input.Flavour", string(in.Flavour), "is unknown", "use asm or upstream")
	}
	if in.Parallel < 0 {
		refuse("Input.Parallel", fmt.Sprint(in.Parallel), "is negative", "use 0 for the default of 16")
	}
	errs = append(errs,
		istiod.Validate("Input.From.IstiodSelector", in.From.IstiodSelector),
		istiod.Validate("Input.To.IstiodSelector", in.To.IstiodSelector))
	if w := in.Workload; w != nil {
		if w.Namespace == "" {
			refuse("Input.Workload.Namespace", "", "is empty", "name the namespace of the Service, or leave Workload nil")
		}
		if w.Service == "" {
			refuse("Input.Workload.Service", "", "is empty", "name the Service, or leave Workload nil")
		}
		if w.Port < 0 || w.Port > 65535 {
			refuse("Input.Workload.Port", fmt.Sprint(w.Port), "is not a port", "use one of the Service's ports, or 0 for all")
		}
	}
	return errors.Join(errs...)
}
