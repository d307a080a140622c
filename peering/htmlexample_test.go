package peering_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/probe"
)

func ExampleReport_WriteJUnit() {
	report := &peering.Report{Took: time.Second, Links: []peering.LinkReport{{
		From: peering.MustID("east"), To: peering.MustID("west"), Status: probe.Failed,
		Results: []probe.Result{{
			Check: "istiod-synced", Target: "istiod-1", Status: probe.Failed, Took: time.Second,
			Summary: "west: timeout", Hint: "is west's API server reachable from istiod's pods?",
		}},
	}}}
	if err := report.WriteJUnit(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <testsuites name="meshpeer" tests="1" failures="1" errors="0" time="1.000">
	//   <testsuite name="east -&gt; west" tests="1" failures="1" errors="0" skipped="0" time="1.000">
	//     <properties>
	//       <property name="status" value="failed"></property>
	//     </properties>
	//     <testcase name="istiod-synced istiod-1" classname="east -&gt; west" time="1.000">
	//       <failure message="west: timeout; next: is west&#39;s API server reachable from istiod&#39;s pods?" type="istiod-synced">west: timeout&#xA;next: is west&#39;s API server reachable from istiod&#39;s pods?</failure>
	//     </testcase>
	//   </testsuite>
	// </testsuites>
}

// A page that can be mailed: nothing in it is fetched from elsewhere.
func ExampleReport_WriteHTML() {
	east, west := peering.MustID("east"), peering.MustID("west")
	report := &peering.Report{Links: []peering.LinkReport{
		{From: east, To: west, Status: probe.Passed, Results: []probe.Result{{Check: "istiod-synced", Status: probe.Passed}}},
		{From: west, To: east, Status: probe.Unknown},
	}}
	var page bytes.Buffer
	if err := report.WriteHTML(&page, peering.HTMLOptions{
		Hosted: []peering.ID{east},
		Splits: map[string]probe.Split{"httpbin:8000 from west": {Answers: map[string]int{"east": 40, "west": 0}}},
	}); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(page.String()) {
		if strings.HasPrefix(line, "<title>") || strings.HasPrefix(line, "<g ") {
			fmt.Print(line)
		}
	}
	// Output:
	// <title>Peering of 2 clusters: unknown</title>
	// <g class="arrow passed"><title>east → west: passed</title>
	// <g class="arrow unknown"><title>west → east: unknown</title>
	// <g class="node hosted"><title>east, hosted control plane</title>
	// <g class="node"><title>west</title>
}
