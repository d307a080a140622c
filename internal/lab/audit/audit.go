//go:build linux

package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Event is one request as the API server logged it (audit.k8s.io/v1, level Metadata).
type Event struct {
	ID                           string
	Time                         time.Time // when the request came
	User, UserAgent              string
	Verb                         string
	Group, Resource, Subresource string // empty for a non-resource URL
	Namespace, Name              string
	URI                          string // path and query; no credential is ever in there
	Code                         int    // HTTP status; 0 when the request has not ended
	Groups                       []string
}

// Mark is a place in a cluster's audit log.
type Mark struct{ offset int64 }

// End marks the end of the log. Every request that was answered before is in front of the mark.
func End(path string) Mark {
	info, err := os.Stat(path)
	if err != nil {
		return Mark{} // nothing was logged yet
	}
	return Mark{offset: info.Size()}
}

// Since returns the requests logged after the mark, each once, in the order in which they ended; a watch or a stream
// counts from when it was answered. The API server writes an entry before the reply is complete (log mode blocking).
func Since(path string, mark Mark) ([]Event, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	defer file.Close()
	if _, err := file.Seek(mark.offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	events, err := parse(file)
	if err != nil {
		return nil, fmt.Errorf("lab: audit log %s: %w", path, err)
	}
	return events, nil
}

func parse(r io.Reader) ([]Event, error) {
	var events []Event
	seen := map[string]int{} // audit ID → index
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return events, nil // a line without its end is still being written
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var raw entry
		if err := json.Unmarshal(line, &raw); err != nil {
			return nil, err
		}
		event := raw.event()
		if i, again := seen[event.ID]; again { // ResponseStarted and ResponseComplete of one request
			events[i].Code = event.Code
			continue
		}
		seen[event.ID] = len(events)
		events = append(events, event)
	}
}

type entry struct {
	AuditID    string    `json:"auditID"`
	Received   time.Time `json:"requestReceivedTimestamp"`
	Verb       string    `json:"verb"`
	UserAgent  string    `json:"userAgent"`
	RequestURI string    `json:"requestURI"`
	User       struct {
		Username string   `json:"username"`
		Groups   []string `json:"groups"`
	} `json:"user"`
	Object struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Response struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

func (l entry) event() Event {
	return Event{
		ID: l.AuditID, Time: l.Received, User: l.User.Username, Groups: l.User.Groups, UserAgent: l.UserAgent, Verb: l.Verb,
		Group: l.Object.APIGroup, Resource: l.Object.Resource, Subresource: l.Object.Subresource,
		Namespace: l.Object.Namespace, Name: l.Object.Name, URI: l.RequestURI, Code: l.Response.Code,
	}
}
