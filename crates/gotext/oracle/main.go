// Oracle compares the gotext crate with the Go programs it follows: text/template, regexp, time, sprig, gjson,
// robfig/cron, sigs.k8s.io/yaml, crypto/x509, go-pkcs12 and jwx. It is a development tool.
//
//	oracle -answer PATH [-cases DIR] [-seconds N] [-seed N] [-kind K] tables|random|keys|bench
//
// PATH is the built example "answer" of the crate. Every difference is printed; the exit status is 1 if there was one.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

type settings struct {
	answer  string
	cases   string
	kind    string
	seconds time.Duration
	seed    int64
}

func main() {
	var s settings
	flag.StringVar(&s.answer, "answer", "../../../target/debug/examples/answer", "the built example \"answer\"")
	flag.StringVar(&s.cases, "cases", "../cases", "folder of the tables")
	seconds := flag.Int("seconds", 30, "how long to compare random inputs, for each kind of check")
	flag.StringVar(&s.kind, "kind", "", "only one kind of random inputs: template, yaml, path…")
	flag.Int64Var(&s.seed, "seed", time.Now().UnixNano(), "where the random inputs start")
	flag.Parse()
	s.seconds = time.Duration(*seconds) * time.Second
	os.Setenv("TZ", "UTC")

	checks := map[string]func(*settings, *report){"tables": checkTables, "random": checkRandom, "keys": checkKeys, "bench": bench}
	names := flag.Args()
	if len(names) == 0 {
		names = []string{"tables", "random", "keys"}
	}
	var r report
	for _, name := range names {
		check, ok := checks[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "oracle: no check called %q\n", name)
			os.Exit(2)
		}
		r = report{name: name}
		check(&s, &r)
		fmt.Printf("%s: %d equal, %d different\n", name, r.equal, r.different)
		defer func(failed bool) {
			if failed {
				os.Exit(1)
			}
		}(r.different > 0)
	}
}

// A report counts and prints differences; only the first ones, as one cause shows many times.
type report struct {
	name             string
	equal, different int
}

const shown = 60

func (r *report) same(what, rust, golang string) {
	if rust == golang {
		r.equal++
		return
	}
	r.different++
	if r.different <= shown {
		fmt.Printf("DIFFERENT %s\n  rust %q\n  go   %q\n", clip(what, 2000), clip(rust, 1500), clip(golang, 1500))
	}
}

func (r *report) holds(what string, condition bool, details ...any) {
	if condition {
		r.equal++
		return
	}
	r.different++
	if r.different <= shown {
		fmt.Printf("WRONG %s %s\n", what, clip(fmt.Sprint(details...), 1500))
	}
}

func clip(text string, length int) string {
	if len(text) > length {
		return text[:length] + "…"
	}
	return text
}
