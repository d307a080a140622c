package secrets

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// CAError says that a server presented a certificate which no CA at hand verifies.
type CAError struct {
	// Address is the server, or the https proxy before it; Name is what its
	// certificate was to be valid for.
	Address, Name string
	// Subject, Issuer and SANs are of the certificate that it presented.
	Subject, Issuer string
	SANs            []string
	// Refused are the CAs, each with the reason.
	Refused []RefusedCA
	// Fits is a candidate that does verify the server where Endpoint.CA does not.
	Fits string
}

func newCAError(seen peer, refused []RefusedCA) *CAError {
	leaf := seen.chain[0]
	sans := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		sans = append(sans, ip.String())
	}
	return &CAError{
		Address: seen.what, Name: seen.name,
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), SANs: sans, Refused: refused,
	}
}

// Error says what the server presented, why each CA was refused, and what to do.
func (e *CAError) Error() string {
	why := make([]string, 0, len(e.Refused))
	for _, r := range e.Refused {
		why = append(why, r.Name+": "+r.Err.Error())
	}
	if len(why) == 0 {
		why = append(why, "no CA to try")
	}
	return fmt.Sprintf("secrets: no CA verifies %s as %q: it presents a certificate of %q, issued by %q, valid for %v (%s); %s",
		e.Address, e.Name, e.Subject, e.Issuer, e.SANs, strings.Join(why, "; "), e.remedy())
}

func (e *CAError) remedy() string {
	for _, r := range e.Refused {
		var name x509.HostnameError
		if errors.As(r.Err, &name) && len(e.SANs) > 0 {
			return "set Endpoint.TLSServerName to one of these names"
		}
	}
	if e.Fits != "" {
		return fmt.Sprintf("use the one of %s, which does, or leave Endpoint.CA empty", e.Fits)
	}
	return "set Endpoint.CA to the certificate of that issuer"
}

// Unwrap returns why each CA was refused.
func (e *CAError) Unwrap() []error {
	errs := make([]error, 0, len(e.Refused))
	for _, r := range e.Refused {
		errs = append(errs, r.Err)
	}
	return errs
}
