//go:build linux

package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Image is a container image as the Node knows it: the programs of the machine that stand for it.
type Image struct {
	// Name is the last part of the repository, such as "proxyv2" for docker.io/istio/proxyv2:1.31.0.
	Name string
	// Tag, if not empty, is the one that it is for.
	Tag string
	// Entry is the command of a container that names none.
	Entry []string
	// Match picks between several images of one name by the container's arguments; nil takes any.
	Match func(args []string) bool
	// Files are put below the container's root before its first start.
	Files map[string][]byte
	// Run, if not nil, is done in place of a process.
	Run func(box Sandbox, args []string) error
}

var errImage = errors.New("no such image on this node")

func (c *container) image() (Image, error) {
	name := path.Base(c.spec.Image)
	name, _, _ = strings.Cut(name, "@")
	name, tag, _ := strings.Cut(name, ":")
	args := c.arguments()
	for _, image := range c.pod.agent.config.Images {
		if image.Name == name && (image.Tag == "" || image.Tag == tag) && (image.Match == nil || image.Match(args)) {
			return image, nil
		}
	}
	return Image{}, fmt.Errorf("node: image %q: %w", c.spec.Image, errImage)
}

// arguments are the container's args with $(NAME) replaced.
func (c *container) arguments() []string { return expandAll(c.spec.Args, c.environment()) }

// command is the container's process, not started.
func (c *container) command(image Image) (*exec.Cmd, error) {
	argv := c.spec.Command
	if len(argv) == 0 {
		argv = image.Entry
	}
	argv = append(expandAll(argv, c.environment()), c.arguments()...)
	return c.process(argv)
}

// process is a command in the container's root and environment. Programs are found in the Node's directory first, by
// their base name: /usr/local/bin/pilot-agent is wherever the Node has a pilot-agent.
func (c *container) process(argv []string) (*exec.Cmd, error) {
	if len(argv) == 0 {
		return nil, fmt.Errorf("node: container %s: no command", c.spec.Name)
	}
	file := filepath.Join(c.pod.agent.config.Bin, filepath.Base(argv[0]))
	if _, err := os.Stat(file); err != nil {
		var err error
		if file, err = exec.LookPath(argv[0]); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(file, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Dir = c.root
	for _, e := range c.environment() {
		cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
	}
	return cmd, nil
}
