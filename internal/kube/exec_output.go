package kube

import (
	"bytes"
	"context"
	"fmt"
	"sync"
)

// OutputLimit bounds each output of a command, in bytes: Envoy's admin pages of a large mesh take some tens of megabytes.
const OutputLimit = 64 << 20

// output keeps what a command writes. Past the limit it throws away, and ends the stream by over: an error to the writer
// would be logged by client-go, and would leave the command to wait for its reader.
type output struct {
	over context.CancelCauseFunc

	mu   sync.Mutex // a stream that was cut short may still write
	kept bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept.Len()+len(p) > OutputLimit {
		o.over(fmt.Errorf("the output is more than %d MiB: ask for less", OutputLimit>>20))
		return len(p), nil
	}
	return o.kept.Write(p)
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept.Bytes()
}
