package main

import (
	"runtime/debug"

	"github.com/mccutchen/go-httpbin/v2/httpbin/cmd"
)

// httpbin is the server of the image mccutchen/go-httpbin, configured by its flags and environment.
func httpbin([]string) int {
	var version string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/mccutchen/go-httpbin/v2" {
				version = module.Version
			}
		}
	}
	return cmd.Main(cmd.BuildInfo{Version: version})
}
