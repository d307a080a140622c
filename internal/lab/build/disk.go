//go:build linux

package build

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// What a first build writes, as seen with Go 1.26 on amd64: objects to GOCACHE, sources to GOMODCACHE, and to the store the
// binary, once more while it is linked.
const (
	sizeObjects = 4600 * store.MB
	sizeModules = 1200 * store.MB
	sizeBinary  = 2 * 190 * store.MB
)

// Disk is the most that a first build writes to all places together.
const Disk = sizeObjects + sizeModules + sizeBinary

// diskPlaces are the directories that a build writes to.
func diskPlaces(cache string) []string {
	places := []string{cache}
	if env := goEnv("GOCACHE", "GOMODCACHE"); len(env) == 2 {
		places = append(places, env...)
	}
	return places
}

// Room compares the free space with what a build writes. The error is for a disk on which it must fail; tight, if not
// empty, is a line about one on which it fails if Go's caches are empty.
func Room(cache string) (tight string, err error) {
	places := diskPlaces(cache)
	sizes := []uint64{sizeBinary, sizeObjects, sizeModules}
	need := map[uint64]uint64{} // by file system
	first := map[uint64]string{}
	for i, place := range places {
		id := device(place)
		need[id] += sizes[i]
		if first[id] == "" {
			first[id] = place
		}
	}
	for id, place := range first {
		free, err := store.Free(place)
		if err != nil {
			return "", err
		}
		if id == device(cache) && free < sizeBinary {
			return "", fmt.Errorf("%w: the binary of the control planes needs %s, and %s has %s", store.ErrFull,
				store.Size(sizeBinary), place, store.Size(free))
		}
		if free < need[id] {
			tight = fmt.Sprintf("a first build writes about %s below %s, which has %s: it fails unless Go has most of it in its caches",
				store.Size(need[id]), place, store.Size(free))
		}
	}
	return tight, nil
}

// device tells file systems apart; a missing directory is on that of the one it will be made in.
func device(path string) uint64 {
	for {
		var s unix.Stat_t
		if unix.Stat(path, &s) == nil || path == filepath.Dir(path) {
			return s.Dev
		}
		path = filepath.Dir(path)
	}
}
