package printable

// Error returns err with its text as one [Line]; errors.Is and errors.As find all of err. nil stays nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return &printed{err}
}

type printed struct{ err error }

func (p *printed) Error() string { return Line(p.err.Error()) }

func (p *printed) Unwrap() error { return p.err }
