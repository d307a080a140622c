package curl

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// options are the command line (curl's manual page).
type options struct {
	silent, showError, include, head bool

	method, body, output, format string
	headers                      []string
	maxTime, connectTimeout      time.Duration
	url                          string
}

// flags without a value, and flags with one.
var (
	switches = map[string]func(*options){
		"-s": func(o *options) { o.silent = true }, "-S": func(o *options) { o.showError = true },
		"-i": func(o *options) { o.include = true }, "-I": func(o *options) { o.head, o.include = true, true },
		"-g": ignore, "-k": ignore, "-4": ignore, "-N": ignore, "--http1.1": ignore,
	}
	settings = map[string]func(*options, string) error{
		"-o": func(o *options, v string) error { o.output = v; return nil },
		"-w": func(o *options, v string) error { o.format = v; return nil },
		"-X": func(o *options, v string) error { o.method = v; return nil },
		"-d": func(o *options, v string) error { o.body = v; return nil },
		"-H": func(o *options, v string) error { o.headers = append(o.headers, v); return nil },
		"-m": func(o *options, v string) (err error) { o.maxTime, err = seconds(v); return err },

		"--connect-timeout": func(o *options, v string) (err error) { o.connectTimeout, err = seconds(v); return err },
		"--noproxy":         func(*options, string) error { return nil },
	}
	long = map[string]string{
		"--silent": "-s", "--show-error": "-S", "--include": "-i", "--head": "-I", "--globoff": "-g", "--insecure": "-k",
		"--ipv4": "-4", "--no-buffer": "-N", "--output": "-o", "--write-out": "-w", "--request": "-X", "--data": "-d",
		"--header": "-H", "--max-time": "-m",
	}
)

func ignore(*options) {}

func seconds(s string) (time.Duration, error) {
	n, err := strconv.ParseFloat(s, 64)
	return time.Duration(n * float64(time.Second)), err
}

func parse(args []string) (options, error) {
	o := options{output: "-"}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if short, ok := long[arg]; ok {
			arg = short
		}
		switch {
		case !strings.HasPrefix(arg, "-") || arg == "-":
			if o.url != "" {
				return o, fmt.Errorf("one URL is all that this curl takes")
			}
			o.url = arg
		case switches[arg] != nil:
			switches[arg](&o)
		case settings[arg] != nil:
			if len(args) == 0 {
				return o, fmt.Errorf("option %s: requires parameter", arg)
			}
			if err := settings[arg](&o, args[0]); err != nil {
				return o, fmt.Errorf("option %s: expected a proper numerical parameter", arg)
			}
			args = args[1:]
		case !strings.HasPrefix(arg, "--") && len(arg) > 2: // -sS, -m5
			first, rest := arg[:2], arg[2:]
			if switches[first] != nil {
				rest = "-" + rest
			}
			args = append([]string{first, rest}, args...)
		default:
			return o, fmt.Errorf("option %s: is unknown", arg)
		}
	}
	if o.url == "" {
		return o, fmt.Errorf("no URL specified")
	}
	return o, nil
}
