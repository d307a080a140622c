package secrets

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/meshpeer/meshpeer/internal/invalid"
)

func (e Endpoint) checkCA() error {
	const field = "Endpoint.CA"
	if len(e.CA) == 0 {
		return nil
	}
	if e.InsecureSkipTLSVerify {
		return invalid.Field(field, "", "is set together with InsecureSkipTLSVerify, which client-go refuses", "drop InsecureSkipTLSVerify")
	}
	if _, err := certificates(e.CA); err != nil {
		return invalid.Field(field, "", err.Error(), "give the PEM certificates of the authority that signs the server's certificate")
	}
	return nil
}

// certificates reads a PEM bundle. Its errors do not quote it.
func certificates(bundle []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		block, rest := pem.Decode(bundle)
		if block == nil {
			break
		}
		bundle = rest
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, errors.New("holds a private key")
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, errors.New("holds a PEM block that is no plain certificate")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be parsed", len(certs)+1)
		}
		certs = append(certs, cert)
	}
	if strings.Contains(string(bundle), "PRIVATE KEY") {
		return nil, errors.New("holds a private key")
	}
	if len(certs) == 0 {
		return nil, errors.New("holds no PEM certificate")
	}
	return certs, nil
}
