package probe

import "context"

// restored is what was found when giving back.
type restored struct {
	scale  Scale       // before
	record scaleRecord // zero if there was none of the run
}

// restore gives back what the record of the run says, "" being any run, if the scale is still zero. Without such a record
// there is nothing to do. A conflict is an error like any other: the caller looks again.
func restore(ctx context.Context, local Scaler, target, run string) (restored, error) {
	scale, err := local.Read(ctx)
	if err != nil || scale.Record == "" {
		return restored{scale: scale}, err
	}
	record, err := parseScaleRecord(scale.Record)
	if run != "" && (err != nil || record.Run != run) {
		return restored{scale: scale}, nil
	}
	if err != nil {
		return restored{scale: scale}, err
	}
	found := restored{scale, record}
	back := Scale{Replicas: record.Replicas, ResourceVersion: scale.ResourceVersion}
	if scale.Replicas != 0 {
		back.Replicas = scale.Replicas
	}
	if err := local.Write(ctx, back); err != nil {
		return found, err
	}
	if scale.Replicas != 0 {
		return found, &ScaleChangedError{target, record.Replicas, scale.Replicas}
	}
	return found, nil
}
