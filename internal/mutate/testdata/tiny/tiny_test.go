package tiny

import "testing"

func TestPut(t *testing.T) {
	b := Box{Limit: 3}
	if b.Put(3) != nil || b.Weight != 3 || b.Put(1) == nil {
		t.Fatal(b)
	}
	if Name(0) != "nothing" {
		t.Fatal(Name(0))
	}
}
