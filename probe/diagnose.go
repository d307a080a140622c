package probe

// Sighting is what was seen of a request that went wrong.
type Sighting struct {
	Response  Response   // the answer, if there was one
	Err       error      // why there was none, or what is wrong with it
	Endpoints []Endpoint // what the client's proxy has for the service, if it was read; nil says nothing
}

// Diagnosis is what most likely lies behind a [Sighting].
type Diagnosis struct {
	Symptom string // stable name
	Status  Status // Failed, or Unknown if the check itself could not be made
	Cause   string // one sentence
	Remedy  string // the next step
}

// Diagnose names the first symptom of the table that fits; "unexplained" if none does.
func Diagnose(seen Sighting) Diagnosis {
	for _, s := range symptoms {
		if s.fits(seen) {
			return s.Diagnosis
		}
	}
	return unexplained
}

var unexplained = Diagnosis{
	"unexplained", Failed, "it is none of the known symptoms",
	"look at the access logs of the client's proxy, the east-west gateway and the server's proxy, in this order",
}
