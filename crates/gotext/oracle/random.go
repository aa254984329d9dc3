package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"regexp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/tidwall/gjson"
)

// What is compared on random inputs, and the parts of the time it takes.
var kinds = []struct {
	name  string
	parts time.Duration
	check func(*engine, *rand.Rand, *report)
}{
	{"template", 8, randomTemplate}, {"plain", 1, randomPlain}, {"tokens", 1, randomTokens}, {"call", 1, randomCall}, {"odd", 1, randomOdd}, {"method", 1, randomMethod}, {"verb", 1, randomVerb}, {"printf", 1, randomPrintf}, {"number", 1, randomNumber},
	{"path", 1, randomPath}, {"selection", 1, randomSelection}, {"pattern", 1, randomPattern}, {"expression", 1, randomExpression}, {"json", 1, randomJSON},
	{"yaml", 1, randomYaml}, {"reading", 1, randomReading}, {"document", 1, randomDocument}, {"value", 1, randomValue}, {"duration", 1, randomDuration}, {"schedule", 1, randomSchedule}, {"timetable", 1, randomTimetable},
}

// checkRandom compares both sides on random inputs of every kind, or of one, for a bounded time.
func checkRandom(s *settings, r *report) {
	e := start(s.answer)
	defer e.stop()
	fmt.Println("random: seed", s.seed)
	source := rand.New(rand.NewSource(s.seed))
	var parts time.Duration
	for _, kind := range kinds {
		if s.kind == "" || s.kind == kind.name {
			parts += kind.parts
		}
	}
	for _, kind := range kinds {
		if s.kind != "" && s.kind != kind.name {
			continue
		}
		before := *r
		for end := time.Now().Add(s.seconds * kind.parts / parts); time.Now().Before(end); {
			kind.check(e, source, r)
		}
		fmt.Printf("random: %s: %d equal, %d different\n", kind.name, r.equal-before.equal, r.different-before.different)
	}
}

func encoded(texts map[string]string) map[string][]byte {
	out := map[string][]byte{}
	for key, text := range texts {
		out[key] = []byte(text)
	}
	return out
}

var textData = encoded(texts)

func randomTemplate(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	text := g.template()
	missingkey := g.pick("error", "error", "default", "zero")
	q := question{Kind: "template", Template: []byte(text), Functions: "eso", Missingkey: missingkey}
	var data any
	if g.chance(25) {
		document := map[string]any{"num": 3, "list": []any{1, "a", nil}, "deep": map[string]any{"k": "v"}, "nil": nil}
		for key, text := range texts {
			if key != "bin" {
				document[key] = text
			}
		}
		q.Document, _ = json.Marshal(document)
		json.Unmarshal(q.Document, &data)
	} else {
		q.Texts, data = textData, texts
	}
	want := render(text, data, "eso", missingkey)
	if strings.Contains(want, "0xc00") || strings.Contains(want, "(0x") || len(want) > 1<<20 {
		return // An address, or more than the bounds of the crate allow.
	}
	got := e.ask(q).text()
	if strings.Contains(got, "limit exceeded") || strings.Contains(want, "exceeded maximum template depth") {
		return // The bounds of the crate are narrower on purpose.
	}
	r.same("template "+text, got, want)
}

const document = `{"name":{"first":"Tom","last":"Anderson"},"age":37,"children":["Sara","Alex","Jack"],"fav.movie":"Deer Hunter",` +
	`"friends":[{"first":"Dale","last":"Murphy","age":44,"nets":["ig","fb","tw"],"ok":true},{"first":"Roger","last":"Craig","age":68,"nets":["fb","tw"]},` +
	`{"first":"Jane","last":"Murphy","age":47,"nets":["ig","tw"],"ok":null}],"n":{"a.b":{"c":1},"x":{"y":{"z":[1,[2,3],{"k":"v"}]}}},"big":12345678901234567890,` +
	`"flt":1.50,"exp":1e3,"neg":-0.0,"t":true,"nul":null,"empty":"","esc":"a\"b\n\u00e9","emoji":"\ud83d\ude00","0":"zero","key with space":"ks","a*b":"star",` +
	`"@at":"at","obj":{},"arr":[],"mixed":[1,"2",null,true,{"a":5},[6]],"jsonstr":"{\"in\":{\"deep\":[1,2]}}","dup":1,"dup":2, "ws" : [ 1 , 2 ,3 ]}`

