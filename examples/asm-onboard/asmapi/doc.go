// Package asmapi is the part of the APIs of Alibaba Cloud Service Mesh (ASM, version 2020-01-11) and of Container Service for
// Kubernetes (2015-12-15) that brings clusters into a mesh: typed requests and replies over the official generic client, a
// method for each action.
//
// Nothing here has run against ASM itself. Actions, parameters and fields are those of the generated modules that Alibaba
// Cloud publishes (servicemesh-20200111, cs-20151215).
//
// A call that was refused before anybody looked at it (throttling) is sent again, with growing pauses. One whose outcome is
// unknown is sent again only if a second time does no harm, which is all but AddClusterIntoServiceMesh. No failure but a reply
// with code ServiceMesh.NotFound says that something is gone: see [KindOf].
//
// Credentials are those of the default chain of credentials-go. Neither they nor a [Kubeconfig] are in an error or in what
// fmt, encoding/json and log/slog print. The official client itself prints every request header to standard output if the
// environment variable DEBUG asks it to (see [Leaks]).
package asmapi
