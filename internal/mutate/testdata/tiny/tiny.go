// Package tiny has mutants of every kind that package mutate's own tests try.
package tiny

import "errors"

// Box holds a weight.
type Box struct{ Weight, Limit int }

// Put adds weight, unless it passes the limit or is not positive.
func (b *Box) Put(weight int) error {
	if weight <= 0 || b.Weight+weight > b.Limit {
		return errors.New("too much or nothing")
	}
	b.Weight += weight
	return nil
}

// Full is not looked at by the test.
func Full(b Box) bool { return b.Weight >= b.Limit }

// Name says what a weight is.
func Name(weight int) string {
	switch weight {
	case 0:
		return "nothing"
	case 1:
		return "one"
	}
	return "many"
}
