//go:build linux

package node

import (
	"fmt"
	"os"
	"path/filepath"
)

// makeRoot makes the container's working directory: the image's files, and a link for each volume mount. It may be
// repeated.
func (c *container) makeRoot() error {
	image, err := c.image()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.root, 0o700); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	for _, m := range c.spec.VolumeMounts {
		link := filepath.Join(c.root, filepath.Clean("/"+m.MountPath))
		if _, err := os.Lstat(link); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			return fmt.Errorf("node: %w", err)
		}
		if err := os.Symlink(filepath.Join(c.pod.volumeDir(m.Name), filepath.Clean("/"+m.SubPath)), link); err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	return writeFiles(c.root, image.Files)
}
