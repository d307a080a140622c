// Package members keeps the connections to the members of meshes.
//
//	connections := members.New(metrics)
//	cluster, err := connections.Connect(ctx, meshName, member) // the same one, call after call
//
// A connection lives as long as its member is described in the same way. Where only the bearer token is another one, which is
// what most clouds change every few minutes, the connection stays and the next request carries the new token (Cluster API
// #12363 tells what it costs to make everything anew). Anything else that changes makes a new one; what still runs on the old
// ends as it would have.
//
// A refused credential (401) is told at once: whoever listens reads the source again and connects with what is there now.
// A member that does not answer keeps its connection, and its place: nobody here can know that it is gone.
package members
