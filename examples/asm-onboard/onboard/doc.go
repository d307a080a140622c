// Package onboard brings clusters into a mesh of Alibaba Cloud Service Mesh (ASM) and peers those that have a control plane of
// their own with the others: from the ID of an ASM instance to links that are verified.
//
// Nothing here has run against ASM itself: it was tried on package asmtest, and with real clusters behind that.
//
// The flow is one list, [Onboarding.Plan] and [Onboarding.Apply] go down it, and it is all in flow.go. A second Apply finds
// everything done. What cannot be seen is unknown, never done: an ASM control plane is hosted, and nobody can ask what it reads.
package onboard
