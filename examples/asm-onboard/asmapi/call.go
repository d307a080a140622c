package asmapi

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/url"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
)

// request is an action with its parameters, each where the API wants it.
type request struct {
	action      string
	query, body map[string]string
	path        string   // of Container Service; "" is ASM
	once        bool     // a second time may do harm
	secrets     []string // in body
}

// call sends a request, again where that helps, and reads the reply.
func (c *Client) call(ctx context.Context, r request, reply any) error {
	for attempt := 1; ; attempt++ {
		err := c.send(ctx, r, reply)
		failed, ok := errors.AsType[*Error](err)
		if err == nil || !ok || attempt >= c.options.Attempts || !r.again(failed.Kind) || ctx.Err() != nil {
			return err
		}
		pause := c.pause(attempt, err)
		c.options.Observe(Again{r.action, attempt, pause, err})
		if ended := sleep(ctx, pause); ended != nil {
			return &Error{Action: r.action, Kind: failed.Kind, Status: failed.Status, Code: failed.Code, Message: ended.Error(), Err: ended}
		}
	}
}

// again says whether the same call may be sent once more.
func (r request) again(kind Kind) bool {
	return kind == Throttled || !r.once && (kind == Unavailable || kind == NoReply)
}

// pause doubles, and differs between callers; a server that says when is believed, within the limit.
func (c *Client) pause(attempt int, err error) time.Duration {
	limit := 20 * c.options.Pause
	pause := min(c.options.Pause<<min(attempt-1, 10), limit)
	pause = pause/2 + rand.N(pause/2+1)
	if throttled, ok := errors.AsType[*openapi.ThrottlingError](err); ok {
		pause = max(pause, min(time.Duration(tea.Int64Value(throttled.RetryAfter))*time.Millisecond, limit))
	}
	return pause
}

// send does it once.
func (c *Client) send(ctx context.Context, r request, reply any) error {
	params := &openapi.Params{
		Action: &r.action, Version: tea.String("2020-01-11"), Protocol: tea.String("HTTPS"), Pathname: tea.String("/"), Method: tea.String("POST"),
		AuthType: tea.String("AK"), Style: tea.String("RPC"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}
	client, message := c.mesh, new(openapi.OpenApiRequest)
	if r.path != "" {
		client, params.Version, params.Pathname = c.containers, tea.String("2015-12-15"), &r.path
		params.Method, params.Style, params.ReqBodyType = tea.String("GET"), tea.String("ROA"), tea.String("json")
	}
	message.Query = pointers(r.query)
	if r.body != nil {
		message.SetBody(r.body)
	}
	result, err := client.CallApiWithCtx(ctx, params, message, new(dara.RuntimeOptions))
	if err != nil {
		return c.explain(ctx, r, err)
	}
	data, err := json.Marshal(result["body"])
	if err == nil {
		err = json.Unmarshal(data, reply)
	}
	if err != nil { // what it quotes may be secret
		return &Error{Action: r.action, Kind: NoReply, Status: 200, Message: "the reply does not have the documented form"}
	}
	return nil
}

func pointers(values map[string]string) map[string]*string {
	all := map[string]*string{}
	for k, v := range values {
		all[k] = &v
	}
	return all
}

// explain makes an *Error of what the official client returns.
func (c *Client) explain(ctx context.Context, r request, err error) error {
	hidden := append(c.secrets(), r.secrets...)
	if ended := ctx.Err(); ended != nil {
		return &Error{Action: r.action, Kind: NoReply, Message: ended.Error(), Err: ended}
	}
	if errors.Is(err, errNoCredential) {
		return &Error{Action: r.action, Kind: NotAsked, Message: errNoCredential.Error()}
	}
	replied, ok := errors.AsType[dara.ResponseError](err)
	if !ok || tea.IntValue(replied.GetStatusCode()) == 0 {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // without the URL
		}
		return &Error{Action: r.action, Kind: NoReply, Message: Clean(err.Error(), hidden...), Err: withoutText{err}}
	}
	status, code := tea.IntValue(replied.GetStatusCode()), Clean(tea.StringValue(replied.GetCode()), hidden...)
	e := &Error{Action: r.action, Kind: kindOf(status, code), Status: status, Code: code, Err: withoutText{err}}
	data := replied.GetData()
	if text, ok := data["Message"].(string); ok {
		e.Message = Clean(text, hidden...)
	} else if text, ok := data["message"].(string); ok {
		e.Message = Clean(text, hidden...)
	}
	for _, name := range []string{"RequestId", "requestId"} {
		if id, ok := data[name].(string); ok {
			e.RequestID = Clean(id, hidden...)
		}
	}
	return e
}

// withoutText lets errors.Is and errors.As see a cause whose text may hold what Clean takes out.
type withoutText struct{ error }

func (e withoutText) Error() string { return "see above" }
func (e withoutText) Unwrap() error { return e.error }
