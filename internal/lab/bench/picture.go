//go:build linux

package main

import (
	"bytes"
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// picture is a plot of curves over the number of clusters.
type picture struct {
	file, title, up string
	log             bool // both axes
	curves          []curve
}

// curve is one line of a picture: a spread for each x.
type curve struct {
	name string
	x    []float64
	y    []spread
}

// XY and YError are those of plotter.XYer and plotter.YErrorer: medians with bars from quartile to quartile.
func (c curve) Len() int                    { return len(c.x) }
func (c curve) XY(i int) (float64, float64) { return c.x[i], c.y[i].median }
func (c curve) YError(i int) (float64, float64) {
	return c.y[i].median - c.y[i].low, c.y[i].high - c.y[i].median
}

// svg is the picture as a file.
func (p picture) svg() ([]byte, error) {
	plotted, err := p.plot()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.file, err)
	}
	canvas := vgsvg.New(16*vg.Centimeter, 10*vg.Centimeter)
	plotted.Draw(draw.New(canvas))
	var out bytes.Buffer
	_, err = canvas.WriteTo(&out)
	return out.Bytes(), err
}

func (p picture) plot() (*plot.Plot, error) {
	plotted := plot.New()
	plotted.Title.Text, plotted.X.Label.Text, plotted.Y.Label.Text = p.title, "clusters", p.up
	plotted.Legend.Top, plotted.Legend.Left = true, true
	plotted.Add(plotter.NewGrid())
	if p.log {
		plotted.X.Scale, plotted.Y.Scale = plot.LogScale{}, plot.LogScale{}
		plotted.Y.Tick.Marker = plot.LogTicks{Prec: -1}
	} else {
		plotted.Y.Min = 0
	}
	for i, c := range p.curves {
		line, points, err := plotter.NewLinePoints(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		bars, err := plotter.NewYErrorBars(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		line.Color, points.Color, bars.Color = plotutil.Color(i), plotutil.Color(i), plotutil.Color(i)
		line.Width, points.Shape = vg.Points(1.5), draw.CircleGlyph{}
		plotted.Add(line, points, bars)
		plotted.Legend.Add(c.name, line, points)
	}
	if len(p.curves) > 0 {
		plotted.X.Tick.Marker = p.ticks()
	}
	if !p.log {
		plotted.Y.Max *= 1.3 // room for the legend
	}
	return plotted, nil
}

// ticks are the numbers of clusters that were measured.
func (p picture) ticks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, x := range p.curves[0].x {
		ticks = append(ticks, plot.Tick{Value: x, Label: fmt.Sprint(x)})
	}
	return ticks
}
