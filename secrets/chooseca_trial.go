package secrets

import (
	"crypto/x509"
	"fmt"
	"slices"
)

// trial is a candidate on its way through the peers of a connection.
type trial struct {
	CandidateCA
	roots *x509.CertPool // nil for the system's
	err   error          // why it is out
}

type trials []*trial

func newTrials(candidates []CandidateCA) trials {
	var ts trials
	for _, c := range candidates {
		t := &trial{CandidateCA: c}
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

// verify puts out the candidates that do not verify p, and reports whether one is left.
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
		left = left || t.err == nil
	}
	return left
}

// choose takes the first candidate that no peer has put out.
func (ts trials) choose(seen peer, explicit bool) (CAChoice, error) {
	choice := CAChoice{}
	won := slices.IndexFunc(ts, func(t *trial) bool { return t.err == nil })
	for _, t := range ts {
		if t.err != nil {
			choice.Refused = append(choice.Refused, RefusedCA{Name: t.Name, Err: t.err})
		}
	}
	if won < 0 || explicit && won > 0 {
		err := newCAError(seen, choice.Refused)
		if won > 0 {
			err.Fits = ts[won].Name
		}
		return CAChoice{}, err
	}
	choice.Name, choice.PEM = ts[won].Name, ts[won].PEM
	choice.Why = fmt.Sprintf("it verifies %s as %q, whose certificate %q has issued", seen.what, seen.name, seen.chain[0].Issuer)
	return choice, nil
}
