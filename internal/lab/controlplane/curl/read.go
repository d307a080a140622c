package curl

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// read takes the answer: header blocks as they came, interim ones too, then the body.
func (t *transfer) read(in *bufio.Reader) *failure {
	for {
		block, err := header(in)
		if err != nil {
			return t.received(err, len(block) == 0)
		}
		_, code, _ := strings.Cut(string(block), " ")
		t.status, _ = strconv.Atoi(code[:min(3, len(code))])
		if t.options.include {
			if _, err := t.out.Write(block); err != nil {
				return &failure{codeWrite, "Failure writing output to destination"}
			}
		}
		if t.status >= 100 && t.status < 200 {
			continue
		}
		request := &http.Request{Method: http.MethodGet}
		if t.options.head {
			request.Method = http.MethodHead
		}
		response, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(block), in)), request)
		if err != nil {
			return &failure{codeProtocol, "Received HTTP/0.9 when not allowed"}
		}
		defer response.Body.Close()
		t.size, err = io.Copy(t.out, response.Body)
		if err != nil {
			return t.received(err, false)
		}
		return nil
	}
}

// header reads up to and with the empty line.
func header(in *bufio.Reader) ([]byte, error) {
	var block []byte
	for {
		line, err := in.ReadBytes('\n')
		block = append(block, line...)
		if err != nil {
			return block, err
		}
		if strings.TrimRight(string(line), "\r\n") == "" {
			return block, nil
		}
	}
}
