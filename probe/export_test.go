package probe

// Symptoms names the rows of the table, for a test that leaves none out.
func Symptoms() []string {
	var names []string
	for _, s := range symptoms {
		names = append(names, s.Symptom)
	}
	return append(names, unexplained.Symptom)
}
