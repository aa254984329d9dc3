package main

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/semver/v3"
)

// Arguments that few people would give, besides those of typed.
var odd = append([]string{
	"(fromJson \"null\")", "(rest (list))", "(regexFindAll \"x\" \"a\" 1)", "(split \",\" \"a,b\")", "(chunk 1 (list))", "(list (list))", "(list nil)", "(dict \"a\" (dict \"b\" 1))", "(fromYaml \"a: [1,{b: c}]\")", "\"a,b,c\"", "\"1.2.3\"", "\"1h\"", "\"[a-z]\"", "\"(\"",
	"\"2006-01-02\"", "\"/a/../b.c\"", "\"{\\\"a\\\":1}\"", "\"3\"", "\"-1\"", "\" x \"", "\"A b C\"", "\"UTC\"", "(semver \"1.2.3\").Major", "((semver \"v1.2.3\").IncMinor)", "((semver \"1.2\").MarshalText)", "((toDate \"2006\" \"2024\").AppendFormat nil \"\")", "((toDate \"2006\" \"2024\").Sub (toDate \"2006\" \"2023\"))",
	"((toDate \"2006\" \"2024\").Location)", "(toDate \"2006-01-02 15:04 -07:00\" \"2024-02-29 10:00 +05:30\")", ".missing", "$", "(index . \"s\")", "(\"x\")", "print", "(int64 -3)", "(add 1 2)", "(addf 1 2)", "(len \"abc\")", "(printf \"%c\" 255)", "1e3", "(slice (list 1 2 3) 0 1)", "(toStrings (list 1 nil \"\"))", "'\\''", "\"%s\"", "\"$1\"", "\"a\\nb\"", "(list 3 1 2)", "(list 0.5 true)",
}, typed...)

var builtins = strings.Fields("and or not eq ne lt le gt ge len index print printf println html js urlquery call")

// Texts that would take more memory than there is, where a function makes as many things.
var immense = []string{"0x7fffffff", "922337203685477580", "1e20", "1e21", "1e100", "123456789"}

// randomOdd compares any function on arguments of any type: for the most part what it says about them.
func randomOdd(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	names := sortedKeys(allFunctions)
	name, count := builtins[g.Intn(len(builtins))], g.Intn(4)
	if g.chance(95) {
		name = names[g.Intn(len(names))]
		t := reflect.TypeOf(allFunctions[name])
		count = t.NumIn()
		if t.IsVariadic() {
			count += g.Intn(3) - 1
		}
		if g.chance(4) {
			count += g.Intn(3) - 1
		}
	}
	if strings.HasPrefix(name, "gen") && g.chance(95) {
		return // Making keys takes long.
	}
	var args []string
	for len(args) < count {
		arg := odd[g.Intn(len(odd))]
		if growing[name] || strings.HasPrefix(name, "rand") {
			for _, number := range immense {
				if strings.Contains(arg, number) {
					arg = "7"
				}
			}
		}
		args = append(args, arg)
	}
	call := strings.Join(append([]string{name}, args...), " ")
	if count > 0 && g.chance(20) {
		call = args[count-1] + " | " + strings.Join(append([]string{name}, args[:count-1]...), " ")
	}
	text := "{{ " + call + " }}"
	switch g.Intn(4) {
	case 0:
		text = "{{ $x := " + call + " }}{{ printf \"%T|%#v\" $x $x }}"
	case 1:
		text = "{{ " + call + " | toJson }}"
	}
	data := map[string]string{"s": "text", "a": "1"}
	want := render(text, data, "eso", "error")
	for _, other := range unpredictable {
		if name == other && strings.HasPrefix(want, "text: ") {
			got := e.ask(question{Kind: "template", Template: []byte(text), Functions: "eso", Missingkey: "error", Texts: encoded(data)}).text()
			r.holds(text, strings.HasPrefix(got, "text: "), got)
			return
		}
	}
	if !address.MatchString(want) {
		compareOn(e, r, "odd", text, data)
	}
}

