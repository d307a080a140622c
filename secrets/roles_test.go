package secrets_test

import "github.com/meshpeer/meshpeer/secrets"

// Each source is what its comment says.
var (
	_ secrets.TokenSource = secrets.Durable{}
	_ secrets.Revoker     = secrets.Durable{}
	_ secrets.Resumer     = secrets.Durable{}
	_ secrets.TokenSource = secrets.Bound{}
	_ secrets.Revoker     = secrets.Bound{}
	_ secrets.Resumer     = secrets.Bound{}
	_ error               = secrets.Problem{}
)
