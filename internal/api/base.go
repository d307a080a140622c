package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// released is the newest version of the changelog that has a tag, and its commit; "" if there is none.
func released(dir string, log changelog) (commit, version string, err error) {
	log = slices.DeleteFunc(slices.Clone(log), func(s section) bool { return s.version == "" })
	if len(log) == 0 {
		return "", "", nil
	}
	shallow, err := command(dir, "git", "rev-parse", "--is-shallow-repository")
	if err != nil {
		return "", "", err
	}
	for _, s := range log {
		if found, err := command(dir, "git", "rev-parse", "--verify", "--quiet", "refs/tags/"+s.version+"^{commit}"); err == nil {
			return strings.TrimSpace(string(found)), s.version, nil
		}
		if strings.TrimSpace(string(shallow)) == "true" {
			if commit, err = fetch(dir, s.version); commit != "" || err != nil {
				return commit, s.version, err
			}
		}
	}
	return "", "", nil
}

// fetch gets the commit of a tag from where a shallow clone comes from; "" if there is no such tag.
func fetch(dir, tag string) (commit string, err error) {
	listed, err := command(dir, "git", "ls-remote", "--tags", "origin", "refs/tags/"+tag)
	if err != nil {
		return "", fmt.Errorf("this clone is shallow, and whether %s is released cannot be asked: git fetch --unshallow --tags\n%w", tag, err)
	}
	if len(listed) == 0 {
		return "", nil
	}
	if _, err := command(dir, "git", "fetch", "--quiet", "--depth=1", "--no-tags", "origin", "refs/tags/"+tag); err != nil {
		return "", fmt.Errorf("this clone is shallow: git fetch --unshallow --tags\n%w", err)
	}
	found, err := command(dir, "git", "rev-parse", "--verify", "FETCH_HEAD^{commit}")
	return strings.TrimSpace(string(found)), err
}

// checkOut writes the files of a commit into a folder. The work tree and the index of the repository stay as they are.
func checkOut(dir, commit, into string) error {
	archive, err := command(dir, "git", "archive", "--format=tar", commit)
	if err != nil {
		return err
	}
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if file.Typeflag != tar.TypeReg {
			continue
		}
		if !filepath.IsLocal(file.Name) {
			return fmt.Errorf("commit %s has a file %q", commit, file.Name)
		}
		path := filepath.Join(into, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		content, err := io.ReadAll(files)
		if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		if err != nil {
			return err
		}
	}
}
