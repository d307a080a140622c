//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// machine is where a run took place.
type machine struct {
	processor string
	cores     int
	memory    float64 // bytes
	system    string
	compiler  string
	load      string // average of the minute before the run: what else took the processor
}

func thisMachine() machine {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return machine{
		processor: field("/proc/cpuinfo", "model name"), cores: runtime.NumCPU(), memory: meminfo("MemTotal"),
		system: runtime.GOOS + "/" + runtime.GOARCH + ", kernel " + string(bytes.TrimSpace(release)), compiler: runtime.Version(),
		load: load(),
	}
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.0f GB of memory, %s, %s; load %s when it began",
		m.processor, m.cores, m.memory/(1<<30), m.system, m.compiler, m.load)
}

// load is the average number of processes that ran or waited to run.
func load() string {
	data, _ := os.ReadFile("/proc/loadavg")
	minute, _, _ := strings.Cut(string(data), " ")
	return minute
}

// meminfo is a line of /proc/meminfo in bytes; 0 if it cannot be read.
func meminfo(name string) float64 {
	number, _, _ := strings.Cut(field("/proc/meminfo", name), " ")
	kB, _ := strconv.ParseFloat(number, 64)
	return kB * 1024
}

// field is the first value of "name: value" in a file of /proc.
func field(file, name string) string {
	data, _ := os.ReadFile(file)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown " + name
}
