package peering

import (
	"slices"
	"sync"
)

// warnings collects what an API server warns of, up to a number; client-go would print it.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

// HandleWarningHeader is client-go's rest.WarningHandler.
func (w *warnings) HandleWarningHeader(code int, _ string, text string) {
	if code != 299 || text == "" {
		return
	}
	text = prose(text)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.texts) < textsLimit && !slices.Contains(w.texts, text) {
		w.texts = append(w.texts, text)
	}
}

// take returns the warnings since the last call.
func (w *warnings) take() []string {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	texts := w.texts
	w.texts = nil
	return texts
}
