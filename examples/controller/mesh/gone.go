package mesh

import (
	"context"
	"errors"
	"net"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/secrets"
)

// unreachableCluster stands for a member that nobody knows how to reach any more: its source forgot it, and this process never
// connected to it. What the other side of its links holds is removed all the same, and what it holds itself is named as left.
func unreachableCluster(id peering.ID) *peering.Cluster {
	return &peering.Cluster{
		ID: id, Objects: nowhere{},
		As:       func(secrets.Endpoint, secrets.Token) (peering.Objects, error) { return nil, errNowhere },
		Accounts: func(string) secrets.TokenCreator { return nowhere{} },
	}
}

// errNowhere is a dial that failed, which is what becomes of a call to such a member.
var errNowhere = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("its source no longer says how to reach it")}

type nowhere struct{}

func (nowhere) CreateToken(context.Context, string, *authenticationv1.TokenRequest, metav1.CreateOptions) (*authenticationv1.TokenRequest, error) {
	return nil, errNowhere
}

func (nowhere) Get(context.Context, peering.Object) (peering.Object, error) { return nil, errNowhere }

func (nowhere) List(context.Context, peering.Object, string) ([]peering.Object, error) {
	return nil, errNowhere
}

func (nowhere) Create(context.Context, peering.Object) (peering.Object, error) {
	return nil, errNowhere
}

func (nowhere) Update(context.Context, peering.Object) (peering.Object, error) {
	return nil, errNowhere
}
func (nowhere) Delete(context.Context, peering.Object) error { return errNowhere }
