package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

// TestCodeOf: no error of a server that answered shares a code with one of a server that did not.
func TestCodeOf(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no"))
	of := func(stage peering.Stage, err error) error { return &peering.Error{Stage: stage, Err: err} }
	for name, tt := range map[string]struct {
		err             error
		looks, changing int
	}{
		"none":                  {nil, fine, fine},
		"forbidden":             {forbidden, failed, failed},
		"forbidden, of a link":  {of(peering.StageRead, forbidden), failed, failed},
		"unauthorized":          {of(peering.StageConnect, apierrors.NewUnauthorized("no")), failed, failed},
		"link's own credential": {of(peering.StageMint, apierrors.NewUnauthorized("no")), found, failed},
		"endpoint":              {of(peering.StageConnect, &peering.EndpointError{Err: errors.New("x")}), unknown, unknown},
		"dial":                  {fmt.Errorf("w: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), unknown, unknown},
		"request":               {&url.Error{Op: "Get", URL: "https://x", Err: errors.New("EOF")}, unknown, unknown},
		"deadline":              {context.DeadlineExceeded, unknown, unknown},
		"interrupted":           {&url.Error{Op: "Get", URL: "https://x", Err: context.Canceled}, failed, failed},
		"name":                  {&net.DNSError{Err: "no such host", Name: "x"}, unknown, unknown},
		"no file":               {&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, failed, failed},
		"drift":                 {&peering.DriftError{}, failed, failed},
		"a broken link":         {of(peering.StageShare, errors.New("no secret")), found, failed},
	} {
		require.Equal(t, tt.looks, codeOf(tt.err, true), name)
		require.Equal(t, tt.changing, codeOf(tt.err, false), name)
	}
}

func TestCodeOfReport(t *testing.T) {
	link := func(status probe.Status) peering.LinkReport { return peering.LinkReport{Status: status} }
	left := link(probe.Warned)
	left.Left = []peering.Change{{}}
	for _, tt := range []struct {
		links           []peering.LinkReport
		looks, changing int
	}{
		{nil, unknown, unknown},
		{[]peering.LinkReport{link(probe.Passed), link(probe.Warned), link(probe.Skipped)}, fine, fine},
		{[]peering.LinkReport{link(probe.Passed), link(probe.Unknown)}, unknown, unknown},
		{[]peering.LinkReport{link(probe.Failed), link(probe.Unknown)}, found, failed},
		{[]peering.LinkReport{link("good")}, unknown, unknown},
		{[]peering.LinkReport{left}, unknown, unknown},
	} {
		r := &peering.Report{Links: tt.links}
		require.Equal(t, tt.looks, codeOfReport(r, true), "%v", tt.links)
		require.Equal(t, tt.changing, codeOfReport(r, false), "%v", tt.links)
	}
	require.Equal(t, unknown, codeOfReport(nil, true))
}
