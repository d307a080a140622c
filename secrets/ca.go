package secrets

import (
	"bytes"
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
		return invalid.Field(field, "", err.Error(), "give the PEM certificates of the authority that signs the server's certificate, with nothing but blank lines and # comments between them")
	}
	return nil
}

const begin = "-----BEGIN CERTIFICATE-----"

// certificates reads a PEM bundle of certificates with blank lines and comments,
// which begin with #, between them. Readers of PEM pass over a block that does not
// decode, so istiod would lose that authority in silence; here it is an error, and
// so is all other text. Errors do not quote the bundle.
func certificates(bundle []byte) ([]*x509.Certificate, error) {
	switch {
	case bytes.Contains(bundle, []byte("PRIVATE KEY")):
		return nil, errors.New("holds a private key")
	case !bytes.Contains(bundle, []byte("BEGIN")):
		return nil, errors.New("holds no PEM certificate")
	}
	var certs []*x509.Certificate
	for rest := bundle; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if err := between(string(line), len(certs)); err == nil {
			rest = after
			continue
		} else if !bytes.HasPrefix(line, []byte(begin)) {
			return nil, err
		}
		cert, after, err := certificate(rest)
		if err != nil {
			return nil, fmt.Errorf("certificate %d %w", len(certs)+1, err)
		}
		certs, rest = append(certs, cert), after
	}
	if len(certs) == 0 {
		return nil, errors.New("holds no PEM certificate")
	}
	return certs, nil
}

// between says why line is neither blank nor a comment.
func between(line string, certs int) error {
	text := strings.Trim(line, " \t\r")
	mark := strings.Contains(text, "--BEGIN") || strings.Contains(text, "--END")
	switch {
	case text == "", strings.HasPrefix(text, "#") && !mark && !strings.Contains(text, "\r"):
		return nil
	case strings.HasPrefix(text, "\ufeff"):
		return errors.New("begins with a byte order mark, which hides the certificate after it: save it without the mark")
	case strings.HasPrefix(text, "-----BEGIN ") && !strings.HasPrefix(text, begin):
		return errors.New("holds a PEM block that is not a plain certificate")
	case mark || strings.Contains(text, "BEGIN CERTIFICATE"):
		return fmt.Errorf("certificate %d cannot be read: its first line must be BEGIN CERTIFICATE between five dashes on each side, without a space before it", certs+1)
	}
	return errors.New("holds text that is neither a PEM certificate nor a comment after #")
}

// certificate reads the block at the start of rest.
func certificate(rest []byte) (*x509.Certificate, []byte, error) {
	block, after := pem.Decode(rest)
	if block == nil {
		return nil, nil, errors.New("is cut short or is not base64")
	}
	if bytes.Count(rest[:len(rest)-len(after)], []byte("-----BEGIN")) != 1 {
		return nil, nil, errors.New("is cut short or is not base64") // pem has passed over it, to the next one
	}
	if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
		return nil, nil, errors.New("has headers, so client-go ignores it")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, errors.New("cannot be parsed")
	}
	return cert, after, nil
}
