package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"text/template"
)

type benchRow struct {
	Name, Template string
	Data           map[string]string
}

// Nanoseconds, allocations and allocated bytes of one round.
type cost [3]float64

type benchAnswer struct {
	Name, Output   string
	Parse, Execute cost
}

func costOf(work func(b *testing.B)) cost {
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		work(b)
	})
	return cost{float64(result.T.Nanoseconds()) / float64(result.N), float64(result.AllocsPerOp()), float64(result.AllocedBytesPerOp())}
}

// bench measures ten templates on both sides and prints what the crate takes for each unit that Go takes. The example
// "bench" beside "answer" has to be an optimised build.
func bench(s *settings, r *report) {
	testing.Init()
	text, err := os.ReadFile(filepath.Join(s.cases, "..", "examples", "bench.json"))
	check(err)
	var rows []benchRow
	check(json.Unmarshal(text, &rows))
	output, err := exec.Command(filepath.Join(filepath.Dir(s.answer), "bench")).Output()
	check(err)
	answers := json.NewDecoder(bytes.NewReader(output))

	fmt.Printf("%-22s %28s   %28s\n", "", "parse: time allocs bytes", "execute: time allocs bytes")
	var products [2]cost
	for _, row := range rows {
		var rust benchAnswer
		check(answers.Decode(&rust))
		parsed, err := template.New("t").Option("missingkey=error").Funcs(allFunctions).Parse(row.Template)
		check(err)
		var out bytes.Buffer
		check(parsed.Execute(&out, row.Data))
		r.same("bench "+row.Name, rust.Output, out.String())
		// As External Secrets does it: the table of functions is given to each new template.
		golang := [2]cost{
			costOf(func(b *testing.B) {
				for b.Loop() {
					template.New("t").Option("missingkey=error").Funcs(allFunctions).Parse(row.Template)
				}
			}),
			costOf(func(b *testing.B) {
				for b.Loop() {
					var out bytes.Buffer
					parsed.Execute(&out, row.Data)
				}
			}),
		}
		line := fmt.Sprintf("%-22s", row.Name)
		for i, took := range [2]cost{rust.Parse, rust.Execute} {
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