var receivers = []struct {
	of      reflect.Type
	written []string
}{
	{reflect.TypeFor[time.Time](), []string{"(toDate \"2006-01-02T15:04:05.999999999Z07:00\" \"2024-02-29T13:04:05.678Z\")", "(toDate \"2006-01-02 15:04 -07:00\" \"1999-12-31 10:00 +05:30\")", "((toDate \"2006\" \"2024\").Local)", "(toDate \"2006\" \"x\")", "((toDate \"2006\" \"9999\").AddDate 1 2 3)", "((toDate \"2006\" \"0000\").AddDate -1 0 0)"}},
	{reflect.TypeFor[*semver.Version](), []string{"(semver \"1.2.3-rc.1+b.2\")", "(semver \"v2\")", "(semver \"0.0.1\")"}},
	{reflect.TypeFor[semver.Version](), []string{"((semver \"v1.2.3-a\").IncPatch)", "((semver \"1.9.9\").SetMetadata \"m\")"}},
	{reflect.TypeFor[time.Duration](), []string{"((toDate \"2006\" \"2024\").Sub (toDate \"2006-01\" \"2023-05\"))", "((toDate \"2006\" \"2000\").Sub (toDate \"2006\" \"1600\"))"}},
	{reflect.TypeFor[time.Month](), []string{"(toDate \"2006\" \"2024\").Month"}},
	{reflect.TypeFor[time.Weekday](), []string{"(toDate \"2006\" \"2024\").Weekday"}},
	{reflect.TypeFor[*time.Location](), []string{"(toDate \"2006\" \"2024\").Location"}},
	{reflect.TypeFor[string](), []string{".s"}},
	{reflect.TypeFor[template.FuncMap](), []string{"(dict \"a\" 1)", "(split \",\" \"a,b\")"}},
}

// randomMethod compares the methods of all values that have some.
func randomMethod(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	receiver := receivers[g.Intn(len(receivers))]
	name, count := g.pick("Nope", "wall", "major", "Major", "String", "a", "_0"), g.Intn(2)
	if methods := receiver.of.NumMethod(); methods > 0 && g.chance(95) {
		method := receiver.of.Method(g.Intn(methods))
		name, count = method.Name, method.Type.NumIn()-1
		if g.chance(10) {
			count += g.Intn(3) - 1
		}
	}
	if name == "Scan" || strings.HasPrefix(name, "Unmarshal") {
		return // What would change the receiver does not exist in the crate.
	}
	call := receiver.written[g.Intn(len(receiver.written))] + "." + name
	for range count {
		other := receivers[g.Intn(len(receivers))]
		if g.chance(60) {
			other = receiver
		}
		argument := other.written[g.Intn(len(other.written))]
		if g.chance(50) {
			argument = odd[g.Intn(len(odd))]
		}
		call += " " + argument
	}
	compareOn(e, r, "method", g.pick("{{ "+call+" }}", "{{ $x := "+call+" }}{{ printf \"%T|%v|%#v|%s|%q|%x\" $x $x $x $x $x $x }}{{ toJson $x }}{{ toYaml $x }}{{ $x }}{{ quote $x }}{{ kindOf $x }}"), map[string]string{"s": "text"})
}

// randomVerb compares single verbs with all flags on values of all types.
func randomVerb(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	var t strings.Builder
	for range 20 {
		value, directive := odd[g.Intn(len(odd))], "%"
		for g.chance(45) {
			directive += g.pick("+", "-", "#", "0", " ")
		}
		directive += g.pick("", "", "1", "4", "9", "30") + g.pick("", "", "", ".", ".0", ".1", ".3", ".20")
		directive += string("vvvTsqxXdbocUeEfFgGtpOwabcijklmnruyzABCDHIJKLMNPQRSVWYZ"[g.Intn(55)])
		if value == ".missing" || strings.Contains(value, "+05:30") || strings.HasSuffix(directive, "p") {
			continue // An error, or an address in memory.
		}
		fmt.Fprintf(&t, "{{ printf %q %s }}|", directive, value)
	}
	compareOn(e, r, "verb", t.String(), map[string]string{"s": g.pick("text", "\xff", "", "日本")})
}
