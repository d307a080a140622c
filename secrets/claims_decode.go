package secrets

import (
	"encoding/json"
	"time"
)

// audiences is one string or a list of them (RFC 7519, section 4.1.3).
type audiences []string

func (a *audiences) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audiences{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// numericDate is seconds since 1970 (RFC 7519, section 2).
type numericDate struct{ time.Time }

// maxDate is the last second that JSON can write as a time, in the year 9999.
const maxDate = 253402300799

func (d *numericDate) UnmarshalJSON(data []byte) error {
	var seconds float64
	if err := json.Unmarshal(data, &seconds); err != nil {
		return err
	}
	if seconds > 0 && seconds <= maxDate {
		d.Time = time.Unix(int64(seconds), 0).UTC()
	}
	return nil
}

// expiry is the exp claim of a token, if it has one.
func expiry(value string) time.Time {
	claims, err := NewToken(value, time.Time{}).Claims()
	if err != nil {
		return time.Time{}
	}
	return claims.Expires
}