func randomPath(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	parts := []string{"name", "first", "last", "age", "children", "friends", "nets", "#", "0", "1", "-1", "*", "n*", "?ame", "fav\\.movie", "a\\.b", "x", "y", "z",
		"#(age>45)", "#(age>45)#", "#(first==\"Dale\")", "#(last%\"M*\")#", "#(nets.#(==\"fb\"))#", "#(ok==~true)#", "#(nope)", "#.first", "#.age", "mixed", "ws", "big", "flt", "exp",
		"neg", "esc", "emoji", "empty", "nul", "jsonstr", "@fromstr", "@tostr", "@reverse", "@keys", "@values", "@flatten", "@join", "@this", "@valid", "@ugly", "@pretty",
		"@dig:first", "@flatten:{\"deep\":true}", "@pretty:{\"sortKeys\":true}", "@group", "{first,last}", "[first,age]", "{\"x\":age,name}", "!\"lit\"", "!true", "\\@at", "dup", "obj", "arr", "a\\*b", "key with space", "..", "n", "n.x.y.z", "@this.name"}
	var path strings.Builder
	for i := range 1 + g.Intn(4) {
		if i > 0 {
			path.WriteString(g.pick(".", ".", ".", "|"))
		}
		path.WriteString(parts[g.Intn(len(parts))])
	}
	text, where := document, path.String()
	if g.chance(15) {
		where = g.damage(where)
	}
	if g.chance(15) {
		text = g.damage(text)
	}
	want, ok := gjsonAnswer(text, where)
	if !ok {
		return
	}
	a := e.ask(question{Kind: "gjson", JSON: []byte(text), Path: []byte(where)})
	if a.Limit == "" {
		r.same("gjson "+where+" of "+text, a.found(), want)
	}
}

// gjsonAnswer is false where gjson itself breaks.
func gjsonAnswer(text, path string) (answer string, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	found := gjson.Get(text, path)
	return fmt.Sprintf("%s %v %v %q %q", found.Type, found.Exists(), gjson.Valid(text), found.String(), found.Raw), true
}

// found shows an answer as gjsonAnswer does.
func (a *answer) found() string {
	return fmt.Sprintf("%s %v %v %q %q", strings.Replace(a.Type, "Json", "JSON", 1), a.Exists, a.Valid, a.Out, a.Raw)
}

func replaceAll(pattern, text, replacement string) string {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return "error: " + err.Error()
	}
	return "text: " + expression.ReplaceAllString(text, replacement)
}

func randomPattern(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	atoms := []string{"a", "b", "x", "ab", ".", "\\d", "\\w", "\\s", "\\S", "\\b", "\\B", "^", "$", "\\A", "\\z", "[a-c]", "[^a]", "[[:alpha:]]", "[\\d-z]", "(a)", "(?:ab)", "(?P<n>b)", "(?<m>a)", "(?i)", "(?s:.)", "(?m)^", "a|b", "|", "()", "*", "+", "?", "*?", "{2}", "{1,2}", "{,2}", "{", "}", "\\Q.*\\E", "\\x41", "\\x{1F600}", "\\pL", "\\p{Greek}", "\\P{Lu}", "é", "日", "\\.", "\\-", "\\_", "[", "]", "(", ")", "(?-i:A)", "(?U)a+", "\\C", "\\1", "\\8", "\\07", "[a-]", "[]a]", "[^]a]", "{1001}", "**", "(?z)", "\\k", "[z-a]", "(?P<n>", "\\"}
	var pattern strings.Builder
	for range 1 + g.Intn(6) {
		pattern.WriteString(atoms[g.Intn(len(atoms))])
	}
	text := g.pick("", "a", "ab", "aab ba", "foo bar-12", "AbaB\nab\n", "日本é a", "\xffab\xff", "a b  a", "xx.*xx", "α A", "1-2_3")
	replacement := g.pick("", "$0", "$1", "${1}x", "$1x", "$n", "${n}", "$$", "$", "<$0>", "${", "$é", "$01", "-")
	want := replaceAll(pattern.String(), text, replacement)
	a := e.ask(question{Kind: "regexp", Pattern: []byte(pattern.String()), Text: []byte(text), Replacement: []byte(replacement)})
	what := fmt.Sprintf("regexp %s on %q with %q", pattern.String(), text, replacement)
	r.same(what, a.text(), want)
	if expression, err := regexp.Compile(pattern.String()); err == nil && a.Err == nil {
		all, split := expression.FindAllStringIndex(text, -1), expression.Split(text, -1)
		parts := make([]string, len(a.Split))
		for i := range parts {
			parts[i] = string(a.Split[i])
		}
		pairs := make([][2]int, len(all))
		for i := range all {
			pairs[i] = [2]int{all[i][0], all[i][1]}
		}
		r.same(what+" all", fmt.Sprint(a.All), fmt.Sprint(pairs))
		r.same(what+" split", fmt.Sprintf("%q", parts), fmt.Sprintf("%q", split))
		r.same(what+" quote", string(a.Quote), regexp.QuoteMeta(pattern.String()))
	}
}

