// Package asmtest is a stand-in for the APIs of ASM and Container Service, for tests of programs that call them: an HTTP server
// on loopback that speaks their wire format and can be made to fail.
//
//	asm := asmtest.New(asmtest.Options{Mesh: "c0ffee", Clusters: []asmtest.Cluster{{ID: "cluster-2"}}})
//	defer asm.Close()
//	asm.Inject(asmtest.Fault{Action: "AddClusterIntoServiceMesh", Failure: asmtest.LostReply})
//	client, err := asmapi.New(asmapi.Options{Endpoint: asm.Endpoint(), ContainerEndpoint: asm.Endpoint(), Protocol: "http", Credential: asm.Credential()})
//
// It is written from the published parameters and fields, and has never been compared with ASM itself. It verifies signatures
// with the official client's own code, and wants each parameter where the API wants it. What nobody has documented it makes up,
// and says so: error codes that are its own begin with "Invented.", and so do states.
//
// The API server of the instance is one more server on loopback, unless Options.Config names another: it has the custom resource
// ASMMeshConfig, and no object of Istio's kinds.
package asmtest
