package rbactest_test

import (
	"fmt"

	"github.com/meshpeer/meshpeer/rbac/rbactest"
)

// fakeTB keeps what an assertion says instead of failing the test.
type fakeTB struct{ errors, fatals []string }

var _ rbactest.TB = (*fakeTB)(nil)

func (f *fakeTB) Helper() {}

func (f *fakeTB) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.fatals = append(f.fatals, fmt.Sprintf(format, args...))
}
