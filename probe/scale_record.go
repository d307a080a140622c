package probe

import (
	"encoding/json"
	"fmt"
	"time"
)

// scaleRecord is what a failover leaves on the object while it is at zero: enough for anyone to give it back.
type scaleRecord struct {
	Run      string    `json:"run"`
	Replicas int       `json:"replicas"`
	At       time.Time `json:"at"`
}

func (r scaleRecord) String() string {
	// No field of these can fail to marshal.
	text, _ := json.Marshal(r)
	return string(text)
}

func parseScaleRecord(text string) (scaleRecord, error) {
	var r scaleRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil || r.Run == "" || r.Replicas <= 0 {
		return r, fmt.Errorf("annotation %s %q is no record of a failover; scale by hand and delete the annotation", RecordAnnotation, text)
	}
	return r, nil
}
