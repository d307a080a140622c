// Package metrics shows Prometheus what the controller sees and does.
//
//	m := metrics.New()
//	ctrlmetrics.Registry.MustRegister(m) // that of controller-runtime, which its manager serves
//
// Series are made from what was reported last, when they are scraped: a link that is gone, or a member that left, has none.
// What could not be seen has none either, or says Unknown; it never says that all is well.
//
// The families (Names) have few labels: mesh is namespace/name of the Mesh, from and
// to are the IDs of a link, cluster is that of a member. A mesh of 40 clusters has 1 560 links, and each healthy one three or
// four series.
package metrics
