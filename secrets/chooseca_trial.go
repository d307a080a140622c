package secrets

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meshpeer/meshpeer/internal/printable"
)

// trial is a candidate on its way through the peers of a connection.
type trial struct {
	CandidateCA
	wins  bool           // it may be chosen; else it is tried only for the advice
	roots *x509.CertPool // nil for the system's
	err   error          // why it does not verify a peer; nil so far
}

type trials []*trial

// newTrials makes a trial of each candidate. An explicit CA is the first of them, and then it alone may win.
func newTrials(candidates []CandidateCA, explicit bool) trials {
	var ts trials
	for i, c := range candidates {
		t := &trial{CandidateCA: c, wins: i == 0 || !explicit}
		if len(c.PEM) > 0 {
			certs, err := certificates(c.PEM)
			if err != nil {
				t.err = fmt.Errorf("it %w", err)
			}
			t.roots = x509.NewCertPool()
			for _, cert := range certs {
				t.roots.AddCert(cert)
			}
		}
		ts = append(ts, t)
	}
	return ts
}

// verify tries p with the candidates that have verified all peers so far, and reports whether one is left that may win.
func (ts trials) verify(p peer) bool {
	between := x509.NewCertPool()
	for _, cert := range p.chain[1:] {
		between.AddCert(cert)
	}
	left := false
	for _, t := range ts {
		if t.err == nil {
			_, t.err = p.chain[0].Verify(x509.VerifyOptions{DNSName: p.name, Roots: t.roots, Intermediates: between})
		}
		left = left || t.wins && t.err == nil
	}
	return left
}

// choose takes the first candidate that verifies every peer.
func (ts trials) choose(seen peer) (CAChoice, error) {
	choice := CAChoice{}
	won := slices.IndexFunc(ts, func(t *trial) bool { return t.err == nil })
	for _, t := range ts {
		if t.err != nil {
			choice.Refused = append(choice.Refused, RefusedCA{Name: t.Name, Err: t.err})
		}
	}
	if won < 0 || !ts[won].wins {
		err := newCAError(seen, choice.Refused)
		if won >= 0 {
			err.Fits = ts[won].Name
		}
		return CAChoice{}, err
	}
	choice.Name, choice.PEM = ts[won].Name, ts[won].PEM
	choice.Why = printable.Line(fmt.Sprintf("it verifies %s as %q, whose certificate %q has issued", seen.what, seen.name, seen.chain[0].Issuer))
	return choice, nil
}

// CAError says that a server presented a certificate which none of the CAs verifies.
type CAError struct {
	// Address is the server, or the https proxy before it; Name is what its certificate must be valid for.
	Address, Name string
	// Subject, Issuer and SANs are of the certificate that it presented.
	Subject, Issuer string
	SANs            []string
	// Refused are the CAs, each with the reason.
	Refused []RefusedCA
	// Fits is a candidate that does verify the server where Endpoint.CA does not.
	Fits string
}

// maxSANs are the names of each kind that an error shows.
const maxSANs = 20

func newCAError(seen peer, refused []RefusedCA) *CAError {
	leaf := seen.chain[0]
	var sans []string // as the certificate, which anybody may have written, may be shown
	for _, name := range leaf.DNSNames[:min(len(leaf.DNSNames), maxSANs)] {
		sans = append(sans, printable.Line(name))
	}
	for _, ip := range leaf.IPAddresses[:min(len(leaf.IPAddresses), maxSANs)] {
		sans = append(sans, ip.String())
	}
	return &CAError{
		Address: seen.what, Name: seen.name,
		Subject: printable.Line(leaf.Subject.String()), Issuer: printable.Line(leaf.Issuer.String()), SANs: sans, Refused: refused,
	}
}

// Error says what the server presented, why each CA was refused, and what to do.
func (e *CAError) Error() string {
	why := make([]string, 0, len(e.Refused))
	for _, r := range e.Refused {
		why = append(why, printable.Value(r.Name)+": "+printable.Line(r.Err.Error()))
	}
	if len(why) == 0 {
		why = append(why, "no CA to try")
	}
	return fmt.Sprintf("secrets: no CA verifies %s as %q: it presents the certificate %q, issued by %q, valid for %v (%s); %s",
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
		return fmt.Sprintf("use that of %s, which does, or leave Endpoint.CA empty", printable.Value(e.Fits))
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