func randomDuration(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	var text strings.Builder
	for range g.Intn(5) {
		text.WriteString(g.pick("1", "2", "90", ".5", "1.", "0", "-", "+", "h", "m", "s", "ms", "us", "µs", "μs", "ns", "1h", "30m", "1.5s", "0.000000001s", "9223372036854775807ns", "2562047h47m16.854775807s", " ", "d", "1e3", "9999999h", "\"", "é", "3.3333333333333333333h"))
	}
	want := "error: "
	value, err := time.ParseDuration(text.String())
	if err != nil {
		want += err.Error()
	} else {
		want = "text: " + value.String()
	}
	a := e.ask(question{Kind: "duration", Text: []byte(text.String())})
	r.same("duration "+text.String(), a.text(), want)
	r.holds("duration "+text.String(), a.Nanoseconds == int64(value), a.Nanoseconds, int64(value))
}

func randomSchedule(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	field := func(low, high int, names ...string) string {
		number := func() string {
			if len(names) > 0 && g.chance(20) {
				return names[g.Intn(len(names))]
			}
			return fmt.Sprint(low + g.Intn(high-low+1))
		}
		var parts []string
		for range 1 + g.Intn(2) {
			part := g.pick("*", "*", "*", number(), number(), number()+"-"+number(), "?")
			if g.chance(20) {
				part += "/" + fmt.Sprint(g.Intn(12))
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, ",")
	}
	text := strings.Join([]string{field(0, 59), field(0, 23), field(1, 31), field(1, 12, "jan", "FEB", "dec"), field(0, 7, "sun", "Mon", "sat")}, " ")
	switch {
	case g.chance(10):
		text = g.pick("@daily", "@hourly", "@weekly", "@monthly", "@yearly", "@annually", "@midnight", "@every 1h30m", "@every 1.5s", "@every 0s", "@every x", "@reboot")
	case g.chance(15):
		text = g.damage(text)
	}
	if g.chance(20) {
		text = g.pick("TZ=", "CRON_TZ=") + g.pick("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Nope/X", "UTC", "") + " " + text
	}
	from := time.Unix(1_600_000_000+int64(g.Intn(400_000_000)), 0).UTC()
	want := scheduleAnswer(text, from)
	if want == "" {
		return
	}
	a := e.ask(question{Kind: "cron", Text: text, From: from.Unix()})
	got := fmt.Sprint(a.Times)
	if a.Err != nil {
		got = "error"
	}
	r.same(fmt.Sprintf("cron %q after %s", text, from), got, want)
}

// scheduleAnswer is empty where cron itself breaks.
func scheduleAnswer(text string, from time.Time) (answer string) {
	defer func() {
		if recover() != nil {
			answer = ""
		}
	}()
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		return "error"
	}
	times := []int64{}
	for at := from; len(times) < 3; {
		if at = schedule.Next(at); at.IsZero() {
			break
		}
		times = append(times, at.Unix())
	}
	return fmt.Sprint(times)
}
