package probe

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

var errCurlOutput = errors.New("curl's output cannot be read")

// parseCurl reads header blocks, body and trailer. Of several blocks the last counts: the others are interim answers
// (1xx, RFC 9110 section 15.2).
func parseCurl(out []byte) (Response, error) {
	end := bytes.LastIndex(out, []byte("\n"+trailer+" "))
	if end < 0 {
		return Response{}, fmt.Errorf("%w: it does not end with its trailer", errCurlOutput)
	}
	fields := strings.Fields(string(out[end+1+len(trailer):]))
	if len(fields) != 2 {
		return Response{}, fmt.Errorf("%w: the trailer has %d fields, not 2", errCurlOutput, len(fields))
	}
	code, codeErr := strconv.Atoi(fields[0])
	// Some locales print a decimal comma.
	seconds, secondsErr := strconv.ParseFloat(strings.Replace(fields[1], ",", ".", 1), 64)
	if codeErr != nil || secondsErr != nil || seconds < 0 || seconds > 1e6 {
		return Response{}, fmt.Errorf("%w: the trailer holds no status and time", errCurlOutput)
	}
	response := Response{Status: code, Took: time.Duration(seconds * float64(time.Second))}
	rest := out[:end]
	for {
		status, header, body, err := headerBlock(rest)
		if err != nil {
			return Response{}, err
		}
		if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
			rest = body
			continue
		}
		if status != code {
			return Response{}, fmt.Errorf("%w: status line says %d, trailer %d", errCurlOutput, status, code)
		}
		response.Header, response.Body = header, body[:min(len(body), bodyLimit)]
		return response, nil
	}
}

// headerBlock reads one status line with its header lines.
func headerBlock(in []byte) (status int, header http.Header, rest []byte, err error) {
	block, rest, found := bytes.Cut(in, []byte("\r\n\r\n"))
	if !found {
		return 0, nil, nil, fmt.Errorf("%w: the header block has no end", errCurlOutput)
	}
	line, lines, _ := strings.Cut(string(block), "\r\n")
	version, after, _ := strings.Cut(line, " ")
	number, _, _ := strings.Cut(after, " ")
	status, err = strconv.Atoi(number)
	if !strings.HasPrefix(version, "HTTP/") || err != nil || status < 100 || status > 999 {
		return 0, nil, nil, fmt.Errorf("%w: it has no status line", errCurlOutput)
	}
	parsed, err := textproto.NewReader(bufio.NewReader(strings.NewReader(lines + "\r\n\r\n"))).ReadMIMEHeader()
	if err != nil && lines != "" {
		return 0, nil, nil, fmt.Errorf("%w: a header line is malformed", errCurlOutput)
	}
	return status, http.Header(parsed), rest, nil
}
