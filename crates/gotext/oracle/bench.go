package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"text/template"
	"time"
)

type benchRow struct {
	Name, Template string
	Data           map[string]string
}

// Nanoseconds, allocations and allocated bytes of one round.
type cost [3]float64

// A row of what the examples of the crate print: numbers, or lists of them.
type benchAnswer[Measured any] struct {
	Name, Output   string
	Parse, Execute Measured
}

// example runs an example of the crate.
func example(s *settings, name string) *json.Decoder {
	output, err := exec.Command(filepath.Join(filepath.Dir(s.answer), name)).Output()
	check(err)
	return json.NewDecoder(bytes.NewReader(output))
}

// processorTime is what all threads of the program took, those that collect garbage included.
func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// costOf repeats the work for a tenth of a second, five times, and keeps the fastest.
func costOf(work func()) cost {
	best := math.Inf(1)
	for range 5 {
		wall, start, rounds := time.Now(), processorTime(), 0
		for time.Since(wall) < 100*time.Millisecond {
			for range 20 {
				work()
			}
			rounds += 20
		}
		best = min(best, float64(processorTime()-start)/float64(rounds))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		work()
	}
	runtime.ReadMemStats(&after)
	return cost{best, float64(after.Mallocs-before.Mallocs) / 100, float64(after.TotalAlloc-before.TotalAlloc) / 100}
}

// bench measures ten templates on both sides and prints what the crate takes for each unit that Go takes. The examples
// "bench" and "bench_allocations" beside "answer" have to be optimised builds.
func bench(s *settings, r *report) {
	text, err := os.ReadFile(filepath.Join(s.cases, "..", "examples", "bench.json"))
	check(err)
	var rows []benchRow
	check(json.Unmarshal(text, &rows))
	times, allocations := example(s, "bench"), example(s, "bench_allocations")

	fmt.Printf("%-22s %28s   %28s\n", "", "parse: time allocs bytes", "execute: time allocs bytes")
	var products [2]cost
	for _, row := range rows {
		var timed benchAnswer[float64]
		check(times.Decode(&timed))
		var counted benchAnswer[[2]float64]
		check(allocations.Decode(&counted))
		parsed, err := template.New("t").Option("missingkey=error").Funcs(allFunctions).Parse(row.Template)
		check(err)
		var out bytes.Buffer
		check(parsed.Execute(&out, row.Data))
		r.same("bench "+row.Name, timed.Output, out.String())
		// As External Secrets does it: the table of functions is given to each new template.
		golang := [2]cost{
			costOf(func() {
				template.New("t").Option("missingkey=error").Funcs(allFunctions).Parse(row.Template)
			}),
			costOf(func() {
				var out bytes.Buffer
				parsed.Execute(&out, row.Data)
			}),
		}
		line := fmt.Sprintf("%-22s", row.Name)
		for i, took := range [2]cost{{timed.Parse, counted.Parse[0], counted.Parse[1]}, {timed.Execute, counted.Execute[0], counted.Execute[1]}} {
			line += fmt.Sprintf(" %7.1fµs %5.2f %5.2f %5.2f  ", took[0]/1000, took[0]/golang[i][0], took[1]/golang[i][1], took[2]/golang[i][2])
			for j := range took {
				products[i][j] += math.Log(took[j] / golang[i][j])
			}
		}
		fmt.Println(line)
	}
	line := fmt.Sprintf("%-22s", "geometric mean")
	for i := range products {
		line += fmt.Sprintf(" %9s %5.2f %5.2f %5.2f  ", "", math.Exp(products[i][0]/float64(len(rows))), math.Exp(products[i][1]/float64(len(rows))), math.Exp(products[i][2]/float64(len(rows))))
	}
	fmt.Println(line)
}
